/** What the routes answer about services, the watchdog itself and the outbox. Pure. */
import type { Config, ConfigurationReport } from "../config/config.ts";
import { explain } from "../core/explain.ts";
import { activePause } from "../core/holds.ts";
import type { OutboxEntry } from "../core/outbox.ts";
import type { ServicePolicy } from "../core/policy.ts";
import type { Hold, Pause, RestartRecord, ServiceState, WatchdogState } from "../core/state.ts";
import { emptyState, newService } from "../core/state.ts";
import type { IncidentFile } from "../incidents/file.ts";
import { isoOrNull } from "../state/times.ts";

function holdReport(hold: Hold | null) {
  if (hold === null) return null;
  return {
    kind: hold.kind,
    reason: hold.reason,
    since: isoOrNull(hold.sinceAt),
    until: isoOrNull(hold.untilAt),
  };
}

/** `untried`: it failed before anything was done. */
function restartReport({ at, outcome, reason, untried }: RestartRecord) {
  return { at: isoOrNull(at), outcome, reason, ...(untried ? { untried } : {}) };
}

function serviceReport(policy: ServicePolicy, service: ServiceState, now: number) {
  const { why, nextRestartAt, budgetLeft } = explain(policy, service, now);
  const { lastCheck } = service;
  const lastRestart = service.restarts.at(-1);
  return {
    status: service.status,
    since: isoOrNull(service.statusSinceAt),
    failures: service.failures,
    last_check: lastCheck && { at: isoOrNull(lastCheck.at), ok: lastCheck.ok, reason: lastCheck.reason },
    last_restart: lastRestart ? restartReport(lastRestart) : null,
    hold: holdReport(service.hold),
    why,
    next_restart: isoOrNull(nextRestartAt ?? 0),
    budget_left: budgetLeft,
    incident_id: service.outage?.id ?? null,
  };
}

function pauseReport(pause: Pause | null) {
  return pause && { since: isoOrNull(pause.sinceAt), until: isoOrNull(pause.untilAt), origin: pause.origin };
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
    restarts: service.restarts.map(restartReport),
    incident: outage && {
      id: outage.id,
      started_at: isoOrNull(outage.startedAt),
      told: isoOrNull(outage.toldAt),
      hint: outage.hint ?? null,
      log: outage.log.map(({ at, text }) => ({ at: isoOrNull(at), text })),
    },
    last_incidents: incidents.map(({ id, startedAt, durationMs, outcome, hint }) => ({
      id,
      started_at: isoOrNull(startedAt),
      duration_ms: durationMs,
      outcome,
      hint: hint ?? null,
    })),
    actions: state.actions
      .filter((action) => action.service === "" || action.service === name)
      .slice(-10)
      .map(({ at, untilAt, ...action }) => ({ at: isoOrNull(at), until: isoOrNull(untilAt), ...action })),
  };
}

/** `GET /status`: every service, the last tick, what troubles the watchdog, and the outbox. */
export function statusReport(
  state: WatchdogState = emptyState(),
  config: Config,
  { source, loadedAt, refused }: ConfigurationReport,
  now: number,
) {
  const services: Record<string, ReturnType<typeof serviceReport>> = {};
  for (const [name, policy] of config.services) {
    services[name] = serviceReport(policy, state.services[name] ?? newService(now), now);
  }
  const { lastTick, outbox, troubles, brake } = state;
  return {
    now: isoOrNull(now),
    services,
    last_tick: lastTick && {
      tick_id: lastTick.id,
      started_at: isoOrNull(lastTick.startedAt),
      duration_ms: lastTick.durationMs,
    },
    brake: brake && { kind: brake.kind, since: isoOrNull(brake.sinceAt), reason: brake.reason },
    pause: pauseReport(activePause(state.pause, now)),
    troubles: Object.entries(troubles).map(([name, trouble]) => ({
      name,
      since: isoOrNull(trouble.sinceAt),
      reason: trouble.reason,
    })),
    configuration: {
      source,
      loaded: isoOrNull(loadedAt),
      refused: refused && { since: isoOrNull(refused.at), faults: refused.faults },
    },
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
    created: isoOrNull(entry.createdAt),
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
      held_until: sinks[name]?.disabled ? "disabled" : isoOrNull(sinks[name]?.heldUntilAt),
    })),
    entries: entries
      .slice(0, MOST_ENTRIES)
      .map((entry) => ({ ...entryReport(entry), next_at: isoOrNull(entry.nextAt) })),
    dead_letters: dead
      .slice(-MOST_ENTRIES)
      .map((letter) => ({ ...entryReport(letter), died: isoOrNull(letter.diedAt) })),
  };
}
