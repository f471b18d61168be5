/** What a service is and how to heal it: the configuration as the core sees it. All times are in ms. */

type Action = "restart" | "stop" | "notify" | "none";

/** At most `restarts` in any `windowMs`. A restart that failed counts too. */
export interface Budget {
  restarts: number;
  windowMs: number;
}

/** kubelet's CrashLoopBackOff: the first restart is immediate, the n-th waits `min(base * 2^(n-1), cap)`. */
export interface Backoff {
  baseMs: number;
  capMs: number;
  /** The share by which a wait may vary either way, so that services are not all restarted at once. */
  jitter: number;
}

export interface ServicePolicy {
  name: string;
  displayName: string;
  /** What the restarter is told to restart; empty when there is nothing to restart. */
  container: string;
  /** The URL of its check, safe to show: without user name, password, query and fragment. */
  healthUrl?: string;
  action: Action;
  dryRun: boolean;
  intervalMs: number;
  /** The interval while it is failing, verifying or down; `intervalMs` when absent. */
  fastIntervalMs?: number;
  failureThreshold: number;
  successThreshold: number;
  /** Failures within this time after the container's start do not count; the image's start period when absent. */
  startPeriodMs?: number;
  backoff: Backoff;
  /** `null`: no budget. The backoff's cap is then the only limit. */
  budget: Budget | null;
  /** After this time healthy without interruption, backoff and budget are reset. */
  stableMs: number;
  /** Services that must be healthy for this one to be healthy. */
  dependsOn: readonly string[];
  /** Services that are restarted right after this one. */
  restartWith: readonly string[];
  /** Do not restart a container that a person stopped. */
  respectManualStop: boolean;
  /** Tell a recovery without a restart only after at least this many failures. */
  recoveryAfter: number;
  /** How often to tell again while it is down; never when absent. */
  remindEveryMs?: number;
}

/** Every service by name, in the order of the configuration. */
export type Policies = ReadonlyMap<string, ServicePolicy>;

/** Thresholds as in HAProxy, backoff and stable time as in kubelet. */
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
