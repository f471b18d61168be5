/** The outbox: which alert goes to which sink, when it is tried next, and how it ends. */
import type { Alert, Route } from "./alert.ts";
import { takes } from "./alert.ts";
import { record } from "./record.ts";
import { draw } from "./seeded-random.ts";

/**
 * The result of one attempt at one sink. `disable`: the receiver is gone for good. `calledOff`: we stopped the attempt
 * ourselves, so it says nothing about the sink and does not count.
 */
export type Delivery =
  | { outcome: "delivered"; reason: string }
  | { outcome: "retry"; reason: string; retryAfterMs?: number; calledOff?: true }
  | { outcome: "rejected"; reason: string; disable?: boolean };

/** One alert for one sink. */
export interface OutboxEntry {
  /** `<alert id>:<sink>` */
  id: string;
  sink: string;
  /** The service that the alert is about; empty for the watchdog's own. Order is kept for each (sink, service). */
  service: string;
  alert: Alert;
  createdAt: number;
  attempts: number;
  nextAt: number;
  lastReason: string;
}

export interface DeadLetter extends OutboxEntry {
  diedAt: number;
}

/** What is known about a sink that failed. A sink that accepts alerts has no record. */
interface SinkHealth {
  /** Failed attempts in a row, over all services. */
  failures: number;
  /** No attempt before this time: `Retry-After`, or an open circuit. */
  heldUntilAt: number;
  /** The receiver is gone for good. A replay, or the next start of the watchdog, tries it again. */
  disabled?: true;
}

export interface OutboxState {
  entries: OutboxEntry[];
  dead: DeadLetter[];
  sinks: Record<string, SinkHealth>;
  /** Delivered since the state file was made. */
  sent: number;
}

/** After the n-th failed attempt, wait this long (Standard Webhooks' schedule), varied by a fifth either way. */
const SCHEDULE_MS = [5, 30, 120, 300, 900, 3600, 10_800, 21_600, 43_200].map((s) => s * 1000);
const OLDEST_MS = 24 * 3_600_000;
/** The longest wait that a receiver may ask for: an alert must get more than one attempt in its day. */
const LONGEST_ASKED_MS = 6 * 3_600_000;
/** The most alerts that wait, for all sinks together. A host in trouble for a day makes a few thousand. */
export const MOST_ENTRIES = 20_000;
const MOST_DEAD = 1000;
/** After this many failures in a row a sink's circuit opens: it is then tried with one alert at a time. */
export const CIRCUIT_FAILURES = 5;
const CIRCUIT_MS = 300_000;

export function emptyOutbox(): OutboxState {
  return { entries: [], dead: [], sinks: record(), sent: 0 };
}

/** All sinks, with the alerts that each one takes. */
export type Routes = ReadonlyMap<string, Route | undefined>;

/** The outbox with new alerts. The `dropped` ones had to make room and are dead letters now. */
export function enqueue(
  outbox: OutboxState,
  alerts: readonly { service: string; alert: Alert }[],
  routes: Routes,
  now: number,
): { outbox: OutboxState; dropped: DeadLetter[] } {
  const fresh: OutboxEntry[] = [];
  for (const { service, alert } of alerts) {
    for (const [sink, route] of routes) {
      if (!takes(route, service, alert)) continue;
      const id = `${alert.id}:${sink}`;
      fresh.push({ id, sink, service, alert, createdAt: now, attempts: 0, nextAt: now, lastReason: "" });
    }
  }
  if (fresh.length === 0) return { outbox, dropped: [] };
  return makeRoom({ ...outbox, entries: [...outbox.entries, ...fresh] }, now);
}

/** Over the limit the oldest are dropped, recoveries before failures: a DOWN is dropped last. */
function makeRoom(outbox: OutboxState, now: number): { outbox: OutboxState; dropped: DeadLetter[] } {
  const excess = outbox.entries.length - MOST_ENTRIES;
  if (excess <= 0) return { outbox, dropped: [] };
  const isGood = (entry: OutboxEntry) => entry.alert.params.success;
  const goodFirst = [...outbox.entries.filter(isGood), ...outbox.entries.filter((entry) => !isGood(entry))];
  const gone = new Set(goodFirst.slice(0, excess));
  const dropped = [...gone].map((entry) => ({ ...entry, diedAt: now, lastReason: "the outbox is full" }));
  const entries = outbox.entries.filter((entry) => !gone.has(entry));
  return { outbox: { ...outbox, entries, dead: buried(outbox.dead, dropped) }, dropped };
}

function buried(dead: readonly DeadLetter[], fresh: readonly DeadLetter[]): DeadLetter[] {
  return [...dead, ...fresh].slice(-MOST_DEAD);
}

/** The outbox at the start of a process: somebody may have corrected the address of a receiver that was gone. */
export function reopen(outbox: OutboxState): OutboxState {
  const sinks = record(outbox.sinks);
  for (const [name, { disabled }] of Object.entries(sinks)) if (disabled) delete sinks[name];
  return { ...outbox, sinks };
}

/** A lane is kept in order: the alerts about one service for one sink. */
export const laneOf = (entry: OutboxEntry) => `${entry.sink}\n${entry.service}`;

/** The waiting entries, in order, of each lane whose first entry may be tried now. */
export function dueLanes(outbox: OutboxState, now: number): OutboxEntry[][] {
  const lanes = new Map<string, OutboxEntry[]>();
  for (const entry of outbox.entries) {
    const lane = lanes.get(laneOf(entry));
    if (lane) lane.push(entry);
    else lanes.set(laneOf(entry), [entry]);
  }
  return [...lanes.values()].filter(([first]) => first!.nextAt <= now && mayTry(outbox, first!.sink, now));
}

function mayTry(outbox: OutboxState, sink: string, now: number): boolean {
  const health = outbox.sinks[sink];
  return health === undefined || (!health.disabled && health.heldUntilAt <= now);
}

export function circuitIsOpen(outbox: OutboxState, sink: string): boolean {
  return (outbox.sinks[sink]?.failures ?? 0) >= CIRCUIT_FAILURES;
}

/** When the next entry may be tried, without the lanes `inHand`; `undefined` when none waits. */
export function nextAttemptAt(outbox: OutboxState, inHand: ReadonlySet<string>): number | undefined {
  const firsts = new Set(inHand);
  let next: number | undefined;
  for (const entry of outbox.entries) {
    const lane = laneOf(entry);
    const health = outbox.sinks[entry.sink];
    if (firsts.has(lane) || health?.disabled) continue;
    firsts.add(lane);
    const at = Math.max(entry.nextAt, health?.heldUntilAt ?? 0);
    if (next === undefined || at < next) next = at;
  }
  return next;
}

/** The outbox after attempts, with the alerts that will not be tried again, and the sinks whose circuits opened. */
export interface Recorded {
  outbox: OutboxState;
  died: DeadLetter[];
  opened: { sink: string; reason: string }[];
}

export function recordDeliveries(
  outbox: OutboxState,
  deliveries: ReadonlyMap<string, Delivery>,
  now: number,
): Recorded {
  const result: Recorded = { outbox, died: [], opened: [] };
  const sinks = record(outbox.sinks);
  const entries: OutboxEntry[] = [];
  let sent = outbox.sent;
  let left = deliveries.size;
  const counted = new Set<Delivery>();
  for (const [index, entry] of outbox.entries.entries()) {
    // Most deliveries concern the oldest entries: the rest stays as it is.
    if (left === 0) {
      entries.push(...outbox.entries.slice(index));
      break;
    }
    const delivery = deliveries.get(entry.id);
    if (delivery !== undefined) left--;
    if (delivery === undefined) {
      entries.push(entry);
      continue;
    }
    if (delivery.outcome === "delivered") {
      sent++;
      const health = sinks[entry.sink];
      // An alert that was delivered meanwhile does not end the wait that the receiver asked for.
      if (health && health.heldUntilAt > now)
        sinks[entry.sink] = { failures: 0, heldUntilAt: health.heldUntilAt };
      else delete sinks[entry.sink];
      continue;
    }
    const tried = { ...entry, attempts: entry.attempts + 1, lastReason: delivery.reason };
    // Several alerts in one message share one delivery, and count as one failure.
    if (!counted.has(delivery)) {
      counted.add(delivery);
      const health = afterFailure(sinks[entry.sink], tried, delivery, now);
      sinks[entry.sink] = health;
      const opens = health.failures === CIRCUIT_FAILURES || health.disabled;
      if (opens) result.opened.push({ sink: entry.sink, reason: delivery.reason });
    }
    const nextAt = nextAttempt(tried, delivery, now);
    const isOver = tried.attempts > SCHEDULE_MS.length || nextAt - entry.createdAt > OLDEST_MS;
    if (delivery.outcome === "rejected" || isOver) result.died.push({ ...tried, diedAt: now });
    else entries.push({ ...tried, nextAt });
  }
  result.outbox = { entries, dead: buried(outbox.dead, result.died), sinks, sent };
  return result;
}

/** A rejected alert says nothing about the sink. A failure holds it for the wait that it asked for, or its open circuit. */
function afterFailure(
  health: SinkHealth | undefined,
  tried: OutboxEntry,
  delivery: Exclude<Delivery, { outcome: "delivered" }>,
  now: number,
): SinkHealth {
  const known = health ?? { failures: 0, heldUntilAt: 0 };
  if (delivery.outcome === "rejected") return delivery.disable ? { ...known, disabled: true } : known;
  const failures = known.failures + 1;
  const circuitMs = failures >= CIRCUIT_FAILURES ? Math.min(waitMs(tried), CIRCUIT_MS) : 0;
  const heldUntilAt = Math.max(known.heldUntilAt, now + Math.max(circuitMs, askedWaitMs(delivery) ?? 0));
  return { ...known, failures, heldUntilAt };
}

/** How long the receiver asks to wait, up to a limit; `undefined` when it does not say. */
export function askedWaitMs(delivery: Delivery): number | undefined {
  const asked = delivery.outcome === "retry" ? delivery.retryAfterMs : undefined;
  return asked === undefined ? undefined : Math.min(asked, LONGEST_ASKED_MS);
}

/**
 * By the schedule, or later if the receiver says so. At once if it says 0, after the first attempt: it moved, and we
 * know where. A wait that the receiver asks for is cut to the end of the alert's day, for one last attempt.
 */
function nextAttempt(tried: OutboxEntry, delivery: Delivery, now: number): number {
  const asked = askedWaitMs(delivery);
  if (asked === 0 && tried.attempts === 1) return now;
  const nextAt = now + Math.max(waitMs(tried), asked ?? 0);
  const lastAt = tried.createdAt + OLDEST_MS;
  return now + waitMs(tried) <= lastAt ? Math.min(nextAt, lastAt) : nextAt;
}

/** The outbox after a time in which no watchdog ran: this time does not make the alerts older. */
export function rested(outbox: OutboxState, ms: number): OutboxState {
  return {
    ...outbox,
    entries: outbox.entries.map((entry) => ({ ...entry, createdAt: entry.createdAt + ms })),
  };
}

/** The outbox after these sinks got new settings: what is known of them is of the old ones, and all of it is due. */
export function tryAgain(outbox: OutboxState, names: ReadonlySet<string>, now: number): OutboxState {
  if (names.size === 0) return outbox;
  const sinks = record(outbox.sinks);
  for (const name of names) delete sinks[name];
  const entries = outbox.entries.map((entry) => (names.has(entry.sink) ? { ...entry, nextAt: now } : entry));
  return { ...outbox, sinks, entries };
}

/** The outbox, with a dead letter that is tried again at once; `undefined` when no dead letter has this id. */
export function replay(outbox: OutboxState, id: string, now: number): OutboxState | undefined {
  const letter = outbox.dead.find((one) => one.id === id);
  if (letter === undefined) return undefined;
  const { diedAt: _, ...entry } = letter;
  const sinks = record(outbox.sinks);
  delete sinks[entry.sink];
  return {
    ...outbox,
    sinks,
    dead: outbox.dead.filter((one) => one !== letter),
    entries: [...outbox.entries, { ...entry, attempts: 0, createdAt: now, nextAt: now }],
  };
}

function waitMs(entry: OutboxEntry): number {
  const plain = SCHEDULE_MS[Math.min(entry.attempts, SCHEDULE_MS.length) - 1]!;
  return Math.round(plain * (0.8 + 0.4 * draw(`${entry.id}${entry.attempts}`)));
}
