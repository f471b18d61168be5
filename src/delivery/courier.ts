/** Delivers the outbox: the alerts of one (sink, service) in order, independent of all others. */
import type { Alert } from "../core/alert.ts";
import type { Delivery } from "../core/outbox.ts";
import { askedWaitMs, circuitIsOpen, nextAttemptAt } from "../core/outbox.ts";
import type { Earlier, Ports, Sink } from "../plugin/contract.ts";
import type { Ledger } from "../state/ledger.ts";
import { createLanes, type Lane } from "./lanes.ts";
import { createRecorder } from "./recorder.ts";

/**
 * How many lanes of one sink are delivered at once. Every sink has its own places, so a slow sink does not block a
 * fast one.
 */
const LANES_PER_SINK = 8;
/** The most alerts that a chat gets as one message. */
const MOST_TOGETHER = 20;
/** The shortest sleep of the loop, so that due entries that wait for a place do not keep it busy. */
const SHORTEST_SLEEP_MS = 50;
/** How long to wait while it is unclear who owns the state. */
const UNSURE_MS = 1000;
/** The longest sleep of the loop, so that a changed clock is noticed. */
const LONGEST_SLEEP_MS = 60_000;

export interface Courier {
  /** Tries what is due. Resolves when all of it was tried and saved. */
  flush(): Promise<void>;
  /** Tries entries when they are due until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** One attempt to deliver one or more alerts; `earlier` belongs to the first of them. Never rejects. */
export type Deliver = (sink: Sink, alerts: readonly Alert[], earlier: Earlier) => Promise<Delivery>;

export function createCourier(
  ledger: Ledger,
  sinks: () => ReadonlyMap<string, Sink>,
  ports: Ports,
  deliver: Deliver,
  /** Sinks that are not configured any more: they get what waits for them, and are in nobody's way. */
  draining: () => ReadonlyMap<string, Sink> = () => new Map(),
): Courier {
  const lanes = createLanes();
  const recorder = createRecorder(ledger, ports, (name) => sinks().has(name));
  const carriers = new Set<Promise<void>>();
  const open = new Map<string, number>();
  /** Until when receivers asked us to wait, on the monotonic clock. The state has this only after the next record. */
  const askedToWait = new Map<string, number>();
  /** Nothing more is sent: the process is shutting down, or lost the state. */
  let calledOff = false;
  /** Nothing is sent before this: another process may be taking the state over. */
  let unsureUntilMs = 0;
  let wake = () => {};

  async function attempt(name: string, entries: Lane): Promise<Delivery> {
    if (!(await ledger.isOwner())) {
      calledOff = ledger.lost() !== undefined;
      unsureUntilMs = ports.clock.monotonicMs() + UNSURE_MS;
      return NOT_OURS;
    }
    const sink = sinks().get(name) ?? draining().get(name);
    const alerts = entries.map(({ alert }) => alert);
    const delivery = sink ? await deliver(sink, alerts, entries[0]!) : NO_SINK;
    const level = delivery.outcome === "delivered" ? "debug" : "warn";
    for (const { id } of alerts) {
      const text = `alert ${id} to ${name}: ${delivery.outcome}, ${delivery.reason}`;
      ports.log[level](text, { sink: name, alert_id: id });
    }
    if (delivery.outcome === "retry" && delivery.calledOff) {
      calledOff = true;
      return delivery;
    }
    const asked = askedWaitMs(delivery);
    if (asked) askedToWait.set(name, ports.clock.monotonicMs() + asked);
    recorder.note(
      entries.map(({ id }) => id),
      delivery,
    );
    return delivery;
  }

  /** A single lane is delivered to its end; several lanes send their first entries as one message. */
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

  /** Asked before every attempt: the receiver may have asked to wait, or failed too often, in the meantime. */
  function isHeld(name: string): boolean {
    if (unsureUntilMs > ports.clock.monotonicMs()) return true;
    const health = ledger.state.outbox.sinks[name];
    if (health?.disabled || (askedToWait.get(name) ?? 0) > ports.clock.monotonicMs()) return true;
    return health !== undefined && health.heldUntilAt > ledger.now();
  }

  /** Starts as many deliveries as the sink has places; one at a time while its circuit is open. */
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

  /** The place is free again after the attempts; the lanes are free again when the outcomes are saved. */
  async function end(name: string, taken: readonly Lane[]): Promise<void> {
    await carry(name, taken);
    open.set(name, open.get(name)! - 1);
    fill(name);
    await recorder.saved();
    lanes.release(taken);
    // While something of the last look is ready, another look would only find entries behind it.
    if (lanes.hasReady(name) && !isHeld(name)) return;
    pump();
    wake();
  }

  function pump(): void {
    // Read the clock first: after a jump this moves the times of waiting entries.
    const now = ledger.now();
    lanes.look(ledger.state.outbox, now, ledger.isStored);
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
      const sleepMs = Math.min(Math.max(next - ledger.now(), SHORTEST_SLEEP_MS), LONGEST_SLEEP_MS);
      await ports.clock.wait(sleepMs, AbortSignal.any([signal, woken.signal]));
    }
  }

  return { flush, run };
}

/** The owner of the state delivers what waits in it. */
const NOT_OURS: Delivery = { outcome: "retry", reason: "another process owns the state", calledOff: true };

const NO_SINK: Delivery = { outcome: "rejected", reason: "the sink is no longer configured" };

const isGone = (delivery: Delivery) => delivery.outcome === "rejected" && delivery.disable === true;
