/** The watchdog's process in a world: the real tick over the town, which may die after any step. */
import type { BrakeRule } from "../../src/core/event.ts";
import { emptyState, type WatchdogState } from "../../src/core/state.ts";
import { createCourier } from "../../src/delivery/courier.ts";
import type { Alert, Check, Delivery, Ports, Restarter, Sink } from "../../src/plugin.ts";
import { createLedger } from "../../src/tick/ledger.ts";
import { restoreState } from "../../src/tick/restore.ts";
import { createTicker, type Ticker } from "../../src/tick/tick.ts";
import { noIncidents } from "../tick/harness.ts";
import type { FakeClock } from "./clock.ts";
import type { Judge } from "./judge.ts";
import type { Random } from "./random.ts";
import type { Town } from "./town.ts";

const NEVER = new Promise<never>(() => {});

export interface Machine {
  random: Random;
  clock: FakeClock;
  town: Town;
  judge: Judge;
  brake?: BrakeRule;
  sinkNames: string[];
  /** Sinks that refuse now. */
  refusing: ReadonlySet<string>;
  /** Whether the process may die. */
  deadly(): boolean;
}

export interface Process {
  ticker: Ticker;
  state(): WatchdogState;
  isDead(): boolean;
  stop(): void;
}

/** The disk outlives every process; `start` begins one on what it holds. */
export function createMachine(machine: Machine) {
  const { random, clock, town, judge, sinkNames } = machine;
  let disk = JSON.stringify(emptyState());
  let generation = 0;
  let killAt = 0;
  let steps = 0;

  /** A step of the process: it may die here. Nothing of a dead process ever goes on. */
  async function step(mine: number): Promise<void> {
    if (mine !== generation) await NEVER;
    steps++;
    if (machine.deadly() && steps === killAt) {
      generation++;
      judge.died();
      await NEVER;
    }
  }

  async function waitAlive(mine: number, ms: number, signal?: AbortSignal): Promise<void> {
    await clock.wait(ms, signal);
    if (mine !== generation) await NEVER;
  }

  function checkOf(mine: number): Check {
    return {
      name: "fake",
      async run({ name, timeoutMs }) {
        await step(mine);
        if (random.chance(0.02)) return { ok: false, unknown: true, reason: "no socket" };
        if (town.services.get(name)!.health === "hung") await waitAlive(mine, timeoutMs);
        if (mine !== generation) await NEVER;
        const ok = town.isUp(name);
        judge.checked(name, ok);
        return ok ? { ok, reason: "HTTP 200" } : { ok: false, reason: "HTTP 503" };
      },
    };
  }

  function restarterOf(mine: number, stateNow: () => WatchdogState): Restarter {
    return {
      name: "fake",
      async restart({ name }) {
        await step(mine);
        judge.restartAllowed(name, stateNow());
        const result = await town.restart(name);
        await step(mine);
        return result;
      },
    };
  }

  async function receive(mine: number, sink: Sink, alert: Alert): Promise<Delivery> {
    await step(mine);
    if (machine.refusing.has(sink.name)) {
      await waitAlive(mine, random.between(10, 15_000));
      return { outcome: "retry", reason: "HTTP 503" };
    }
    judge.told(sink.name, alert);
    await step(mine);
    return { outcome: "delivered", reason: "HTTP 200" };
  }

  function start(): Process {
    const mine = generation;
    killAt = steps + Math.ceil(random.between(1, 400));
    const quiet = () => {};
    const ports: Ports = {
      clock: { ...clock, wait: (ms, signal) => waitAlive(mine, ms, signal) },
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
      random,
      env: {},
    };
    const store = {
      async save(value: object) {
        const text = JSON.stringify(value);
        await step(mine);
        disk = text;
        await step(mine);
        return { ok: true as const };
      },
      lost: () => undefined,
      close: async () => {},
    };
    const sinks = new Map(
      sinkNames.map((name): [string, Sink] => [name, { name, target: name, deliver: never }]),
    );
    const { state } = restoreState({ loaded: JSON.parse(disk) });
    const routes = new Map(sinkNames.map((name) => [name, undefined]));
    const ledger = createLedger(state, town.policies, store, ports, () => routes, {
      ...(machine.brake ? { brake: machine.brake } : {}),
      calendar: town.maintenance,
    });
    judge.loaded(state);
    ledger.apply({ type: "loaded" });
    const courier = createCourier(
      ledger,
      () => sinks,
      ports,
      (sink, [alert]) => receive(mine, sink, alert!),
    );
    const over = new AbortController();
    void courier.run(over.signal);
    const wired = [...town.policies.values()].map(({ name, container }) => ({
      target: { name, displayName: name, url: "", container, timeoutMs: 5000, options: {} },
      check: checkOf(mine),
      checkOptions: {},
      restarter: restarterOf(mine, () => ledger.state),
      restarterOptions: {},
    }));
    const ticker = createTicker({
      ledger,
      policies: town.policies,
      services: new Map(wired.map((one) => [one.target.name, one])),
      courier,
      ports,
      budgetMs: 12_000,
      maxConcurrentRestarts: 4,
      lookout: { look: async () => town.around(clock.now()), ends: async () => ({}) },
      incidents: noIncidents,
      hooks: [],
      shutdown: over.signal,
    });
    return {
      ticker,
      state: () => ledger.state,
      isDead: () => mine !== generation,
      stop: () => over.abort("stopped"),
    };
  }

  return { start, saved: () => JSON.parse(disk) as WatchdogState };
}

const never = async (): Promise<Delivery> => ({ outcome: "retry", reason: "the machine delivers itself" });
