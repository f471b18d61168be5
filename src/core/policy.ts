/** What a service is and how it is to be healed: the configuration as the core sees it. All times in ms. */

export type Action = "restart" | "stop" | "notify" | "none";

/** At most `restarts` in any `windowMs`; a restart command that failed counts too. */
export interface Budget {
  restarts: number;
  windowMs: number;
}

/** kubelet's CrashLoopBackOff: the first restart is immediate, the n-th waits `min(base * 2^(n-1), cap)`. */
export interface Backoff {
  baseMs: number;
  capMs: number;
  /** Share by which a wait may differ either way, so that restarts do not march in step. */
  jitter: number;
}

export interface ServicePolicy {
  name: string;
  displayName: string;
  /** What the restarter is told to restart; empty when there is nothing to restart. */
  container: string;
  action: Action;
  dryRun: boolean;
  intervalMs: number;
  /** Interval while in doubt (failing, verifying, down); the ordinary one when absent. */
  fastIntervalMs?: number;
  failureThreshold: number;
  successThreshold: number;
  /** Failures within this time of the container's own start do not count; the image's own when absent. */
  startPeriodMs?: number;
  backoff: Backoff;
  /** `null`: no budget, the backoff's cap is the only limit. */
  budget: Budget | null;
  /** Healthy for this long without a break, and backoff and budget are forgotten. */
  stableMs: number;
  /** Services that this one cannot be healthy without. */
  dependsOn: readonly string[];
  /** Services that are restarted right after this one. */
  restartWith: readonly string[];
  /** A person's stop is left alone. */
  respectManualStop: boolean;
  /** Least failures after which a recovery without a restart is told. */
  recoveryAfter: number;
  /** Tell again while down, this often; never when absent. */
  remindEveryMs?: number;
}

/** Every service by name, in the order of the configuration. */
export type Policies = ReadonlyMap<string, ServicePolicy>;

/** The seed's defaults (15 s, 3 failures) and those of kubelet and HAProxy. */
export const DEFAULT_POLICY = {
  action: "restart",
  dryRun: false,
  intervalMs: 15_000,
  failureThreshold: 3,
  successThreshold: 1,
  backoff: { baseMs: 10_000, capMs: 300_000, jitter: 0.2 },
  budget: { restarts: 5, windowMs: 600_000 },
  stableMs: 600_000,
  dependsOn: [],
  restartWith: [],
  respectManualStop: false,
  recoveryAfter: 1,
} as const satisfies Omit<ServicePolicy, "name" | "displayName" | "container">;
