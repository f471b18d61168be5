/** What the watchdog remembers between ticks. Plain JSON; times in ms since the epoch. */
import type { OutboxState } from "./outbox.ts";
import { emptyOutbox } from "./outbox.ts";

export type Status = "unknown" | "healthy" | "failing" | "restarting" | "verifying" | "down";

export type HoldKind = "paused" | "maintenance" | "dependency" | "brake" | "backoff" | "budget" | "dry-run";

/** Why a service that needs a restart is not restarted now. */
export interface Hold {
  kind: HoldKind;
  reason: string;
  sinceAt: number;
  /** When it ends; absent when that depends on something else, which `reason` names. */
  untilAt?: number;
}

/** From the first failed check in a row to the recovery. */
export interface Outage {
  /** The incident's id. */
  id: string;
  startedAt: number;
  /** Failed checks in a row before the last action, or so far when there was none. */
  failures: number;
  firstReason: string;
  /** Restarts that were ordered in this outage. */
  restarts: number;
  /** Whether one of them happened, as far as anybody knows. */
  restarted: "no" | "yes" | "unknown";
  /** Its container was stopped (action `stop`), and is left so. */
  stopped?: true;
  /** When COMPONENT_DOWN was told; 0 when it was not. */
  toldAt: number;
  /** When it was last told, reminders included. */
  remindedAt: number;
  /** The service whose outage explains this one. */
  cause?: string;
  /** It was held silently (dependency, maintenance, a pause, the brake): unless told, its end is not told either. */
  silent?: true;
  /** What the evidence suggests. */
  hint?: string;
  /** What happened in it, oldest first, bounded. */
  log: LogEntry[];
}

export interface LogEntry {
  at: number;
  text: string;
}

/** A restart that was written down before it is made. */
export interface RestartIntent {
  id: string;
  orderedAt: number;
  /** The service along with which it is made; empty for one of its own. */
  along: string;
  /** `restart` or `stop`. */
  action: "restart" | "stop";
  reason: string;
  /** Failed checks in a row that led to it; 0 for one made along with another service's. */
  failures: number;
}

/** Until when, by whom. */
export interface Pause {
  sinceAt: number;
  /** Absent: until it is resumed. */
  untilAt?: number;
  origin: string;
}

/** What the last look at the container said, as far as rules need it. */
export interface KnownContainer {
  id: string;
  /** Its image and compose configuration: when this changes, somebody has mended something. */
  build: string;
  startedAt: number;
  startPeriodMs?: number;
  /** The id of the container in whose network namespace it lives. */
  networkParent?: string;
  /** A person stopped or paused it: what was done, for people. */
  stoppedByHand?: string;
}

export interface RestartRecord {
  at: number;
  outcome: "pending" | "restarted" | "failed" | "unknown";
  reason: string;
}

export interface ServiceState {
  status: Status;
  statusSinceAt: number;
  addedAt: number;
  /** Failed checks in a row. */
  failures: number;
  /** Passed checks in a row, counted while recovering. */
  successes: number;
  lastCheck: { at: number; ok: boolean | null; reason: string } | null;
  lastPassAt: number;
  /** Also of a failure that did not count. */
  lastFailAt: number;
  /** Since when it has been healthy without a break; 0 when it is not. */
  healthySinceAt: number;
  /** Failures before this do not count: the grace after our own restart. */
  graceUntilAt: number;
  outage: Outage | null;
  restart: RestartIntent | null;
  /** Restarts since the service was last stable, newest last, bounded. */
  restarts: RestartRecord[];
  /** Restarts since the service was last stable: the `n` of the backoff. */
  backoffLevel: number;
  /** No restart before this. */
  notBeforeAt: number;
  /** Since when the budget is spent; 0 when it is not. */
  budgetSpentAt: number;
  /** Restarts before this do not count for the budget: an operator resumed it, or it was rebuilt. */
  budgetFromAt: number;
  hold: Hold | null;
  pause: Pause | null;
  container: KnownContainer | null;
}

/** Holds every restart: too many fell at once, the engine is away, or our own network is. */
export interface Brake {
  kind: "correlated" | "engine" | "network";
  sinceAt: number;
  reason: string;
}

/** What a person asked for. */
export interface OperatorAction {
  at: number;
  action: "pause" | "resume" | "restart";
  /** Empty for all services. */
  service: string;
  origin: string;
  untilAt?: number;
  forced?: true;
  /** What came of it. */
  answer: string;
}

/** Something that keeps the watchdog itself from its job. */
export interface Trouble {
  sinceAt: number;
  reason: string;
}

export interface WatchdogState {
  /** The latest time that was seen: a clock that shows an earlier one was set back. */
  clockAt: number;
  lastTick: { id: string; startedAt: number; completedAt: number; durationMs: number } | null;
  services: Record<string, ServiceState>;
  troubles: Record<string, Trouble>;
  brake: Brake | null;
  /** For all services. */
  pause: Pause | null;
  /** The last that were asked for, newest last. */
  actions: OperatorAction[];
  outbox: OutboxState;
}

/** The format of the state file. A file with a greater number is refused untouched. */
export const STATE_VERSION = 1;

export function emptyState(): WatchdogState {
  return {
    clockAt: 0,
    lastTick: null,
    services: {},
    troubles: {},
    brake: null,
    pause: null,
    actions: [],
    outbox: emptyOutbox(),
  };
}

export function newService(now: number): ServiceState {
  return {
    status: "unknown",
    statusSinceAt: now,
    addedAt: now,
    failures: 0,
    successes: 0,
    lastCheck: null,
    lastPassAt: 0,
    lastFailAt: 0,
    healthySinceAt: 0,
    graceUntilAt: 0,
    outage: null,
    restart: null,
    restarts: [],
    backoffLevel: 0,
    notBeforeAt: 0,
    budgetSpentAt: 0,
    budgetFromAt: 0,
    hold: null,
    pause: null,
    container: null,
  };
}

export function withStatus(service: ServiceState, status: Status, now: number): ServiceState {
  return service.status === status ? service : { ...service, status, statusSinceAt: now };
}
