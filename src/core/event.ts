/** Events go into the core, effects come out: what happened, and what the runner has to do about it. */
import type { Alert } from "./alert.ts";
import type { CheckFault, SeenContainer } from "./container.ts";
import type { Policies } from "./policy.ts";
import type { LogEntry } from "./state.ts";
import type { TroubleId } from "./trouble-state.ts";

/** The result of a check. `ok: null`: the check could not be made, and counts as neither passed nor failed. */
export interface Verdict {
  ok: boolean | null;
  reason: string;
  fault?: CheckFault;
  /** It could not be made because the watchdog itself cannot ask: nothing is known of the service. */
  blocked?: true;
}

/** What kept a restarter from its job. */
export type RestartFault =
  | "no_such_container"
  | "engine_unreachable"
  | "permission_denied"
  | "client_missing"
  | "disk_full"
  | "other";

/** How a restart ended. */
export interface Outcome {
  outcome: "restarted" | "failed" | "unknown";
  reason: string;
  fault?: RestartFault;
  /** It failed before it could do anything. */
  untried?: true;
  /** What the evidence suggests. */
  hint?: string;
}

/** What the watchdog saw besides the checks of a tick. What is absent was not looked at. */
export interface Surroundings {
  /** Containers by service, as the engine described them just now. */
  containers?: Record<string, SeenContainer>;
  /** Services whose container does not exist. */
  gone?: readonly string[];
  /** The engine did not answer in time: nothing new is known about containers. */
  late?: true;
  /** Why the container engine does not answer; `null` when it does. */
  engineFault?: string | null;
  /** Why the engine's disk has no room for a restart; `null` when it has; absent when that cannot be seen. */
  diskFault?: string | null;
  /** Why the watchdog's own network seems to be down; `null` when it is not. */
  networkFault?: string | null;
}

/** What a person requests. An empty `service` means all. */
export interface OperatorRequest {
  action: "pause" | "resume" | "restart";
  service: string;
  origin: string;
  untilAt?: number;
  force?: boolean;
}

/** The result of a request: `text` for people, `code` for programs. */
export interface OperatorAnswer {
  code: "done" | "refused" | "unknown_service";
  text: string;
}

export type WatchdogEvent =
  /**
   * The state was loaded: restarts that were under way are not ours any more. `ends` has the outcomes that their
   * containers tell.
   */
  | { type: "loaded"; ends?: Record<string, Outcome>; isPartial?: boolean }
  /**
   * The configuration was replaced, or other services were found: some may have joined and left. Restarts that are
   * under way go on. `isPartial`: not all services could be found out.
   */
  | { type: "configured"; isPartial?: boolean }
  /** `at`: when the tick began, by which the next check is scheduled; now when absent. */
  | { type: "checked"; at?: number; verdicts: Record<string, Verdict>; around?: Surroundings }
  | { type: "operator"; request: OperatorRequest; around?: Surroundings }
  | { type: "settled"; outcomes: Record<string, Outcome> }
  /** Restarts that were ordered and did not begin. */
  | { type: "withheld"; services: readonly string[]; why: string }
  /** Something keeps the watchdog from doing its job, or no longer does (`reason: null`). */
  | { type: "trouble"; trouble: TroubleId; reason: string | null; tried: string };

/** When an event happens, and an id of its own, from which other ids and the jitter follow. */
interface Moment {
  now: number;
  id: string;
}

export interface World {
  policies: Policies;
  moment: Moment;
  brake?: BrakeRule;
  /** Services in a maintenance window, with the time at which it closes. */
  maintenance?: Readonly<Record<string, number>>;
}

/** Hold all restarts when at least `min` services, and this share of all, go down within `windowMs`. */
export interface BrakeRule {
  share: number;
  min: number;
  windowMs: number;
}

export interface RestartOrder {
  id: string;
  service: string;
  /** The incident that it belongs to; empty when there is none. */
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

/** What the log may say about many services at once. */
export type Topic = "failing" | "healthy" | "grace" | "hold" | "restart";

export type Effect =
  | { type: "restart"; order: RestartOrder }
  /** An outage that has ended, for the store of incidents. */
  | { type: "incident"; incident: Incident }
  | ({ type: "answer" } & OperatorAnswer)
  | { type: "alert"; service: string; alert: Alert }
  /** For the log. When thousands come at once, the log counts those of one topic instead of writing each. */
  | { type: "note"; level: "info" | "warn"; service: string; text: string; topic?: Topic };
