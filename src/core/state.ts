/** What the watchdog remembers between ticks: plain JSON, with times in ms since the epoch. */
import type { CheckFault, KnownContainer, OutOfReach } from "./container.ts";
import type { OutboxState } from "./outbox.ts";
import { emptyOutbox } from "./outbox.ts";
import { record } from "./record.ts";
import type { Troubles } from "./trouble-state.ts";

export type HoldKind =
  | "paused"
  | "maintenance"
  | "backup"
  | "unreachable"
  | "recreating"
  | "dependency"
  | "brake"
  | "missing"
  | "crash-loop"
  | "backoff"
  | "budget"
  | "dry-run";

/** Why a service that needs a restart is not restarted now. */
export interface Hold {
  kind: HoldKind;
  reason: string;
  sinceAt: number;
  /** When it ends; absent if that depends on something else, which `reason` names. */
  untilAt?: number;
}

/** An outage lasts from the first failed check in a row to the recovery. */
export interface Outage {
  /** The incident's id. */
  id: string;
  startedAt: number;
  /** Failed checks in a row before the last restart; up to now if there was none. */
  failures: number;
  firstReason: string;
  /** The reason of the last failed check. After a restart it changes only when the failures reach the threshold. */
  lastReason: string;
  /** How many restarts were ordered in this outage. */
  restarts: number;
  /** Whether one of them was carried out. */
  restarted: "no" | "yes" | "unknown";
  /** Its container was stopped (action `stop`) and stays stopped. */
  stopped?: true;
  /** When COMPONENT_DOWN was told; 0 when it was not. */
  toldAt: number;
  /** The id of the alert that told it; empty when there was none, or its id is not known. */
  toldAs: string;
  /** When it was last told, including reminders. */
  remindedAt: number;
  /** The service whose outage explains this one. */
  cause?: string;
  /** A silent hold applied to it, or a restart caused it: its end is told only if its beginning was. */
  silent?: true;
  /** What the evidence suggests. */
  hint?: string;
  /** What happened in it, oldest first. Its length is bounded. */
  log: LogEntry[];
}

export interface LogEntry {
  at: number;
  text: string;
}

/** A restart that was ordered. It is written down before it is carried out. */
export interface RestartIntent {
  id: string;
  orderedAt: number;
  /** The service along with which this one is restarted; empty when it is restarted for itself. */
  along: string;
  action: "restart" | "stop";
  reason: string;
  /** Failed checks in a row before it. Below the threshold if another service or a person caused it. */
  failures: number;
  /** The person who asked for it. */
  askedBy?: string;
  /** A person ordered it regardless of holds. */
  forced?: true;
}

/** A person paused one service or all. */
export interface Pause {
  sinceAt: number;
  /** Absent: until a person resumes it. */
  untilAt?: number;
  origin: string;
}

export interface RestartRecord {
  at: number;
  /** When its container had started before, ms since the epoch by the engine's clock; absent if unknown. */
  startBefore?: number;
  outcome: "pending" | "restarted" | "failed" | "unknown";
  /** It failed before it could do anything: the budget does not count it. */
  untried?: true;
  reason: string;
}

/** A service's status, with the records that this status requires, allows or excludes. */
type Phase =
  | { status: "unknown"; outage: null; restart: null }
  | { status: "healthy"; outage: null; restart: null }
  | { status: "failing"; outage: Outage; restart: null }
  | { status: "restarting"; outage: Outage | null; restart: RestartIntent }
  | { status: "verifying"; outage: Outage | null; restart: null }
  | { status: "down"; outage: Outage; restart: null };

export type Status = Phase["status"];

export interface LastCheck {
  at: number;
  ok: boolean | null;
  reason: string;
  /** Of the last check that could be made. */
  fault?: CheckFault;
  /** How many checks in a row could not be made because the watchdog could not ask. */
  blocked?: number;
}

/** What is known about a service in every status. */
interface ServiceRecord {
  statusSinceAt: number;
  addedAt: number;
  /** Failed checks in a row. */
  failures: number;
  /** Passed checks in a row. */
  successes: number;
  lastCheck: LastCheck | null;
  lastPassAt: number;
  /** When a check last failed, even if the failure did not count. */
  lastFailAt: number;
  /** Since when it has been healthy without interruption; 0 when it is not healthy. */
  healthySinceAt: number;
  /** Failures before this time do not count: the grace after a restart of ours. */
  graceUntilAt: number;
  /** The last restarts, newest last. Their number is bounded. */
  restarts: readonly RestartRecord[];
  /** Restarts since the service was last stable: the `n` of the backoff. */
  backoffLevel: number;
  /** No restart before this time. */
  notBeforeAt: number;
  /** Since when the budget has been spent; 0 when it is not. */
  budgetSpentAt: number;
  /** Restarts before this time do not count for the budget: a person resumed the service, or it was rebuilt. */
  budgetFromAt: number;
  hold: Hold | null;
  pause: Pause | null;
  container: KnownContainer | null;
}

export type ServiceState = ServiceRecord & Phase;

export type ServiceIn<S extends Status> = Extract<ServiceState, { status: S }>;

/** Holds every restart: too many services went down at once, the engine or our own network is away, or its disk is full. */
export interface Brake {
  kind: "correlated" | "engine" | "network" | "disk";
  sinceAt: number;
  reason: string;
  /** The id of the alert that told it. */
  toldAs?: string;
  /** Not told, because a trouble has told the same. */
  silent?: true;
}

/** What a person requested. */
export interface OperatorAction {
  at: number;
  action: "pause" | "resume" | "restart";
  /** Empty for all services. */
  service: string;
  origin: string;
  untilAt?: number;
  forced?: true;
  /** The result, as it was said to the person. */
  answer: string;
}

export interface LastTick {
  id: string;
  startedAt: number;
  completedAt: number;
  durationMs: number;
  /** The last few times from the start of a tick to the start of the next, oldest first. */
  gapsMs?: number[];
}

/** What is kept of a service that is not watched any more, for its return: its limits. */
export type Remembered = { sinceAt: number } & Pick<
  ServiceRecord,
  "restarts" | "backoffLevel" | "notBeforeAt" | "budgetSpentAt" | "budgetFromAt" | "pause" | "container"
>;

/** By the service's name, in the order in which they left. */
export type Absent = Readonly<Record<string, Remembered>>;

export interface WatchdogState {
  /** The latest time that the watchdog saw. A clock that shows an earlier time was set back. */
  clockAt: number;
  lastTick: LastTick | null;
  services: Record<string, ServiceState>;
  absent: Absent;
  troubles: Troubles;
  brake: Brake | null;
  /** For all services. */
  pause: Pause | null;
  /** The last requests of people, newest last. */
  actions: OperatorAction[];
  outbox: OutboxState;
}

/** The format of the state file. The watchdog refuses a file with a greater number and does not touch it. */
export const STATE_VERSION = 1;

export function emptyState(): WatchdogState {
  return {
    clockAt: 0,
    lastTick: null,
    services: record(),
    absent: record(),
    troubles: record(),
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

/** A service as a file may hold it: nobody has compared its status with its records yet. */
export type UncheckedService = ServiceRecord & {
  status: Status;
  outage: Outage | null;
  restart: RestartIntent | null;
};

/** The service in a status that its records allow. An outage is kept, because its end must be told if it was told. */
export function withFittingStatus(service: UncheckedService): ServiceState {
  const { status, outage, restart } = service;
  if (status === "restarting" && restart !== null) return { ...service, status, restart };
  if (outage === null) {
    const fitting = status === "healthy" || status === "verifying" ? status : "unknown";
    return { ...service, status: fitting, outage, restart: null };
  }
  const fitting = status === "down" || status === "verifying" ? status : "failing";
  return { ...service, status: fitting, outage, restart: null };
}

/** The service in this phase. A new status begins now. */
export function enter(service: ServiceRecord & { status: Status }, phase: Phase, now: number): ServiceState {
  const statusSinceAt = service.status === phase.status ? service.statusSinceAt : now;
  return { ...service, ...phase, statusSinceAt };
}

/** Why the service is out of reach. A check that got to the service shows that it is within reach. */
export function outOfReach({ lastCheck, container }: ServiceState): OutOfReach | undefined {
  return lastCheck?.fault === undefined ? undefined : container?.outOfReach;
}
