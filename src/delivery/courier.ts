/** Carries the outbox: each (sink, service) in order, independent of every other. */
import type { Delivery } from "../core/outbox.ts";
import { circuitIsOpen, nextAttemptAt } from "../core/outbox.ts";
import type { Alert, Ports, Sink } from "../plugin.ts";
import type { Ledger } from "../tick/ledger.ts";
import { createLanes, type Lane } from "./lanes.ts";
import { createRecorder } from "./recorder.ts";

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

export function createCourier(
  ledger: Ledger,
  sinks: () => ReadonlyMap<string, Sink>,
  ports: Ports,
  deliver: Deliver,
): Courier {
  const lanes = createLanes();
  const recorder = createRecorder(ledger, ports, (name) => sinks().has(name));
  const carriers = new Set<Promise<void>>();
  const open = new Map<string, number>();
  /** What receivers asked for, before it is recorded; on the monotonic clock. */
  const askedToWait = new Map<string, number>();
  /** The process is shutting down: nothing more is begun. */
  let calledOff = false;
  let wake = () => {};

  async function attempt(name: string, entries: Lane): Promise<Delivery> {
    const sink = sinks().get(name);
    const alerts = entries.map(({ alert }) => alert);
    const delivery = sink ? await deliver(sink, alerts) : NO_SINK;
    const level = delivery.outcome === "delivered" ? "debug" : "warn";
    for (const { id } of alerts) {
      const text = `alert ${id} to ${name}: ${delivery.outcome}, ${delivery.reason}`;
      ports.log[level](text, { sink: name, alert_id: id });
    }
    if (delivery.outcome === "retry" && delivery.calledOff) {
      calledOff = true;
      return delivery;
    }
    if (delivery.outcome === "retry" && delivery.retryAfterMs) {
      askedToWait.set(name, ports.clock.monotonicMs() + delivery.retryAfterMs);
    }
    recorder.note(
      entries.map(({ id }) => id),
      delivery,
    );
    return delivery;
  }

  /** One lane by itself, to its end; several together by their first entries, in one message. */
  async function carry(name: string, taken: readonly Lane[]): Promise<void> {
    if (taken.length > 1) {
      await attempt(
        name,
        taken.map((lane) => lane[0]!),
      );
    } else {
      for (const entry of taken[0]!) {
        if (!ledger.isStored(entry.id)) break;
        const delivery = await attempt(name, [entry]);
        if (delivery.outcome === "retry" || isGone(delivery) || isHeld(name)) break;
      }
    }
  }

  /** Also for what was ready before the receiver asked to wait, or failed too often. */
  function isHeld(name: string): boolean {
    const health = ledger.state.outbox.sinks[name];
    if (health?.disabled || (askedToWait.get(name) ?? 0) > ports.clock.monotonicMs()) return true;
    return health !== undefined && health.heldUntilAt > ports.clock.now();
  }

  /** Gives a sink as much as it has places for; one alert at a time while its circuit is open. */
  function fill(name: string): void {
    const places = circuitIsOpen(ledger.state.outbox, name) ? 1 : LANES_PER_SINK;
    const sink = sinks().get(name);
    const together = places > 1 && sink !== undefined && "formatMany" in sink ? MOST_TOGETHER : 1;
    while (!calledOff && (open.get(name) ?? 0) < places && !isHeld(name)) {
      const taken = lanes.take(name, together);
      if (taken.length === 0) return;
      start(name, taken);
    }
  }

  function start(name: string, taken: readonly Lane[]): void {
    open.set(name, (open.get(name) ?? 0) + 1);
    const carried: Promise<void> = end(name, taken).then(() => {
      carriers.delete(carried);
    });
    carriers.add(carried);
  }

  /** The place is free when the attempts are made; the lanes are when what came of them is saved. */
  async function end(name: string, taken: readonly Lane[]): Promise<void> {
    await carry(name, taken);
    open.set(name, open.get(name)! - 1);
    fill(name);
    await recorder.saved();
    lanes.release(taken);
    // While something is left of the last look, another would only find what waits behind it.
    if (lanes.hasReady(name) && !isHeld(name)) return;
    pump();
    wake();
  }

  function pump(): void {
    lanes.look(ledger.state.outbox, ports.clock.now(), ledger.isStored);
    for (const name of lanes.sinks()) fill(name);
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
      const next = nextAttemptAt(ledger.state.outbox, lanes.inHand) ?? Number.POSITIVE_INFINITY;
      const sleepMs = Math.min(Math.max(next - ports.clock.now(), SHORTEST_SLEEP_MS), LONGEST_SLEEP_MS);
      await ports.clock.wait(sleepMs, AbortSignal.any([signal, woken.signal]));
    }
  }

  return { flush, run };
}

const NO_SINK: Delivery = { outcome: "rejected", reason: "the sink is no longer configured" };

const isGone = (delivery: Delivery) => delivery.outcome === "rejected" && delivery.disable === true;
