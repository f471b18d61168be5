/** The watchdog's process in a world: the real tick over the town, which may die, or sleep, after any step. */
import type { BrakeRule } from "../../src/core/event.ts";
import type { Policies, ServicePolicy } from "../../src/core/policy.ts";
import { emptyState, type WatchdogState } from "../../src/core/state.ts";
import { createCourier } from "../../src/delivery/courier.ts";
import type { Alert, Check, Delivery, Ports, Restarter, Sink } from "../../src/plugin.ts";
import { createLedger, type Ledger } from "../../src/state/ledger.ts";
import { restoreState } from "../../src/state/restore.ts";
import type { Roster } from "../../src/tick/roster.ts";
import { createTicker, type Ticker } from "../../src/tick/tick.ts";
import { memoryStore } from "../state/memory.ts";
import { noIncidents, wiredAs } from "../tick/harness.ts";
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
  /** Whether the process may die or sleep. */
  deadly(): boolean;
  /** Whether the wall clock may be set. */
  clockJumps(): boolean;
}

export interface Process {
  ticker: Ticker;
  state(): WatchdogState;
  isAwake(): boolean;
  /** Takes up a configuration with these services. Those of `anew` are checked and restarted in another way. */
  reload(policies: Policies, anew: readonly string[]): Promise<void>;
  /** It is dead, or has slept for longer than its lease: another one may take the state over. */
  isOver(): boolean;
  stop(): void;
}

/** One process, from its start to its death; while it sleeps, nothing of it goes on. */
interface Life {
  id: number;
  dead: boolean;
  asleepSinceMs: number;
  awakeAtMs: number;
}

const LEASE_MS = 20_000;
const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
const JUMPS_MS = [-YEAR_MS, -HOUR_MS, HOUR_MS, YEAR_MS] as const;
const LOST = "another process took the state over";

/** The disk outlives every process; `start` begins one on what it holds. */
export function createMachine(machine: Machine) {
  const { random, clock, town, judge, sinkNames } = machine;
  let configured: Policies = town.policies;
  let disk = JSON.stringify(emptyState());
  /** The process that owns the state on the disk. */
  let owner = 0;
  let faultAt = 0;
  let steps = 0;

  /** Nothing of a dead process ever goes on, and nothing of one that sleeps before it wakes. */
  async function awake(life: Life): Promise<void> {
    while (!life.dead && clock.monotonicMs() < life.awakeAtMs) {
      await clock.wait(life.awakeAtMs - clock.monotonicMs());
    }
    if (life.dead) await NEVER;
  }

  /** A step of the process: here it may die, or fall asleep. */
  async function step(life: Life): Promise<void> {
    await awake(life);
    if (machine.clockJumps() && random.chance(0.01)) clock.jump(random.pick(JUMPS_MS));
    steps++;
    if (!machine.deadly() || steps !== faultAt) return;
    if (random.chance(0.5)) {
      life.dead = true;
      judge.died();
    } else {
      life.asleepSinceMs = clock.monotonicMs();
      life.awakeAtMs = life.asleepSinceMs + random.between(1000, 150_000);
      judge.slept();
    }
    // Time is but counted, so that the same seed plays the same world however long it sleeps.
    faultAt = steps + Math.ceil(random.between(1, 400));
    await awake(life);
  }

  async function waitAlive(life: Life, ms: number, signal?: AbortSignal): Promise<void> {
    await clock.wait(ms, signal);
    await awake(life);
  }

  function checkOf(life: Life): Check {
    return {
      name: "fake",
      async run({ name, timeoutMs }) {
        await step(life);
        if (random.chance(0.02)) return { ok: false, unknown: true, reason: "no socket" };
        if (town.services.get(name)!.health === "hung") await waitAlive(life, timeoutMs);
        await awake(life);
        const ok = town.isUp(name);
        // What a late owner sees goes into no state.
        if (owner === life.id) judge.checked(name, ok);
        return ok ? { ok, reason: "HTTP 200" } : { ok: false, reason: "HTTP 503" };
      },
    };
  }

  function restarterOf(life: Life, stateNow: () => WatchdogState): Restarter {
    return {
      name: "fake",
      async restart({ name }, _signal, mayAct) {
        await step(life);
        if (!(await mayAct())) return { ok: false, reason: "nothing was done" };
        judge.restartOrdered(name, owner === life.id);
        judge.restartAllowed(name, stateNow());
        const result = await town.restart(name);
        await step(life);
        return result;
      },
    };
  }

  async function receive(life: Life, sink: Sink, alert: Alert): Promise<Delivery> {
    await step(life);
    if (machine.refusing.has(sink.name)) {
      await waitAlive(life, random.between(10, 15_000));
      return { outcome: "retry", reason: "HTTP 503" };
    }
    judge.told(sink.name, alert);
    await step(life);
    return { outcome: "delivered", reason: "HTTP 200" };
  }

  function start(): Process {
    const life: Life = { id: ++owner, dead: false, asleepSinceMs: 0, awakeAtMs: 0 };
    faultAt = steps + Math.ceil(random.between(1, 400));
    let lost: string | undefined;
    const isMine = () => {
      if (owner !== life.id && lost === undefined) {
        lost = LOST;
        // As a real store does: what waits is told that nothing new may begin.
        over.abort(LOST);
      }
      return lost === undefined;
    };
    const quiet = () => {};
    const over = new AbortController();
    const ports: Ports = {
      clock: { ...clock, wait: (ms, signal) => waitAlive(life, ms, signal) },
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
      random,
      redact: (text) => text,
      env: {},
    };
    const store = memoryStore({
      async save(value: object) {
        const text = JSON.stringify(value);
        await step(life);
        if (!isMine()) return { ok: false, reason: LOST };
        disk = text;
        await step(life);
        return { ok: true };
      },
      async mayAct() {
        await step(life);
        return isMine() ? undefined : LOST;
      },
      async isOwner() {
        await awake(life);
        return isMine();
      },
      lost: () => lost,
    });
    const sinks = new Map(
      sinkNames.map((name): [string, Sink] => [name, { name, target: name, deliver: never }]),
    );
    const { state } = restoreState({ loaded: JSON.parse(disk) });
    const wire = (policy: ServicePolicy) =>
      wiredAs(
        policy,
        checkOf(life),
        restarterOf(life, () => ledger.state),
      );
    let roster: Roster = {
      policies: configured,
      routes: new Map(sinkNames.map((name) => [name, undefined])),
      ...(machine.brake ? { brake: machine.brake } : {}),
      calendar: town.maintenance,
      services: new Map([...configured].map(([name, policy]) => [name, wire(policy)])),
      sinks,
      hooks: [],
      budgetMs: 12_000,
      spread: false,
      maxConcurrentRestarts: 4,
    };
    const ledger: Ledger = createLedger(state, () => roster, store, ports);
    judge.loaded(state);
    ledger.apply({ type: "loaded" });
    const courier = createCourier(
      ledger,
      () => sinks,
      ports,
      (sink, [alert]) => receive(life, sink, alert!),
    );
    void courier.run(over.signal);
    const ticker = createTicker({
      ledger,
      roster: () => roster,
      deliverDue: courier.flush,
      ports,
      lookout: { look: async () => town.around(), ends: async () => ({}) },
      incidents: noIncidents,
      ending: over.signal,
      shutdown: over.signal,
    });
    return {
      ticker,
      state: () => ledger.state,
      isAwake: () => !life.dead && clock.monotonicMs() >= life.awakeAtMs,
      async reload(policies, anew) {
        if (!isMine()) return;
        configured = policies;
        const kept = (policy: ServicePolicy) =>
          (anew.includes(policy.name) ? undefined : roster.services.get(policy.name)) ?? wire(policy);
        const services = new Map([...policies].map(([name, policy]) => [name, kept(policy)]));
        roster = { ...roster, policies, services };
        ledger.apply({ type: "configured" });
        judge.reloaded();
        await ledger.save();
      },
      isOver: () =>
        life.dead ||
        (clock.monotonicMs() < life.awakeAtMs && clock.monotonicMs() - life.asleepSinceMs > LEASE_MS),
      stop: () => over.abort("stopped"),
    };
  }

  return { start, saved: () => JSON.parse(disk) as WatchdogState };
}

const never = async (): Promise<Delivery> => ({ outcome: "retry", reason: "the machine delivers itself" });
