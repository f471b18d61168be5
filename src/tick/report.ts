import type { Verdict } from "../core/event.ts";
import type { WatchdogState } from "../core/state.ts";

export interface TickCounts {
  checked: number;
  healthy: number;
  unhealthy: number;
  restarted: number;
  restart_failed: number;
}

export interface CompletedReport {
  status: "completed";
  tick_id: string;
  started_at: string;
  duration_ms: number;
  counts: TickCounts;
  services: Record<string, { status: string; failures?: number; reason?: string }>;
  outbox: { sent: number; pending: number; dead: number };
  joined?: true;
}

export interface SkippedReport {
  status: "skipped";
  reason: "min_interval" | "locked";
  next_allowed_in_ms?: number;
  /** Who holds the state, and what to do. */
  detail?: string;
}

export type TickResult =
  | { ok: true; report: CompletedReport | SkippedReport }
  | { ok: false; reason: string; report?: CompletedReport };

/** Long reasons are cut, so that the report of 100 services stays under 16 KB. */
const LONGEST_REASON = 80;

export function serviceReports(state: WatchdogState): CompletedReport["services"] {
  const services: CompletedReport["services"] = {};
  for (const [name, service] of Object.entries(state.services)) {
    const { status, failures, lastCheck } = service;
    if (status === "healthy" || lastCheck === null) services[name] = { status };
    else services[name] = { status, failures, reason: lastCheck.reason.slice(0, LONGEST_REASON) };
  }
  return services;
}

export function countVerdicts(verdicts: Record<string, Verdict>): TickCounts {
  const all = Object.values(verdicts);
  return {
    checked: all.length,
    healthy: all.filter((verdict) => verdict.ok === true).length,
    unhealthy: all.filter((verdict) => verdict.ok === false).length,
    restarted: 0,
    restart_failed: 0,
  };
}
