import type { Surroundings } from "../../src/core/event.ts";
import type { ServicePolicy } from "../../src/core/policy.ts";
import { emptyState, type WatchdogState } from "../../src/core/state.ts";
import { createCourier } from "../../src/delivery/courier.ts";
import type { IncidentStore } from "../../src/incidents/store.ts";
import type { Alert, Check, Delivery, Ports, Restarter, Sink, TickHook } from "../../src/plugin.ts";
import { createLedger } from "../../src/tick/ledger.ts";
import { createTicker } from "../../src/tick/tick.ts";
import { createFakeClock } from "../simulation/clock.ts";

export interface Rig {
  check: Check["run"];
  restart: Restarter["restart"];
  deliver(sink: string, alert: Alert): Promise<Delivery>;
  save(state: WatchdogState): Promise<{ ok: true } | { ok: false; reason: string }>;
  sinks?: string[];
  state?: WatchdogState;
  budgetMs?: number;
  maxConcurrentRestarts?: number;
  around?: () => Surroundings;
  hooks?: TickHook[];
  evidence?: Restarter["evidence"];
  incidents?: IncidentStore;
}

export const noIncidents: IncidentStore = {
  addEvidence: async () => {},
  close: async () => {},
  read: async () => undefined,
  last: async () => [],
};

/** The real tick, courier and ledger around ports that a test owns; `log` holds what happened, in order. */
export function rig(policies: ServicePolicy[], ports: Partial<Rig> = {}) {
  const clock = createFakeClock(Date.UTC(2026, 10, 23, 18));
  const log: string[] = [];
  const saves: WatchdogState[] = [];
  const lines: string[] = [];
  const say = (message: string) => lines.push(message);
  const world: Ports = {
    clock,
    log: { debug: () => {}, info: say, warn: say, error: say },
    random: () => 0.5,
    env: {},
  };
  const store = {
    async save(value: object) {
      const state = JSON.parse(JSON.stringify(value)) as WatchdogState;
      saves.push(state);
      log.push("save");
      return (await ports.save?.(state)) ?? { ok: true as const };
    },
    lost: () => undefined,
    close: async () => {},
  };
  const byName = new Map(policies.map((policy) => [policy.name, policy]));
  const sinkNames = ports.sinks ?? [];
  const sinks = new Map(
    sinkNames.map((name): [string, Sink] => [
      name,
      { name, target: name, deliver: async () => ({ outcome: "retry", reason: "" }) },
    ]),
  );
  const ledger = createLedger(
    ports.state ?? emptyState(),
    byName,
    store,
    world,
    () => new Map(sinkNames.map((name) => [name, undefined])),
  );
  ledger.apply({ type: "loaded" });
  const courier = createCourier(
    ledger,
    () => sinks,
    world,
    async (sink, [alert]) => {
      log.push(`deliver ${alert!.event_type}`);
      return (await ports.deliver?.(sink.name, alert!)) ?? { outcome: "delivered", reason: "HTTP 200" };
    },
  );
  const check: Check = {
    name: "fake",
    run: ports.check ?? (async () => ({ ok: true, reason: "HTTP 200 in 8 ms" })),
  };
  const restarter: Restarter = {
    name: "fake",
    async restart(service, signal) {
      log.push(`restart ${service.name}`);
      return (await ports.restart?.(service, signal)) ?? { ok: true, reason: "restarted" };
    },
    ...(ports.evidence ? { evidence: ports.evidence } : {}),
  };
  const services = policies.map((policy) => ({
    target: {
      name: policy.name,
      displayName: policy.displayName,
      url: "",
      container: policy.container,
      timeoutMs: 5000,
      options: {},
    },
    check,
    checkOptions: {},
    restarter,
    restarterOptions: {},
  }));
  const ticker = createTicker({
    ledger,
    policies: byName,
    services: new Map(services.map((one) => [one.target.name, one])),
    courier,
    ports: world,
    budgetMs: ports.budgetMs ?? 12_000,
    maxConcurrentRestarts: ports.maxConcurrentRestarts ?? 4,
    lookout: { look: async () => ports.around?.() ?? {}, ends: async () => ({}) },
    incidents: ports.incidents ?? noIncidents,
    hooks: ports.hooks ?? [],
    shutdown: new AbortController().signal,
  });
  return { clock, ticker, ledger, courier, log, saves, lines };
}
