/** The real courier and ledger on a clock that a test owns; what sinks answer is the test's, too. */
import type { WatchdogEvent } from "../../src/core/event.ts";
import type { WatchdogState } from "../../src/core/state.ts";
import { emptyState } from "../../src/core/state.ts";
import { createCourier } from "../../src/delivery/courier.ts";
import type { Alert, Delivery, Earlier, Ports, Sink } from "../../src/plugin.ts";
import { createLedger } from "../../src/state/ledger.ts";
import type { StateStore } from "../../src/state/store.ts";
import { policy, T0 } from "../core/drive.ts";
import { createFakeClock } from "../simulation/clock.ts";
import { memoryStore } from "../state/memory.ts";

interface Attempt {
  sink: string;
  alerts: readonly Alert[];
  earlier: Earlier;
  /** Of the alerts: `executor DOWN`. */
  news: string[];
  /** ms since the rig began. */
  atMs: number;
}

export type Answer = (attempt: Attempt) => Delivery | Promise<Delivery>;

export const OK: Delivery = { outcome: "delivered", reason: "HTTP 200" };
export const BUSY: Delivery = { outcome: "retry", reason: "HTTP 503" };

/** `sinks` are given by their answers; those in `chats` take several alerts as one message. */
export function courierRig(
  serviceNames: readonly string[],
  sinks: Record<string, Answer>,
  {
    chats = [],
    state = emptyState(),
    store: changes = {},
  }: { chats?: string[]; state?: WatchdogState; store?: Partial<StateStore> } = {},
) {
  const clock = createFakeClock(T0);
  const attempts: Attempt[] = [];
  const lines: string[] = [];
  const say = (message: string) => lines.push(message);
  const ports: Ports = {
    clock,
    log: { debug: () => {}, info: say, warn: say, error: say },
    random: () => 0.5,
    redact: (text) => text,
    env: {},
  };
  const disk = { saves: 0, wait: async () => {} };
  const store = memoryStore({
    async save() {
      disk.saves++;
      await disk.wait();
      return { ok: true };
    },
    ...changes,
  });
  const policies = serviceNames.map((name) => policy(name, { container: "", failureThreshold: 1 }));
  const byName = new Map(Object.keys(sinks).map((name) => [name, sinkOf(name, chats.includes(name))]));
  const ledger = createLedger(
    state,
    () => ({
      policies: new Map(policies.map((one) => [one.name, one])),
      routes: new Map([...byName.keys()].map((name) => [name, undefined])),
    }),
    store,
    ports,
  );
  const courier = createCourier(
    ledger,
    () => byName,
    ports,
    async (sink, alerts, { attempts: made, lastReason }) => {
      const news = alerts.map(newsOf);
      const earlier = { attempts: made, lastReason };
      const attempt = { sink: sink.name, alerts, earlier, news, atMs: clock.now() - T0 };
      attempts.push(attempt);
      return sinks[sink.name]!(attempt);
    },
  );

  /** Everything named in `down` fails its check, everything else passes. What that means is stored, as by a tick. */
  async function see(down: readonly string[]): Promise<void> {
    const verdicts = Object.fromEntries(
      serviceNames.map((name) => {
        const ok = !down.includes(name);
        return [name, { ok, reason: ok ? "HTTP 200" : "HTTP 503" }];
      }),
    );
    const event: WatchdogEvent = { type: "checked", verdicts, around: {} };
    ledger.apply(event);
    await ledger.save();
  }
  ledger.apply({ type: "loaded" });
  return {
    clock,
    ledger,
    courier,
    sinks: byName,
    attempts,
    lines,
    disk,
    see,
    to: (sink: string) => attempts.filter((attempt) => attempt.sink === sink),
    newsTo: (sink: string) => attempts.flatMap((attempt) => (attempt.sink === sink ? attempt.news : [])),
    outbox: () => ledger.state.outbox,
  };
}

function sinkOf(name: string, chat: boolean): Sink {
  const request = { url: "", method: "POST" as const, headers: {}, body: "" };
  const sink = { name, target: name, format: () => request, classify: () => OK };
  return chat ? { ...sink, formatMany: () => request } : sink;
}

function newsOf({ event_type, params }: Alert): string {
  return `${params.component_name} ${event_type.replace(/^[A-Z]+_/, "")}`;
}

export const names = (count: number) => Array.from({ length: count }, (_, index) => `s${index}`);
