/**
 * Carries the outbox: each (sink, service) in order, independent of every other; attempts are
 * recorded in batches, so that thousands of deliveries do not mean thousands of saves.
 */
import type { Delivery, OutboxEntry, OutboxState } from "../core/outbox.ts";
import { circuitIsOpen, dueLanes, laneOf, nextAttemptAt, recordDeliveries } from "../core/outbox.ts";
import { words } from "../core/words.ts";
import type { Alert, Ports, Sink } from "../plugin.ts";
import type { Ledger } from "../tick/ledger.ts";

/** Lanes of one sink that are served at once: a slow sink takes nothing from a fast one. */
const LANES_PER_SINK = 8;
/** Alerts that a chat gets as one message. */
const MOST_TOGETHER = 20;
/** Between looks at entries that are due and have no place: never a busy loop. */
const SHORTEST_SLEEP_MS = 50;
/** Longest sleep of the loop, so that a changed clock is noticed. */
const LONGEST_SLEEP_MS = 60_000;

export interface Courier {
  /** Tries what is due. Resolves when all of it was tried and saved. */
  flush(): Promise<void>;
  /** Tries entries when they are due until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** One attempt to hand one or more alerts of one moment over. Never rejects. */
export type Deliver = (sink: Sink, alerts: readonly Alert[]) => Promise<Delivery>;

/** One (sink, service): its entries in order. */
type Lane = readonly OutboxEntry[];

export function createCourier(
  ledger: Ledger,
  sinks: () => ReadonlyMap<string, Sink>,
  ports: Ports,
  deliver: Deliver,
): Courier {
  const inHand = new Set<string>();
  const carriers = new Set<Promise<void>>();
  const open = new Map<string, number>();
  /** Lanes that were due when the outbox was last looked through, by sink, the first to go last. */
  let ready = new Map<string, Lane[]>();
  let looked: OutboxState | undefined;
  let tried = new Map<string, Delivery>();
  let recording: Promise<void> | null = null;
  let wake = () => {};

  async function record(): Promise<void> {
    while (tried.size > 0) {
      const batch = tried;
      tried = new Map();
      const recorded = recordDeliveries(ledger.state.outbox, batch, ports.clock.now());
      ledger.update((state) => ({ ...state, outbox: recorded.outbox }));
      for (const { sink, alert, lastReason } of recorded.died) {
        ports.log.error(words.died(alert.message, sink, lastReason), { sink, alert_id: alert.id });
        sinkTrouble(sink, lastReason);
      }
      for (const { sink, reason } of recorded.opened) sinkTrouble(sink, reason);
      for (const [id, { outcome }] of batch) if (outcome === "delivered") sinkTrouble(sinkOf(id), null);
      await ledger.save();
    }
    // In the same turn as the last look at `tried`: what is tried a turn later begins a new record.
    recording = null;
  }

  /** A dead sink is told through the others; the ledger tells each trouble once. One that was taken away is none. */
  function sinkTrouble(sink: string, reason: string | null): void {
    const trouble = `sink:${sink}`;
    if (reason === null && ledger.state.troubles[trouble] === undefined) return;
    const text = reason === null || !sinks().has(sink) ? null : words.sinkFails(sink, reason);
    ledger.apply({ type: "trouble", trouble, reason: text, tried: "deliver alerts" });
  }

  async function attempt(name: string, entries: Lane): Promise<Delivery> {
    const sink = sinks().get(name);
    const alerts = entries.map(({ alert }) => alert);
    const delivery = sink ? await deliver(sink, alerts) : NO_SINK;
    const level = delivery.outcome === "delivered" ? "debug" : "warn";
    for (const { alert } of entries) {
      const fields = { sink: name, alert_id: alert.id };
      ports.log[level](`alert ${alert.id} to ${name}: ${delivery.outcome}, ${delivery.reason}`, fields);
    }
    for (const { id } of entries) tried.set(id, delivery);
    recording ??= record();
    return delivery;
  }

  /** One lane by itself, to its end; several together by their first entries, in one message. */
  async function carry(name: string, lanes: readonly Lane[]): Promise<void> {
    if (lanes.length > 1) {
      const firsts = lanes.map((lane) => lane[0]!);
      await attempt(name, firsts);
    } else {
      for (const entry of lanes[0]!) {
        const delivery = await attempt(name, [entry]);
        if (delivery.outcome === "retry" || isGone(delivery) || mustWait(name)) break;
      }
    }
    await recording;
  }

  /** Also what was ready before the receiver asked to wait, or failed too often. */
  function mustWait(name: string): boolean {
    const { outbox } = ledger.state;
    const health = outbox.sinks[name];
    if (health === undefined) return false;
    return health.disabled === true || health.heldUntilAt > ports.clock.now() || circuitIsOpen(outbox, name);
  }

  /** Looks the outbox through, unless it is as it was when there was something left to do. */
  function look(): void {
    const { outbox } = ledger.state;
    ready = new Map();
    looked = outbox;
    for (const lane of dueLanes(outbox, ports.clock.now()).reverse()) {
      const { sink } = lane[0]!;
      if (inHand.has(laneOf(lane[0]!))) continue;
      const lanes = ready.get(sink);
      if (lanes) lanes.push(lane);
      else ready.set(sink, [lane]);
    }
  }

  function take(name: string, most: number): Lane[] {
    const lanes = ready.get(name) ?? [];
    const taken = lanes.splice(-most).reverse();
    for (const lane of taken) inHand.add(laneOf(lane[0]!));
    return taken;
  }

  /** Gives a sink as much as it has places for; one alert at a time while its circuit is open. */
  function fill(name: string): void {
    const places = circuitIsOpen(ledger.state.outbox, name) ? 1 : LANES_PER_SINK;
    const sink = sinks().get(name);
    const together = places > 1 && sink !== undefined && "formatMany" in sink ? MOST_TOGETHER : 1;
    while ((open.get(name) ?? 0) < places) {
      const lanes = take(name, together);
      if (lanes.length === 0) return;
      start(name, lanes);
    }
  }

  function start(name: string, lanes: readonly Lane[]): void {
    open.set(name, (open.get(name) ?? 0) + 1);
    const carried = carry(name, lanes).then(() => {
      for (const lane of lanes) inHand.delete(laneOf(lane[0]!));
      open.set(name, open.get(name)! - 1);
      carriers.delete(carried);
      if ((ready.get(name)?.length ?? 0) > 0 && !mustWait(name)) fill(name);
      else pump();
      wake();
    });
    carriers.add(carried);
  }

  function pump(): void {
    if (ledger.state.outbox !== looked || [...ready.values()].every((lanes) => lanes.length === 0)) look();
    for (const name of ready.keys()) fill(name);
  }

  async function flush(): Promise<void> {
    pump();
    wake();
    while (carriers.size > 0) await Promise.all(carriers);
  }

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const woken = new AbortController();
      wake = () => woken.abort("woken");
      pump();
      const next = nextAttemptAt(ledger.state.outbox, inHand) ?? Number.POSITIVE_INFINITY;
      const sleepMs = Math.min(Math.max(next - ports.clock.now(), SHORTEST_SLEEP_MS), LONGEST_SLEEP_MS);
      await ports.clock.wait(sleepMs, AbortSignal.any([signal, woken.signal]));
    }
  }

  return { flush, run };
}

const NO_SINK: Delivery = { outcome: "rejected", reason: "the sink is no longer configured" };

const isGone = (delivery: Delivery) => delivery.outcome === "rejected" && delivery.disable === true;

const sinkOf = (entryId: string) => entryId.slice(entryId.indexOf(":") + 1);
