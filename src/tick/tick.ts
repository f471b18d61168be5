/** One tick: check what is due, look around, decide, save, restart, deliver, report. */
import { dueServices, gapsBefore, nextDueInMs } from "../core/due.ts";
import type { Effect, OperatorAnswer, OperatorRequest, Outcome, RestartOrder } from "../core/event.ts";
import { words } from "../core/words.ts";
import type { IncidentStore } from "../incidents/store.ts";
import type { Ports } from "../plugin/contract.ts";
import type { Ledger } from "../state/ledger.ts";
import { withDeadline } from "../system/clock.ts";
import { errorText } from "../system/log.ts";
import type { CheckJob } from "./checks.ts";
import { runChecks } from "./checks.ts";
import { createHooks } from "./hooks.ts";
import type { Lookout } from "./observe.ts";
import type { TickCounts, TickResult } from "./report.ts";
import { countVerdicts, serviceReports } from "./report.ts";
import type { Restarts } from "./restarts.ts";
import { createRestarts } from "./restarts.ts";
import type { Roster } from "./roster.ts";
import type { WiredService } from "./services.ts";

export interface TickWorld {
  ledger: Ledger;
  /** Asked again at every step: a reload may replace it in the middle of a tick. */
  roster(): Roster;
  /** Delivers what is due. Resolves when all of it was tried and saved. */
  deliverDue(): Promise<void>;
  ports: Ports;
  lookout: Lookout;
  incidents: IncidentStore;
  /** Aborts, with a reason for people, when nothing new may begin: the process ends, or lost the state. */
  ending: AbortSignal;
  /** Aborts the checks when the process shuts down. */
  shutdown: AbortSignal;
}

export interface Ticker {
  /** A call during a tick joins it and gets its result. */
  tick(): Promise<TickResult>;
  /** Does at once what a person asks for; answers what was done, or why not. */
  operate(request: OperatorRequest): Promise<OperatorAnswer>;
  /** Resolves when no tick and no restart is under way, and their outcomes are saved. */
  idle(): Promise<void>;
}

export function createTicker(world: TickWorld): Ticker {
  const { ledger, ports, deliverDue, roster } = world;
  let current: Promise<TickResult> | null = null;
  const ends = new Map<string, Outcome["outcome"]>();
  const restarts: Restarts = createRestarts({
    maxConcurrent: () => roster().maxConcurrentRestarts,
    ports,
    ending: world.ending,
    mayAct: async ({ order, wired }) =>
      (await ledger.mayAct(order.service)) ??
      (isOrdered(order) && isWired(order.service, wired) ? undefined : words.configuredAnew),
    settled,
    withheld,
    kept({ incident, service }, evidence) {
      if (isLost()) return;
      void world.incidents.addEvidence(incident, service, evidence, ports.clock.now());
    },
  });

  const hooks = createHooks(roster, ports, world.shutdown);
  const isLost = () => ledger.lost() !== undefined;
  /** Whether a service is still watched as it was: a reload may have changed how it is checked and restarted. */
  const isWired = (name: string, wired: WiredService) => roster().services.get(name) === wired;
  /** A service that left and returned knows nothing of the restart that was ordered before. */
  const isOrdered = ({ service, id }: RestartOrder) => ledger.state.services[service]?.restart?.id === id;

  /** Services that are restarted along with it belong to the same restart, which ends with the last of them. */
  async function settled(order: RestartOrder, outcome: Outcome): Promise<void> {
    // The new owner of the state has settled this restart as unknown, and looks at the container itself.
    if (isLost()) return;
    ends.set(order.service, outcome.outcome);
    if (!isOrdered(order)) return;
    const { services } = roster();
    const effects = ledger.apply({ type: "settled", outcomes: { [order.service]: outcome } });
    await ledger.save();
    if (isLost()) return void nothingDone(effects);
    void deliverDue();
    await Promise.all(start(effects, services));
  }

  async function withheld(order: RestartOrder, why: string): Promise<void> {
    const { service } = order;
    if (isLost() || !isOrdered(order)) {
      return void ports.log.warn(`the restart of ${service} did not begin: ${why}`, { service });
    }
    ledger.apply({ type: "withheld", services: [service], why });
    await ledger.save();
  }

  /** Logs and drops what this process decided when it no longer owned the state. */
  function nothingDone(effects: readonly Effect[]): string {
    const restarted = effects.flatMap((effect) => (effect.type === "restart" ? [effect.order.service] : []));
    const alerts = effects.filter((effect) => effect.type === "alert").length;
    const reason = words.nothingDone(ledger.lost() ?? "", restarted, alerts);
    ports.log.error(reason);
    return reason;
  }

  /**
   * Starts the restarts among the effects, which are saved already, and keeps the incidents that ended. `services` are
   * those of the moment of the decision: a reload may have come during the save.
   */
  function start(effects: readonly Effect[], services: Roster["services"]): Promise<void>[] {
    return effects.flatMap((effect) => {
      if (effect.type === "incident") void world.incidents.close(effect.incident);
      if (effect.type !== "restart") return [];
      const wired = services.get(effect.order.service)!;
      return [restarts.run({ order: effect.order, wired })];
    });
  }

  async function cycle(): Promise<TickResult> {
    const startedMs = ports.clock.monotonicMs();
    const passedMs = () => ports.clock.monotonicMs() - startedMs;
    const { policies, spread, budgetMs } = roster();
    const leftMs = () => Math.max(0, budgetMs - passedMs());
    // Counted back from now, because the clock may have been set since the tick began.
    const startedAt = () => ledger.now() - Math.round(passedMs());
    const due = dueServices(ledger.state, policies, startedAt(), spread);
    if (due.length === 0 && ledger.state.lastTick !== null) {
      await withDeadline(ports.clock, leftMs(), deliverDue());
      const next_allowed_in_ms = nextDueInMs(ledger.state, policies, ledger.now(), spread);
      return { ok: true, report: { status: "skipped", reason: "min_interval", next_allowed_in_ms } };
    }
    ends.clear();
    const { services } = roster();
    const verdicts = await runChecks(jobsOf(services, due), ports, world.shutdown);
    const failing = Object.keys(verdicts).filter((name) => verdicts[name]!.ok === false);
    const around = await world.lookout.look(failing, ledger.state, verdicts);
    for (const name of due) if (!isWired(name, services.get(name)!)) delete verdicts[name];
    const effects = ledger.apply({ type: "checked", at: startedAt(), verdicts, around });
    if (effects.some((effect) => effect.type !== "note")) await ledger.save();
    if (isLost()) return { ok: false, reason: nothingDone(effects) };
    const begun = start(effects, services);
    if (begun.length > 0) await withDeadline(ports.clock, leftMs(), Promise.all(begun));
    if (ledger.state.outbox.entries.length > 0) await withDeadline(ports.clock, leftMs(), deliverDue());
    const durationMs = Math.round(passedMs());
    const completedAt = ledger.now();
    const began = completedAt - durationMs;
    const id = `tick_${began.toString(36)}`;
    ledger.update((state) => ({
      ...state,
      lastTick: {
        id,
        startedAt: began,
        completedAt,
        durationMs,
        gapsMs: gapsBefore(state.lastTick, began),
      },
    }));
    const saved = await ledger.save();
    if (isLost()) return { ok: false, reason: nothingDone([]) };
    hooks.call(saved, ledger.state);
    const report = {
      status: "completed" as const,
      tick_id: id,
      started_at: new Date(began).toISOString(),
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
      if (world.ending.aborted) return { ok: false, reason: `nothing was done: ${world.ending.reason}` };
      current = cycle()
        .catch((error): TickResult => {
          if (!isLost()) hooks.call(false, ledger.state);
          return { ok: false, reason: `the cycle could not run: ${errorText(error)}` };
        })
        .finally(() => {
          current = null;
        });
      return current;
    },
    async operate(request) {
      const names = request.service === "" ? [...roster().policies.keys()] : [request.service];
      const asksPolicy = request.action === "restart" && !request.force;
      const around = asksPolicy ? await world.lookout.look(names, ledger.state) : {};
      if (world.ending.aborted) return { code: "refused", text: `nothing was done: ${world.ending.reason}` };
      const { services } = roster();
      const effects = ledger.apply({ type: "operator", request, around });
      await ledger.save();
      if (isLost()) return { code: "refused", text: nothingDone(effects) };
      for (const restart of start(effects, services)) void restart;
      const { code, text } = effects.find((effect) => effect.type === "answer")!;
      return { code, text };
    },
    async idle() {
      await current;
      await restarts.idle();
      await hooks.idle();
    },
  };
}

function jobsOf(services: Roster["services"], names: readonly string[]): CheckJob[] {
  return names.map((name) => {
    const { check, target, checkOptions } = services.get(name)!;
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
