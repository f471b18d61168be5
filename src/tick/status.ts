import type { Config } from "../config/config.ts";
import { explain } from "../core/explain.ts";
import { activePause } from "../core/holds.ts";
import type { OutboxEntry } from "../core/outbox.ts";
import type { ServicePolicy } from "../core/policy.ts";
import type { Hold, Pause, ServiceState, WatchdogState } from "../core/state.ts";
import { emptyState, newService } from "../core/state.ts";
import type { IncidentFile } from "../incidents/store.ts";

const iso = (at: number | undefined) => (at ? new Date(at).toISOString() : null);

function holdReport(hold: Hold | null) {
  if (hold === null) return null;
  return { kind: hold.kind, reason: hold.reason, since: iso(hold.sinceAt), until: iso(hold.untilAt) };
}

export function serviceReport(policy: ServicePolicy, service: ServiceState, now: number) {
  const { why, nextRestartAt, budgetLeft } = explain(policy, service, now);
  const { lastCheck } = service;
  const lastRestart = service.restarts.at(-1);
  return {
    status: service.status,
    since: iso(service.statusSinceAt),
    failures: service.failures,
    last_check: lastCheck && { at: iso(lastCheck.at), ok: lastCheck.ok, reason: lastCheck.reason },
    last_restart: lastRestart
      ? { at: iso(lastRestart.at), outcome: lastRestart.outcome, reason: lastRestart.reason }
      : null,
    hold: holdReport(service.hold),
    why,
    next_restart: iso(nextRestartAt ?? 0),
    budget_left: budgetLeft,
    incident_id: service.outage?.id ?? null,
  };
}

function pauseReport(pause: Pause | null) {
  return pause && { since: iso(pause.sinceAt), until: iso(pause.untilAt), origin: pause.origin };
}

/** `GET /services/:name`: the whole answer to "why?". */
export function serviceDetail(
  state: WatchdogState,
  config: Config,
  name: string,
  incidents: readonly IncidentFile[],
  now: number,
) {
  const policy = config.services.get(name);
  if (policy === undefined) return undefined;
  const service = state.services[name] ?? newService(now);
  const { outage } = service;
  return {
    name,
    display_name: policy.displayName,
    container: policy.container,
    action: policy.action,
    dry_run: policy.dryRun,
    ...serviceReport(policy, service, now),
    paused: pauseReport(activePause(service.pause, now) ?? activePause(state.pause, now)),
    depends_on: policy.dependsOn,
    waits_for: service.hold?.kind === "dependency" ? (outage?.cause ?? null) : null,
    restarts: service.restarts.map(({ at, outcome, reason }) => ({ at: iso(at), outcome, reason })),
    incident: outage && {
      id: outage.id,
      started_at: iso(outage.startedAt),
      told: iso(outage.toldAt),
      hint: outage.hint ?? null,
      log: outage.log.map(({ at, text }) => ({ at: iso(at), text })),
    },
    last_incidents: incidents.map(({ id, startedAt, durationMs, outcome, hint }) => ({
      id,
      started_at: startedAt,
      duration_ms: durationMs,
      outcome,
      hint: hint ?? null,
    })),
    actions: state.actions
      .filter((action) => action.service === "" || action.service === name)
      .slice(-10)
      .map(({ at, untilAt, ...action }) => ({ at: iso(at), until: iso(untilAt), ...action })),
  };
}

/** `GET /status`: every service, the last tick, what troubles the watchdog, and the outbox. */
export function statusReport(state: WatchdogState = emptyState(), config: Config, now: number) {
  const services: Record<string, ReturnType<typeof serviceReport>> = {};
  for (const [name, policy] of config.services) {
    services[name] = serviceReport(policy, state.services[name] ?? newService(now), now);
  }
  const { lastTick, outbox, troubles, brake } = state;
  return {
    now: iso(now),
    services,
    last_tick: lastTick && {
      tick_id: lastTick.id,
      started_at: iso(lastTick.startedAt),
      duration_ms: lastTick.durationMs,
    },
    brake: brake && { kind: brake.kind, since: iso(brake.sinceAt), reason: brake.reason },
    pause: pauseReport(activePause(state.pause, now)),
    troubles: Object.entries(troubles).map(([name, trouble]) => ({
      name,
      since: iso(trouble.sinceAt),
      reason: trouble.reason,
    })),
    outbox: {
      sent: outbox.sent,
      pending: outbox.entries.length,
      dead: outbox.dead.length,
    },
  };
}

const MOST_ENTRIES = 200;

function entryReport(entry: OutboxEntry) {
  return {
    id: entry.id,
    sink: entry.sink,
    event_type: entry.alert.event_type,
    service: entry.service,
    message: entry.alert.message,
    created: iso(entry.createdAt),
    attempts: entry.attempts,
    last_reason: entry.lastReason,
  };
}

/** `GET /outbox`: what waits, what is dead and may be tried again, and sinks that are held. */
export function outboxReport(state: WatchdogState, targets: ReadonlyMap<string, string>) {
  const { entries, dead, sinks, sent } = state.outbox;
  return {
    sent,
    pending: entries.length,
    dead: dead.length,
    sinks: [...targets].map(([name, target]) => ({
      name,
      target,
      failures: sinks[name]?.failures ?? 0,
      held_until: sinks[name]?.disabled ? "disabled" : iso(sinks[name]?.heldUntilAt),
    })),
    entries: entries
      .slice(0, MOST_ENTRIES)
      .map((entry) => ({ ...entryReport(entry), next_at: iso(entry.nextAt) })),
    dead_letters: dead
      .slice(-MOST_ENTRIES)
      .map((letter) => ({ ...entryReport(letter), died: iso(letter.diedAt) })),
  };
}
