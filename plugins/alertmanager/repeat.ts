import type { Clock, HttpSink, Log, ServiceSummary, SinkRequest, TickHook } from "../../src/plugin.ts";
import { type Posted, RESOLVE_TIMEOUT_MS, repeatOf } from "./body.ts";

/** How often firing alerts are posted again. */
export const EVERY_MS = 60_000;
/** Ticks come a little early or late; a slot that is missed for 5 ms would make it 75 s. */
const TOLERANCE_MS = 1000;
const TIMEOUT_MS = 10_000;

type Outage = { service: ServiceSummary & { incident: object }; endedAtMs?: number };

export interface Repeat {
  sink: HttpSink;
  host: string;
  holdMs: number;
  request(posted: Posted[]): SinkRequest;
}

/**
 * Alertmanager is level-triggered: what fires is posted again once a minute, and what is over for 5 min, so
 * that an Alertmanager that was away, or restarted, knows the truth a minute later. What is over is kept in
 * memory only: a process of one tick tells an end once, by its alert in the outbox.
 */
export function repeatHook(
  { sink, host, holdMs, request }: Repeat,
  { clock, log }: { clock: Clock; log: Log },
  timeoutMs = TIMEOUT_MS,
): TickHook {
  const outages = new Map<string, Outage>();
  let postedAtMs = Number.NEGATIVE_INFINITY;
  let lost = false;
  return {
    name: "alertmanager",
    async ticked({ services }, signal) {
      const nowMs = clock.now();
      follow(outages, services, sink, nowMs);
      const monotonicMs = clock.monotonicMs();
      if (outages.size === 0 || monotonicMs - postedAtMs < EVERY_MS - TOLERANCE_MS) return;
      postedAtMs = monotonicMs;
      const posted = [...outages.values()].map(({ service, endedAtMs }) =>
        repeatOf(service, host, holdMs, nowMs, endedAtMs),
      );
      const fault = await post(request(posted), clock, signal, timeoutMs);
      // A post that our own stop cut off says nothing about the receiver.
      if (signal.aborted || (fault !== undefined) === lost) return;
      lost = fault !== undefined;
      if (lost) log.warn(`firing alerts are not repeated at ${sink.target}: ${fault}`);
      else log.info(`firing alerts are repeated at ${sink.target} again`);
    },
  };
}

/** By service and not by incident: a new outage has the labels of the last one, and takes its place. */
function follow(
  outages: Map<string, Outage>,
  services: readonly ServiceSummary[],
  { settings = {} }: HttpSink,
  nowMs: number,
): void {
  const { events, severities, services: names } = settings;
  if (events && !events.includes("COMPONENT_DOWN")) return;
  if (severities && !severities.includes("CRITICAL")) return;
  const firing = new Set<string>();
  for (const service of services) {
    const { name, incident } = service;
    if (incident === null || (names && !names.includes(name))) continue;
    firing.add(name);
    outages.set(name, { service: { ...service, incident } });
  }
  for (const [name, outage] of outages) {
    if (firing.has(name)) continue;
    outage.endedAtMs ??= nowMs;
    if (nowMs - outage.endedAtMs > RESOLVE_TIMEOUT_MS) outages.delete(name);
  }
}

/** Resolves to what went wrong, in words without the URL; `undefined` when the alerts were taken. */
async function post(
  { url, method, headers, body }: SinkRequest,
  clock: Clock,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<string | undefined> {
  const over = new AbortController();
  let late = false;
  void clock.wait(timeoutMs, over.signal).then(() => {
    late = !over.signal.aborted;
    over.abort();
  });
  signal.addEventListener("abort", () => over.abort(), { once: true, signal: over.signal });
  if (signal.aborted) over.abort();
  try {
    const all = { "user-agent": "spreadpilot-watchdog", ...headers };
    const answer = await fetch(url, { method, headers: all, body, redirect: "manual", signal: over.signal });
    await answer.body?.cancel();
    return answer.status === 200 ? undefined : `HTTP ${answer.status}`;
  } catch (fault) {
    if (late) return `no answer in ${timeoutMs / 1000} s`;
    // The messages of fetch carry the address.
    const code = fault instanceof Error && (fault.cause as { code?: unknown } | undefined)?.code;
    return typeof code === "string" ? `connection failed (${code})` : "connection failed";
  } finally {
    over.abort();
  }
}
