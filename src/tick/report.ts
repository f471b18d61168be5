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

interface SkippedReport {
  status: "skipped";
  reason: "min_interval" | "locked";
  next_allowed_in_ms?: number;
  /** Who holds the state, and what to do. */
  detail?: string;
}

export type TickResult =
  | { ok: true; report: CompletedReport | SkippedReport }
  | { ok: false; reason: string; report?: CompletedReport };

/** The report of 100 services stays under 16 KB: the reasons share the space that names and numbers leave. */
const SERVICES_BYTES = 15_000;
const OVERHEAD_BYTES = 56;
const LONGEST_REASON_BYTES = 80;

export function serviceReports(state: WatchdogState): CompletedReport["services"] {
  const all = Object.entries(state.services);
  const shareBytes = SERVICES_BYTES / Math.max(all.length, 1) - OVERHEAD_BYTES;
  const services: CompletedReport["services"] = {};
  for (const [name, { status, failures, lastCheck }] of all) {
    services[name] = { status };
    if (status === "healthy" || lastCheck === null) continue;
    const reasonBytes = Math.min(shareBytes - name.length, LONGEST_REASON_BYTES);
    services[name] = { status, failures, reason: cutToBytes(lastCheck.reason, reasonBytes) };
  }
  return services;
}

function cutToBytes(text: string, limitBytes: number): string {
  let bytes = 0;
  let cut = "";
  for (const character of text) {
    // As JSON in UTF-8: at most six bytes for an escape.
    bytes += /[ -!#-[\]-~]/.test(character) ? 1 : 6;
    if (bytes > limitBytes) break;
    cut += character;
  }
  return cut;
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
