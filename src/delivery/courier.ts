/**
 * Carries the outbox: each (sink, service) in order, independent of every other; attempts are
 * recorded in batches, so that thousands of deliveries do not mean thousands of saves.
 */
import type { Delivery, OutboxEntry } from "../core/outbox.ts";
import { dueLanes, laneOf, nextAttemptAt, recordDeliveries } from "../core/outbox.ts";
import type { Alert, Ports, Sink } from "../plugin.ts";
import type { Ledger } from "../tick/ledger.ts";

/** Lanes of one sink that are served at once: a slow sink takes nothing from a fast one. */
const LANES_PER_SINK = 8;
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

export type Deliver = (sink: Sink, alert: Alert) => Promise<Delivery>;

export function createCourier(
  ledger: Ledger,
  sinks: () => ReadonlyMap<string, Sink>,
  ports: Ports,
  deliver: Deliver,
): Courier {
  const inHand = new Set<string>();
  const carriers = new Set<Promise<void>>();
  const lanesOfSink = new Map<string, number>();
  let tried = new Map<string, Delivery>();
  let recording: Promise<void> | null = null;
  let wake = () => {};

  async function record(): Promise<void> {
    while (tried.size > 0) {
      const batch = tried;
      tried = new Map();
      const { outbox, died } = recordDeliveries(ledger.state.outbox, batch, ports.clock.now());
      ledger.update((state) => ({ ...state, outbox }));
      for (const letter of died) sinkTrouble(letter.sink, letter.lastReason);
      for (const [id, delivery] of batch) if (delivery.outcome === "delivered") sinkTrouble(sinkOf(id), null);
      await ledger.save();
    }
  }

  function sinkTrouble(sink: string, reason: string | null): void {
    const text = reason === null ? null : `the sink ${sink} does not take alerts: ${reason}`;
    ledger.apply({ type: "trouble", trouble: `sink:${sink}`, reason: text, tried: "deliver alerts" });
  }

  async function carry(lane: readonly OutboxEntry[]): Promise<void> {
    for (const entry of lane) {
      const delivery = await attempt(entry);
      tried.set(entry.id, delivery);
      recording ??= record().finally(() => {
        recording = null;
      });
      if (delivery.outcome === "retry") break;
    }
  }

  async function attempt(entry: OutboxEntry): Promise<Delivery> {
    const sink = sinks().get(entry.sink);
    if (!sink) return { outcome: "rejected", reason: "the sink is no longer configured" };
    const delivery = await deliver(sink, entry.alert);
    const level = delivery.outcome === "delivered" ? "debug" : "warn";
    ports.log[level](`alert ${entry.alert.id} to ${entry.sink}: ${delivery.outcome}, ${delivery.reason}`, {
      sink: entry.sink,
      alert_id: entry.alert.id,
    });
    return delivery;
  }

  /** Lanes that are due, not in hand, and have a place at their sink. */
  function takeLanes(): OutboxEntry[][] {
    const taken: OutboxEntry[][] = [];
    for (const lane of dueLanes(ledger.state.outbox, ports.clock.now())) {
      const { sink } = lane[0]!;
      const open = lanesOfSink.get(sink) ?? 0;
      if (inHand.has(laneOf(lane[0]!)) || open >= LANES_PER_SINK) continue;
      inHand.add(laneOf(lane[0]!));
      lanesOfSink.set(sink, open + 1);
      taken.push(lane);
    }
    return taken;
  }

  /** Starts every lane that is due. A lane that ends starts what has become due meanwhile. */
  function pump(): void {
    for (const lane of takeLanes()) {
      const { sink } = lane[0]!;
      const carried = carry(lane)
        .then(() => recording)
        .then(() => {
          inHand.delete(laneOf(lane[0]!));
          lanesOfSink.set(sink, lanesOfSink.get(sink)! - 1);
          carriers.delete(carried);
          pump();
          wake();
        });
      carriers.add(carried);
    }
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

const sinkOf = (entryId: string) => entryId.slice(entryId.indexOf(":") + 1);
