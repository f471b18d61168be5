/** One tick: load, check, decide, save, restart, settle, deliver, report (design, section 2). */
import { dueServices, nextDueInMs } from "../core/due.ts";
import type { Effect, Outcome } from "../core/event.ts";
import type { Policies } from "../core/policy.ts";
import type { Courier } from "../delivery/courier.ts";
import type { Check, Ports, Restarter, ServiceTarget } from "../plugin.ts";
import { errorText } from "../shell/error-text.ts";
import { within } from "../shell/within.ts";
import type { CheckJob } from "./checking.ts";
import { runChecks } from "./checking.ts";
import type { Ledger } from "./ledger.ts";
import type { TickCounts, TickResult } from "./report.ts";
import { countVerdicts, serviceReports } from "./report.ts";
import type { Restarts } from "./restarting.ts";
import { createRestarts } from "./restarting.ts";

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
  maxConcurrentRestarts: number;
  /** Aborts the checks when the process shuts down. */
  shutdown: AbortSignal;
}

export interface Ticker {
  /** Overlapping calls join the running tick and get its result. */
  tick(): Promise<TickResult>;
  running(): boolean;
  /** Resolves when no tick and no restart is under way and what came of them is saved. */
  idle(): Promise<void>;
}

export function createTicker(world: TickWorld): Ticker {
  const { ledger, ports, courier } = world;
  let current: Promise<TickResult> | null = null;
  const ends = new Map<string, Outcome["outcome"]>();
  const restarts: Restarts = createRestarts(world.maxConcurrentRestarts, ports, async (service, outcome) => {
    ends.set(service, outcome.outcome);
    start(ledger.apply({ type: "settled", outcomes: { [service]: outcome } }));
    await ledger.save();
    void courier.flush();
  });

  /** Starts the restarts among the effects; they are already written down. */
  function start(effects: readonly Effect[]): Promise<void>[] {
    return effects.flatMap((effect) => {
      if (effect.type !== "restart") return [];
      const wired = world.services.get(effect.order.service)!;
      const target = { ...wired.target, options: wired.restarterOptions };
      return [restarts.run({ order: effect.order, restarter: wired.restarter, target })];
    });
  }

  async function cycle(): Promise<TickResult> {
    const startedAt = ports.clock.now();
    const startedMs = ports.clock.monotonicMs();
    const leftMs = () => Math.max(0, world.budgetMs - (ports.clock.monotonicMs() - startedMs));
    const due = dueServices(ledger.state, world.policies, startedAt);
    if (due.length === 0 && ledger.state.lastTick !== null) {
      await within(ports.clock, leftMs(), courier.flush());
      const next_allowed_in_ms = nextDueInMs(ledger.state, world.policies, startedAt);
      return { ok: true, report: { status: "skipped", reason: "min_interval", next_allowed_in_ms } };
    }
    ends.clear();
    const verdicts = await runChecks(jobsOf(world, due), ports, world.shutdown);
    const effects = ledger.apply({ type: "checked", verdicts });
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
    running: () => current !== null,
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
