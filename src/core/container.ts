/** What the watchdog knows about a container, and about the way to it. */

/**
 * Where a check failed before it reached the service: its name does not resolve here, there is no route to its
 * address, or the connection was not made in time.
 */
export type CheckFault = "unresolved" | "unrouted" | "unconnected";

/** What the last inspection of the container said, as far as rules need it. */
export interface KnownContainer {
  id: string;
  /** Its image and Compose configuration. When it changes, somebody has fixed something. */
  build: string;
  /** By our clock: never later than when we first saw this start, and moved along when the clock is set. */
  startedAt: number;
  /** The same start by the engine's clock, ms since the epoch: tells one start from another. */
  engineStart?: number;
  startPeriodMs?: number;
  /** The id of the container in whose network namespace it lives. */
  networkParent?: string;
  runs?: true;
  /** A person stopped or paused it: a text that says how. */
  stoppedByHand?: string;
  /** It is running, but the last check failed on the way to it. */
  outOfReach?: OutOfReach;
  absence?: Absence;
  /** The engine's error, if the container was never started. */
  error?: string;
  /** The command that creates and starts it. */
  remedy?: string;
  /** Somebody stopped it for a while, and starts it again: a text that says how and for what. */
  stoppedFor?: string;
  /** What the engine's own restart policy does with it; absent if it has none. */
  engineRestarts?: EngineRestarts;
  /** How its engine restarts went on from one look to the next. */
  restartSeries?: RestartSeries;
}

/**
 * Why there is no container to restart: none has the name; it was never started; it is being removed; or it has ended,
 * and another one that was created takes its place.
 */
export type Absence = "gone" | "created" | "removing" | "replaced";

/** The engine starts a container again whenever it ends, by a policy that the container was created with. */
export interface EngineRestarts {
  /** What the engine calls the policy. */
  policy: string;
  /** Since somebody last started or restarted it. */
  count: number;
  /** It has ended, and the engine is about to start it again. */
  isDue?: true;
  /** How it ended last, and what that suggests; absent while it runs. */
  ended?: string;
  /** How people find the cause. */
  advice: string;
}

/** Restarts by the engine that a look found, as far as they follow one another. Times in ms since the epoch. */
export interface RestartSeries {
  fromCount: number;
  count: number;
  sinceAt: number;
  /** When the count was last seen to grow, or a restart to be due; 0 if never. */
  grewAt: number;
  seenAt: number;
  /** How the container ended last, as far as a look has found it ended. */
  ended?: string;
}

/** Restarts by the engine, and within how many ms. */
export interface RecentRestarts {
  restarts: number;
  withinMs: number;
}

/** A container as a look has just found it. */
export interface SeenContainer extends KnownContainer {
  /** Restarts that the restarter saw by itself, apart from looks. */
  recentRestarts?: RecentRestarts;
}

/** Why a running container cannot be reached from where the watchdog runs. */
export interface OutOfReach {
  /** The missing network. All containers that one command puts within reach have the same cause. */
  cause: string;
  /** What keeps the watchdog away, and the command that fixes it. */
  reason: string;
}

/**
 * Whether a container started after the restart was ordered. If its previous start is known, that is compared,
 * because the engine's clock may be ahead of ours.
 */
export function isLaterStart(
  startedAt: number,
  restart: { at: number; startBefore?: number } | undefined,
): boolean {
  return startedAt > (restart?.startBefore ?? restart?.at ?? 0);
}
