/** The outbox: which alert goes to which sink, when it is tried next, and what becomes of it. */
import type { Alert, Route } from "./alert.ts";
import { takes } from "./alert.ts";
import { draw } from "./draw.ts";

/**
 * What came of one attempt at one sink. `disable`: the receiver is gone for good. `calledOff`: we stopped
 * it ourselves, so that it says nothing of the sink and counts as no attempt.
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
  /** Whose news it is; empty for the watchdog's own. Order is kept for each (sink, service). */
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

/** What is known of a sink that failed; a sink that takes alerts has no record. */
export interface SinkHealth {
  /** Failed attempts in a row, over all services. */
  failures: number;
  /** Not tried before this: `Retry-After`, or an open circuit. */
  heldUntilAt: number;
  /** The receiver is gone for good; a replay or a new start tries it again. */
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
/** Alerts that wait, for all sinks together. A host in trouble for a day makes a few thousand. */
export const MOST_ENTRIES = 20_000;
const MOST_DEAD = 1000;
/** Failures in a row that open a sink's circuit: it is then tried with one alert at a time. */
export const CIRCUIT_FAILURES = 5;
const CIRCUIT_MS = 300_000;

export function emptyOutbox(): OutboxState {
  return { entries: [], dead: [], sinks: {}, sent: 0 };
}

/** The sinks that there are, and which alerts each takes. */
export type Routes = ReadonlyMap<string, Route | undefined>;

/** The outbox with new alerts. `dropped` had to make room, and are dead letters now. */
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

/** Past the bound the oldest go, news of recoveries before news of failures: a DOWN is dropped last. */
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

/** The outbox at a new start: somebody may have mended the address of a receiver that was gone. */
export function reopen(outbox: OutboxState): OutboxState {
  const sinks = Object.fromEntries(Object.entries(outbox.sinks).filter(([, { disabled }]) => !disabled));
  return { ...outbox, sinks };
}

/** What is kept in order: one service's news for one sink. */
export const laneOf = (entry: OutboxEntry) => `${entry.sink}\n${entry.service}`;

/** Entries that wait, in order, for each (sink, service) whose first entry may be tried now. */
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

/** When the next entry may be tried, lanes in hand left out; `undefined` when none waits. */
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

/** What became of the outbox by attempts: who died, and which sinks' circuits opened. */
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
  const sinks = { ...outbox.sinks };
  const entries: OutboxEntry[] = [];
  let sent = outbox.sent;
  let left = deliveries.size;
  const counted = new Set<Delivery>();
  for (const [index, entry] of outbox.entries.entries()) {
    // Most deliveries are of the oldest entries: the rest is taken over as it is.
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
      // One that arrived all the same does not end the wait that the receiver asked for.
      if (health && health.heldUntilAt > now)
        sinks[entry.sink] = { failures: 0, heldUntilAt: health.heldUntilAt };
      else delete sinks[entry.sink];
      continue;
    }
    const tried = { ...entry, attempts: entry.attempts + 1, lastReason: delivery.reason };
    // Several alerts in one message share their delivery: that is one failure.
    if (!counted.has(delivery)) {
      counted.add(delivery);
      const health = afterFailure(sinks[entry.sink], tried, delivery, now);
      sinks[entry.sink] = health;
      const opens = health.failures === CIRCUIT_FAILURES || health.disabled;
      if (opens) result.opened.push({ sink: entry.sink, reason: delivery.reason });
    }
    const nextAt = now + nextWaitMs(tried, delivery);
    const isOver = tried.attempts > SCHEDULE_MS.length || nextAt - entry.createdAt > OLDEST_MS;
    if (delivery.outcome === "rejected" || isOver) result.died.push({ ...tried, diedAt: now });
    else entries.push({ ...tried, nextAt });
  }
  result.outbox = { entries, dead: buried(outbox.dead, result.died), sinks, sent };
  return result;
}

/** A rejected alert says nothing of the sink; a failure holds it for the receiver's wait, or an open circuit's. */
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
  const heldUntilAt = Math.max(known.heldUntilAt, now + Math.max(circuitMs, delivery.retryAfterMs ?? 0));
  return { ...known, failures, heldUntilAt };
}

/** The schedule's, or longer if the receiver says so; at once where it says 0 (it moved, and we know where). */
function nextWaitMs(tried: OutboxEntry, delivery: Delivery): number {
  const asked = delivery.outcome === "retry" ? delivery.retryAfterMs : undefined;
  if (asked === 0 && tried.attempts === 1) return 0;
  return Math.max(waitMs(tried), asked ?? 0);
}

/** The outbox with a dead letter to be tried again at once; `undefined` when there is none of that id. */
export function replay(outbox: OutboxState, id: string, now: number): OutboxState | undefined {
  const letter = outbox.dead.find((one) => one.id === id);
  if (letter === undefined) return undefined;
  const { diedAt: _, ...entry } = letter;
  const { [entry.sink]: __, ...sinks } = outbox.sinks;
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
