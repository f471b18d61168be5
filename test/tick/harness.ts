import type { Surroundings } from "../../src/core/event.ts";
import type { ServicePolicy } from "../../src/core/policy.ts";
import { emptyState, type WatchdogState } from "../../src/core/state.ts";
import { createCourier } from "../../src/delivery/courier.ts";
import type { IncidentStore } from "../../src/incidents/store.ts";
import type { Alert, Check, Delivery, Ports, Restarter, Sink, TickHook } from "../../src/plugin.ts";
import { createLedger } from "../../src/state/ledger.ts";
import type { StateStore } from "../../src/state/store.ts";
import type { Roster } from "../../src/tick/roster.ts";
import { createTicker } from "../../src/tick/tick.ts";
import { createFakeClock } from "../simulation/clock.ts";
import { memoryStore } from "../state/memory.ts";

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
  /** Who owns the state, and whether a restart may begin. */
  store?: Partial<StateStore>;
  ending?: AbortSignal;
}

export const noIncidents: IncidentStore = {
  open: async () => {},
  addEvidence: async () => {},
  close: async () => {},
  read: async () => undefined,
  last: async () => [],
  idle: async () => {},
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
    redact: (text) => text,
    env: {},
  };
  const store = memoryStore({
    async save(value: object) {
      const state = JSON.parse(JSON.stringify(value)) as WatchdogState;
      saves.push(state);
      log.push("save");
      return (await ports.save?.(state)) ?? { ok: true as const };
    },
    ...ports.store,
  });
  const byName = new Map(policies.map((policy) => [policy.name, policy]));
  const sinkNames = ports.sinks ?? [];
  const sinks = new Map(
    sinkNames.map((name): [string, Sink] => [
      name,
      { name, target: name, deliver: async () => ({ outcome: "retry", reason: "" }) },
    ]),
  );
  const check: Check = {
    name: "fake",
    run: ports.check ?? (async () => ({ ok: true, reason: "HTTP 200 in 8 ms" })),
  };
  const restarter: Restarter = {
    name: "fake",
    async restart(service, signal, mayAct) {
      log.push(`restart ${service.name}`);
      return (await ports.restart?.(service, signal, mayAct)) ?? { ok: true, reason: "restarted" };
    },
    ...(ports.evidence ? { evidence: ports.evidence } : {}),
  };
  const roster: Roster = {
    policies: byName,
    routes: new Map(sinkNames.map((name) => [name, undefined])),
    services: new Map(policies.map((policy) => [policy.name, wiredAs(policy, check, restarter)])),
    sinks,
    hooks: ports.hooks ?? [],
    budgetMs: ports.budgetMs ?? 12_000,
    spread: false,
    maxConcurrentRestarts: ports.maxConcurrentRestarts ?? 4,
  };
  const ledger = createLedger(ports.state ?? emptyState(), () => roster, store, world);
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
  const ticker = createTicker({
    ledger,
    roster: () => roster,
    deliverDue: courier.flush,
    ports: world,
    lookout: { look: async () => ports.around?.() ?? {}, ends: async () => ({}) },
    incidents: ports.incidents ?? noIncidents,
    ending: ports.ending ?? new AbortController().signal,
    shutdown: new AbortController().signal,
  });
  return { clock, ticker, ledger, courier, log, saves, lines };
}

export function wiredAs({ name, displayName, container }: ServicePolicy, check: Check, restarter: Restarter) {
  return {
    target: { name, displayName, url: "", container, timeoutMs: 5000, options: {} },
    check,
    checkOptions: {},
    restarter,
    restarterOptions: {},
  };
}
