/** What a restarter says about containers, and is told about their checks. */
import type { CheckFault, EngineRestarts, OutOfReach, RecentRestarts } from "../core/container.ts";

/** A container as the engine reports it. Times in ms since the epoch; 0 if the engine has none. */
export interface ContainerFacts {
  id: string;
  image: string;
  /** `com.docker.compose.config-hash`, empty outside compose. */
  configHash: string;
  /** `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`. */
  status: string;
  startedAt: number;
  finishedAt: number;
  exitCode: number;
  oomKilled: boolean;
  error: string;
  restartCount: number;
  /** `Healthcheck.StartPeriod`; absent when the image has none. */
  startPeriodMs?: number;
  /** The container's own stop timeout; absent when it has none (the engine then waits 10 s). */
  stopTimeoutMs?: number;
  /** `HostConfig.NetworkMode=container:<id>`: whose network namespace it lives in. */
  networkParent?: string;
  /** What the engine's own restart policy does with it; absent for a container that may end. */
  engineRestarts?: EngineRestarts;
  /** Restarts by the engine that the plugin saw lately, apart from this look. */
  recentRestarts?: RecentRestarts;
  /** The command that creates and starts it. */
  remedy?: string;
  /** It has ended, and this container, which was created and never started, takes its place. */
  replacedBy?: string;
  /** Why somebody may stop it for a while and then start it again. */
  stopsFor?: string;
  /** Set if it runs, but its check fails because the watchdog cannot reach it. */
  outOfReach?: OutOfReach;
}

/** A check that failed before it reached the service. */
export interface FailedCheck {
  url: string;
  fault: CheckFault;
}
