/** What happens to the watchdog, and what it wants done about it. */
import type { Alert } from "./alert.ts";
import type { Policies } from "./policy.ts";
import type { KnownContainer, LogEntry } from "./state.ts";

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
  /** What the evidence suggests. */
  hint?: string;
}

/** What is known around the checks of a tick; what is absent was not looked at, or needs no looking. */
export interface Surroundings {
  /** Containers by service, as the engine said just now. */
  containers?: Record<string, KnownContainer>;
  /** The look was not over in time: what containers would have said is not known. */
  late?: true;
  /** Why the restarter's engine does not answer; `null` when it does. */
  engineFault?: string | null;
  /** Why the watchdog's own network seems to be down; `null` when it is not. */
  networkFault?: string | null;
}

/** What a person asks for. An empty `service` means all. */
export interface OperatorRequest {
  action: "pause" | "resume" | "restart";
  service: string;
  origin: string;
  untilAt?: number;
  force?: boolean;
}

export type WatchdogEvent =
  /**
   * The state was loaded, or the configuration changed: restarts under way are not ours any more.
   * `ends` has those whose container tells what became of them.
   */
  | { type: "loaded"; ends?: Record<string, Outcome> }
  /** `at`: when the tick began, from which the next check is due; now when absent. */
  | { type: "checked"; at?: number; verdicts: Record<string, Verdict>; around?: Surroundings }
  | { type: "operator"; request: OperatorRequest; around?: Surroundings }
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
  brake?: BrakeRule;
  /** Services in a maintenance window, and when it closes. */
  maintenance?: Readonly<Record<string, number>>;
}

/** Holds all restarts when at least `min` services and this share of all fall within `windowMs` (Envoy's panic threshold). */
export interface BrakeRule {
  share: number;
  min: number;
  windowMs: number;
}

export interface RestartOrder {
  id: string;
  service: string;
  /** The incident that it is part of; empty when there is none. */
  incident: string;
  action: "restart" | "stop";
  reason: string;
}

export interface Incident {
  id: string;
  service: string;
  displayName: string;
  container: string;
  startedAt: number;
  endedAt: number;
  durationMs: number;
  firstReason: string;
  outcome: string;
  restarts: number;
  cause?: string;
  hint?: string;
  log: LogEntry[];
}

export type Effect =
  | { type: "restart"; order: RestartOrder }
  /** An outage that is over, for the store of incidents. */
  | { type: "incident"; incident: Incident }
  /** The answer to an operator's request. */
  | { type: "answer"; done: boolean; text: string }
  | { type: "alert"; service: string; alert: Alert }
  | { type: "note"; level: "info" | "warn"; service: string; text: string };
