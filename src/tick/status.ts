import type { Config } from "../config/config.ts";
import type { Hold, ServiceState, WatchdogState } from "../core/state.ts";
import { emptyState, newService } from "../core/state.ts";

const iso = (at: number | undefined) => (at ? new Date(at).toISOString() : null);

function holdReport(hold: Hold | null) {
  if (hold === null) return null;
  return { kind: hold.kind, reason: hold.reason, since: iso(hold.sinceAt), until: iso(hold.untilAt) };
}

function serviceReport(service: ServiceState) {
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
    incident_id: service.outage?.id ?? null,
  };
}

/** `GET /status`: every service, the last tick, what troubles the watchdog, and the outbox. */
export function statusReport(state: WatchdogState = emptyState(), config: Config, now: number) {
  const services: Record<string, ReturnType<typeof serviceReport>> = {};
  for (const name of config.services.keys())
    services[name] = serviceReport(state.services[name] ?? newService(now));
  const { lastTick, outbox, troubles } = state;
  return {
    now: iso(now),
    services,
    last_tick: lastTick && {
      tick_id: lastTick.id,
      started_at: iso(lastTick.startedAt),
      duration_ms: lastTick.durationMs,
    },
    troubles: Object.entries(troubles).map(([name, trouble]) => ({
      name,
      since: iso(trouble.sinceAt),
      reason: trouble.reason,
    })),
    outbox: {
      sent: outbox.sent,
      pending: outbox.entries.length,
      dead: outbox.dead.length,
      entries: outbox.entries.slice(0, 100).map((entry) => ({
        id: entry.alert.id,
        sink: entry.sink,
        event_type: entry.alert.event_type,
        service: entry.service,
        attempts: entry.attempts,
        next_at: iso(entry.nextAt),
        last_reason: entry.lastReason,
      })),
    },
  };
}
