/** One tick: load, check, decide, save, restart, settle, deliver, report (design, section 2). */
import { dueServices, nextDueInMs } from "../core/due.ts";
import type { Effect, OperatorRequest, Outcome } from "../core/event.ts";
import type { Policies } from "../core/policy.ts";
import type { Courier } from "../delivery/courier.ts";
import type { IncidentStore } from "../incidents/store.ts";
import type { Check, Ports, Restarter, ServiceTarget, TickHook } from "../plugin.ts";
import { errorText } from "../shell/error-text.ts";
import { within } from "../shell/within.ts";
import type { CheckJob } from "./checking.ts";
import { runChecks } from "./checking.ts";
import { callHooks } from "./hooks.ts";
import type { Ledger } from "./ledger.ts";
import type { TickCounts, TickResult } from "./report.ts";
import { countVerdicts, serviceReports } from "./report.ts";
import type { Restarts } from "./restarting.ts";
import { createRestarts } from "./restarting.ts";
import type { Lookout } from "./surroundings.ts";

/** A service with the ports that serve it. */
export interface WiredService {
  target: ServiceTarget;
  check: Check;
  checkOptions: unknown;
  restarter: Restarter | undefined;
  restarterOptions: unknown;
}

export interface TickWorld {
  ledger: Ledger;
  policies: Policies;
  services: ReadonlyMap<string, WiredService>;
  courier: Courier;
  ports: Ports;
  /** A tick returns within this time; what is not done by then goes on behind it. */
  budgetMs: number;
  /** Spreads the first checks over the first interval: for a trigger that ticks more often than that. */
  spread?: boolean;
  maxConcurrentRestarts: number;
  lookout: Lookout;
  incidents: IncidentStore;
  hooks: readonly TickHook[];
  /** Aborts the checks when the process shuts down. */
  shutdown: AbortSignal;
}

export interface Ticker {
  /** Overlapping calls join the running tick and get its result. */
  tick(): Promise<TickResult>;
  /** What a person asks for, at once; answers what was done or why not. */
  operate(request: OperatorRequest): Promise<{ done: boolean; text: string }>;
  /** Resolves when no tick and no restart is under way and what came of them is saved. */
  idle(): Promise<void>;
}

export function createTicker(world: TickWorld): Ticker {
  const { ledger, ports, courier } = world;
  let current: Promise<TickResult> | null = null;
  const ends = new Map<string, Outcome["outcome"]>();
  const restarts: Restarts = createRestarts(
    world.maxConcurrentRestarts,
    ports,
    settled,
    (order, evidence) => {
      void world.incidents.addEvidence(order.incident, order.service, evidence, ports.clock.now());
    },
  );

  /** Those restarted along with it are part of the same restart, and waited for with it. */
  async function settled(service: string, outcome: Outcome): Promise<void> {
    ends.set(service, outcome.outcome);
    const effects = ledger.apply({ type: "settled", outcomes: { [service]: outcome } });
    await ledger.save();
    void courier.flush();
    await Promise.all(start(effects));
  }

  /** Starts the restarts among the effects; they are already written down. Incidents that ended are kept. */
  function start(effects: readonly Effect[]): Promise<void>[] {
    return effects.flatMap((effect) => {
      if (effect.type === "incident") void world.incidents.close(effect.incident);
      if (effect.type !== "restart") return [];
      const wired = world.services.get(effect.order.service)!;
      const target = { ...wired.target, options: wired.restarterOptions };
      return [restarts.run({ order: effect.order, restarter: wired.restarter, target })];
    });
  }

  async function cycle(): Promise<TickResult> {
    const startedAt = ledger.now();
    const startedMs = ports.clock.monotonicMs();
    const leftMs = () => Math.max(0, world.budgetMs - (ports.clock.monotonicMs() - startedMs));
    const due = dueServices(ledger.state, world.policies, startedAt, world.spread);
    if (due.length === 0 && ledger.state.lastTick !== null) {
      await within(ports.clock, leftMs(), courier.flush());
      const next_allowed_in_ms = nextDueInMs(ledger.state, world.policies, startedAt, world.spread);
      return { ok: true, report: { status: "skipped", reason: "min_interval", next_allowed_in_ms } };
    }
    ends.clear();
    const verdicts = await runChecks(jobsOf(world, due), ports, world.shutdown);
    const failing = Object.keys(verdicts).filter((name) => verdicts[name]!.ok === false);
    const around = await world.lookout.look(failing, ledger.state);
    const effects = ledger.apply({ type: "checked", at: startedAt, verdicts, around });
    if (effects.some((effect) => effect.type !== "note")) await ledger.save();
    const begun = start(effects);
    if (begun.length > 0) await within(ports.clock, leftMs(), Promise.all(begun));
    if (ledger.state.outbox.entries.length > 0) await within(ports.clock, leftMs(), courier.flush());
    const durationMs = Math.round(ports.clock.monotonicMs() - startedMs);
    const id = `tick_${startedAt.toString(36)}`;
    ledger.update((state) => ({
      ...state,
      lastTick: { id, startedAt, completedAt: startedAt + durationMs, durationMs },
    }));
    const saved = await ledger.save();
    callHooks(world.hooks, saved, world.policies, ledger.state, ports);
    const report = {
      status: "completed" as const,
      tick_id: id,
      started_at: new Date(startedAt).toISOString(),
      duration_ms: durationMs,
      counts: withRestarts(countVerdicts(verdicts), ends),
      services: serviceReports(ledger.state),
      outbox: outboxCounts(ledger),
    };
    if (saved) return { ok: true, report };
    return { ok: false, reason: `the cycle ran, and is not saved: ${ledger.unsaved()}`, report };
  }

  return {
    async tick() {
      if (current !== null) return joined(await current);
      current = cycle()
        .catch((error): TickResult => ({ ok: false, reason: `the cycle could not run: ${errorText(error)}` }))
        .finally(() => {
          current = null;
        });
      return current;
    },
    async operate(request) {
      const names = request.service === "" ? [...world.policies.keys()] : [request.service];
      const asksPolicy = request.action === "restart" && !request.force;
      const around = asksPolicy ? await world.lookout.look(names, ledger.state) : {};
      const effects = ledger.apply({ type: "operator", request, around });
      await ledger.save();
      for (const restart of start(effects)) void restart;
      const answer = effects.find((effect) => effect.type === "answer");
      return { done: answer?.done ?? false, text: answer?.text ?? "" };
    },
    async idle() {
      await current;
      await restarts.idle();
    },
  };
}

function jobsOf(world: TickWorld, names: readonly string[]): CheckJob[] {
  return names.map((name) => {
    const { check, target, checkOptions } = world.services.get(name)!;
    return { check, target: { ...target, options: checkOptions } };
  });
}

function withRestarts(counts: TickCounts, ends: ReadonlyMap<string, Outcome["outcome"]>): TickCounts {
  const all = [...ends.values()];
  return {
    ...counts,
    restarted: all.filter((end) => end === "restarted").length,
    restart_failed: all.filter((end) => end === "failed").length,
  };
}

function outboxCounts(ledger: Ledger) {
  const { sent, entries, dead } = ledger.state.outbox;
  return { sent, pending: entries.length, dead: dead.length };
}

function joined(result: TickResult): TickResult {
  if (!result.ok || result.report.status !== "completed") return result;
  return { ok: true, report: { ...result.report, joined: true } };
}
