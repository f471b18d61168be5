/** What happens to the watchdog, and what it wants done about it. */
import type { Alert } from "./alert.ts";
import type { Policies } from "./policy.ts";

/** `ok: null` when the check could not be made: it counts as nothing. */
export interface Verdict {
  ok: boolean | null;
  reason: string;
}

/** How a restart ended. `fault` is the restarter's own word for what kept it from its job. */
export interface Outcome {
  outcome: "restarted" | "failed" | "unknown";
  reason: string;
  fault?: string;
}

export type WatchdogEvent =
  /** The state was loaded, or the configuration changed: restarts under way are not ours any more. */
  | { type: "loaded" }
  | { type: "checked"; verdicts: Record<string, Verdict> }
  | { type: "settled"; outcomes: Record<string, Outcome> }
  /** Something keeps the watchdog from its job, or (`reason: null`) does so no more. */
  | { type: "trouble"; trouble: string; reason: string | null; tried: string };

/** When an event happens, and a word that no other event has: the seed of ids and of jitter. */
export interface Moment {
  now: number;
  id: string;
}

export interface World {
  policies: Policies;
  moment: Moment;
}

export interface RestartOrder {
  id: string;
  service: string;
  action: "restart" | "stop";
  reason: string;
}

export type Effect =
  | { type: "restart"; order: RestartOrder }
  | { type: "alert"; service: string; alert: Alert }
  | { type: "note"; level: "info" | "warn"; service: string; text: string };
