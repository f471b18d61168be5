/**
 * A random world around the real tick: services that flap, hang, die and return; restarts that fail,
 * hang or lie; a receiver that refuses and hangs; a process that dies after any step and loads again.
 */
import type { ServicePolicy } from "../../src/core/policy.ts";
import { emptyState } from "../../src/core/state.ts";
import { createCourier } from "../../src/delivery/courier.ts";
import type { Alert, Check, Ports, Restarter, Sink } from "../../src/plugin.ts";
import { createLedger } from "../../src/tick/ledger.ts";
import { restoreState } from "../../src/tick/restore.ts";
import { createTicker, type Ticker } from "../../src/tick/tick.ts";
import { policy } from "../core/drive.ts";
import { noIncidents } from "../tick/harness.ts";
import { createFakeClock } from "./clock.ts";
import type { Judge } from "./judge.ts";
import { seeded } from "./random.ts";

const INTERVAL_MS = 15_000;
/** The restarter's own deadline: after it, the outcome is unknown. */
const RESTART_DEADLINE_MS = 40_000;
const NEVER = new Promise<never>(() => {});

type Health = "up" | "broken" | "hung" | "needs-restart";

interface Service {
  health: Health;
  /** How its container takes a restart now. */
  restarts: "well" | "fails" | "lies" | "slow";
}

export interface Settings {
  seed: number;
  faultTicks: number;
  quietTicks: number;
  /** Filled in for the judge: each service's failure threshold. */
  thresholds: Map<string, number>;
}

export async function playWorld(settings: Settings, judge: Judge): Promise<void> {
  const { faultTicks, quietTicks } = settings;
  const random = seeded(settings.seed);
  const clock = createFakeClock(Date.UTC(2026, 10, 23));
  const names = ["gateway", "executor", "monitor", "dashboard"].slice(0, Math.ceil(random.between(0, 4)));
  const policies = new Map(names.map((name) => [name, randomPolicy(name)]));
  const services = new Map(
    names.map((name): [string, Service] => [name, { health: "up", restarts: "well" }]),
  );
  const sinkNames = ["first", "second"].slice(0, Math.ceil(random.between(0, 2)));
  for (const one of policies.values()) settings.thresholds.set(one.name, one.failureThreshold);
  const refusing = new Set<string>();
  let faults = true;
  let disk = JSON.stringify(emptyState());
  let generation = 0;
  let killAt = 0;
  let steps = 0;

  function randomPolicy(name: string): ServicePolicy {
    const backoff = { baseMs: 10_000, capMs: 300_000, jitter: 0.2 };
    return policy(name, {
      backoff,
      failureThreshold: Math.ceil(random.between(0, 4)),
      successThreshold: Math.ceil(random.between(0, 2)),
      container: random.chance(0.9) ? `c-${name}` : "",
      budget: random.chance(0.8) ? { restarts: 5, windowMs: 600_000 } : null,
      dryRun: random.chance(0.05),
    });
  }

  /** A step of the process: it may die here. Nothing of a dead process ever goes on. */
  async function step(mine: number): Promise<void> {
    if (mine !== generation) await NEVER;
    steps++;
    if (faults && steps === killAt) {
      generation++;
      judge.died();
      await NEVER;
    }
  }

  function portsOf(mine: number): Ports {
    const quiet = () => {};
    return {
      clock: {
        ...clock,
        now: clock.now,
        wait: async (ms, signal) => {
          await clock.wait(ms, signal);
          if (mine !== generation) await NEVER;
        },
      },
      log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
      random,
      env: {},
    };
  }

  function checkOf(mine: number): Check {
    return {
      name: "fake",
      async run({ name, timeoutMs }) {
        await step(mine);
        if (random.chance(0.02)) return { ok: false, unknown: true, reason: "no socket" };
        const { health } = services.get(name)!;
        if (health === "hung") await clock.wait(timeoutMs);
        if (mine !== generation) await NEVER;
        const ok = health === "up";
        judge.checked(name, ok);
        return ok ? { ok, reason: "HTTP 200" } : { ok: false, reason: `it is ${health}` };
      },
    };
  }

  function restarterOf(mine: number): Restarter {
    return {
      name: "fake",
      async restart({ name }) {
        await step(mine);
        const service = services.get(name)!;
        judge.restartBegan(name);
        const tookMs = service.restarts === "slow" ? 38_000 : random.between(100, 12_000);
        // The engine goes on without its client, whatever becomes of the watchdog.
        const engine = clock.wait(tookMs).then(() => {
          if (service.restarts === "well" || service.restarts === "slow") service.health = "up";
          judge.restartEnded(name);
        });
        const end = service.restarts;
        const expiresMs = random.chance(0.2) && end === "slow" ? 5000 : RESTART_DEADLINE_MS;
        await Promise.race([engine, clock.wait(expiresMs)]);
        await step(mine);
        if (tookMs > expiresMs) return { ok: false, unknown: true, reason: "the client's time is up" };
        if (end === "fails") return { ok: false, reason: "no such container" };
        return { ok: true, reason: "restarted" };
      },
    };
  }

  async function receive(mine: number, sink: Sink, alert: Alert) {
    await step(mine);
    if (refusing.has(sink.name)) {
      await clock.wait(random.between(10, 15_000));
      if (mine !== generation) await NEVER;
      return { outcome: "retry" as const, reason: "HTTP 503" };
    }
    judge.told(sink.name, alert);
    await step(mine);
    return { outcome: "delivered" as const, reason: "HTTP 200" };
  }

  function startProcess(): { ticker: Ticker; stop(): void } {
    const mine = generation;
    killAt = steps + Math.ceil(random.between(1, 400));
    const ports = portsOf(mine);
    const { state } = restoreState({ loaded: JSON.parse(disk) });
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
      sinkNames.map((name): [string, Sink] => [
        name,
        { name, target: name, deliver: async () => ({ outcome: "retry", reason: "never called" }) },
      ]),
    );
    const ledger = createLedger(
      state,
      policies,
      store,
      ports,
      () => new Map(sinkNames.map((name) => [name, undefined])),
    );
    judge.loaded(state);
    ledger.apply({ type: "loaded" });
    const courier = createCourier(
      ledger,
      () => sinks,
      ports,
      (sink, alert) => receive(mine, sink, alert),
    );
    const over = new AbortController();
    void courier.run(over.signal);
    const wired = names.map((name) => ({
      target: { name, displayName: name, url: "", container: `c-${name}`, timeoutMs: 5000, options: {} },
      check: checkOf(mine),
      checkOptions: {},
      restarter: restarterOf(mine),
      restarterOptions: {},
    }));
    const ticker = createTicker({
      ledger,
      policies,
      services: new Map(wired.map((one) => [one.target.name, one])),
      courier,
      ports,
      budgetMs: 12_000,
      maxConcurrentRestarts: 4,
      lookout: { look: async () => ({}), ends: async () => ({}) },
      incidents: noIncidents,
      hooks: [],
      shutdown: over.signal,
    });
    return { ticker, stop: () => over.abort() };
  }

  function stir(): void {
    for (const service of services.values()) {
      if (random.chance(0.06)) service.health = random.pick(["broken", "hung", "needs-restart"] as const);
      else if (service.health !== "up" && service.health !== "needs-restart" && random.chance(0.15)) {
        service.health = "up";
      }
      if (random.chance(0.1))
        service.restarts = random.pick(["well", "well", "fails", "lies", "slow"] as const);
    }
    for (const sink of sinkNames) {
      if (random.chance(0.05)) refusing.add(sink);
      else if (random.chance(0.3)) refusing.delete(sink);
    }
  }

  function calm(): void {
    faults = false;
    refusing.clear();
    for (const service of services.values()) {
      service.health = "up";
      service.restarts = "well";
    }
  }

  let process = startProcess();
  let running = generation;
  for (let tick = 0; tick < faultTicks + quietTicks; tick++) {
    if (tick < faultTicks) stir();
    else if (tick === faultTicks) calm();
    if (running !== generation) {
      process.stop();
      running = generation;
      process = startProcess();
    }
    void process.ticker.tick();
    // An impatient scheduler calls again while the tick runs, and right after it.
    if (random.chance(0.2)) void process.ticker.tick();
    await clock.advance(INTERVAL_MS);
  }
  judge.over(JSON.parse(disk), policies);
  process.stop();
  await clock.settle();
}
