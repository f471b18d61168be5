/** The outbox: which alert goes to which sink, when it is tried next, and what becomes of it. */
import type { Alert, Route } from "./alert.ts";
import { takes } from "./alert.ts";
import { draw } from "./draw.ts";

/** What came of one attempt at one sink. `disable`: the receiver is gone for good. */
export type Delivery =
  | { outcome: "delivered"; reason: string }
  | { outcome: "retry"; reason: string; retryAfterMs?: number }
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

export interface OutboxState {
  entries: OutboxEntry[];
  dead: DeadLetter[];
  /** Sinks that may not be tried before a time: `Retry-After`, or gone for good (`Infinity` is not JSON: `null`). */
  heldUntilAt: Record<string, number | null>;
  /** Delivered since the state file was made. */
  sent: number;
}

/** After the n-th failed attempt, wait this long (Standard Webhooks' schedule), varied by a fifth either way. */
const SCHEDULE_MS = [5, 30, 120, 300, 900, 3600, 10_800, 21_600, 43_200].map((s) => s * 1000);
const OLDEST_MS = 24 * 3_600_000;
const MOST_DEAD = 200;

export function emptyOutbox(): OutboxState {
  return { entries: [], dead: [], heldUntilAt: {}, sent: 0 };
}

/** The sinks that there are, and which alerts each takes. */
export type Routes = ReadonlyMap<string, Route | undefined>;

export function enqueue(
  outbox: OutboxState,
  alerts: readonly { service: string; alert: Alert }[],
  routes: Routes,
  now: number,
): OutboxState {
  const fresh: OutboxEntry[] = [];
  for (const { service, alert } of alerts) {
    for (const [sink, route] of routes) {
      if (!takes(route, service, alert)) continue;
      const id = `${alert.id}:${sink}`;
      fresh.push({ id, sink, service, alert, createdAt: now, attempts: 0, nextAt: now, lastReason: "" });
    }
  }
  return fresh.length === 0 ? outbox : { ...outbox, entries: [...outbox.entries, ...fresh] };
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
  return [...lanes.values()].filter(
    ([first]) => first!.nextAt <= now && !sinkIsHeld(outbox, first!.sink, now),
  );
}

export function sinkIsHeld(outbox: OutboxState, sink: string, now: number): boolean {
  const until = outbox.heldUntilAt[sink];
  return until === null || (until !== undefined && until > now);
}

/** When the next entry may be tried, lanes in hand left out; `undefined` when none waits. */
export function nextAttemptAt(outbox: OutboxState, inHand: ReadonlySet<string>): number | undefined {
  const firsts = new Set(inHand);
  let next: number | undefined;
  for (const entry of outbox.entries) {
    const lane = laneOf(entry);
    const held = outbox.heldUntilAt[entry.sink];
    if (firsts.has(lane) || held === null) continue;
    firsts.add(lane);
    const at = Math.max(entry.nextAt, held ?? 0);
    if (next === undefined || at < next) next = at;
  }
  return next;
}

/** The outbox after attempts. `died` are those that will not be tried again. */
export function recordDeliveries(
  outbox: OutboxState,
  deliveries: ReadonlyMap<string, Delivery>,
  now: number,
): { outbox: OutboxState; died: DeadLetter[] } {
  const died: DeadLetter[] = [];
  const entries: OutboxEntry[] = [];
  const heldUntilAt = { ...outbox.heldUntilAt };
  let sent = outbox.sent;
  for (const entry of outbox.entries) {
    const delivery = deliveries.get(entry.id);
    if (delivery === undefined) {
      entries.push(entry);
      continue;
    }
    if (delivery.outcome === "delivered") {
      sent++;
      delete heldUntilAt[entry.sink];
      continue;
    }
    const tried = { ...entry, attempts: entry.attempts + 1, lastReason: delivery.reason };
    if (delivery.outcome === "rejected") {
      if (delivery.disable) heldUntilAt[entry.sink] = null;
      died.push({ ...tried, diedAt: now });
      continue;
    }
    if (delivery.retryAfterMs !== undefined) heldUntilAt[entry.sink] = now + delivery.retryAfterMs;
    const nextAt = now + Math.max(waitMs(tried), delivery.retryAfterMs ?? 0);
    if (tried.attempts > SCHEDULE_MS.length || nextAt - entry.createdAt > OLDEST_MS) {
      died.push({ ...tried, diedAt: now });
    } else entries.push({ ...tried, nextAt });
  }
  return {
    outbox: { entries, dead: [...outbox.dead, ...died].slice(-MOST_DEAD), heldUntilAt, sent },
    died,
  };
}

/** The outbox with a dead letter to be tried again at once; `undefined` when there is none of that id. */
export function replay(outbox: OutboxState, id: string, now: number): OutboxState | undefined {
  const letter = outbox.dead.find((one) => one.id === id);
  if (letter === undefined) return undefined;
  const { diedAt: _, ...entry } = letter;
  const { [entry.sink]: __, ...heldUntilAt } = outbox.heldUntilAt;
  return {
    ...outbox,
    heldUntilAt,
    dead: outbox.dead.filter((one) => one !== letter),
    entries: [...outbox.entries, { ...entry, attempts: 0, createdAt: now, nextAt: now }],
  };
}

function waitMs(entry: OutboxEntry): number {
  const plain = SCHEDULE_MS[Math.min(entry.attempts, SCHEDULE_MS.length) - 1]!;
  return Math.round(plain * (0.8 + 0.4 * draw(`${entry.id}${entry.attempts}`)));
}
