import type { Clock, HttpSink, Log, ServiceSummary, SinkRequest, TickHook } from "../../src/plugin.ts";
import { type Posted, repeatOf, type Shape } from "./body.ts";

/** How often firing alerts are posted again. */
export const EVERY_MS = 60_000;
/**
 * Ticks come a little early or late. Without a tolerance, a tick that is 5 ms early would delay the repeat to 75 s.
 */
const TOLERANCE_MS = 1000;
const TIMEOUT_MS = 10_000;
/** How long the end of an outage is repeated: as long as Alertmanager itself remembers it. */
const ENDED_MS = 5 * 60_000;

/** Where and how alerts are posted. */
export interface Alertmanager {
  sink: HttpSink;
  shape: Shape;
  /** The URLs of all members of the cluster. */
  urls: readonly string[];
  request(posted: Posted[]): SinkRequest;
  /** How long an alert fires unless it is posted again, in ms. */
  holdMs(): number;
  /** Learns the observed time between ticks: an external scheduler may tick less often than configured. */
  learnGap(gapMs: number): void;
}

type Outage = { service: ServiceSummary & { incident: object }; endedAtMs?: number };

/**
 * Alertmanager expects firing alerts to be repeated. So outages are posted again once a minute, and their ends for 5
 * min. An Alertmanager that was away or restarted is then up to date after a minute. Ends are kept only in memory: a
 * one-shot tick reports an end once, by its alert in the outbox.
 */
export function repeatHook(
  { sink, shape, urls, request, holdMs, learnGap }: Alertmanager,
  { clock, log }: { clock: Clock; log: Log },
  timeoutMs = TIMEOUT_MS,
): TickHook {
  const outages = new Map<string, Outage>();
  const lost = new Set<string>();
  let postedAtMs = Number.NEGATIVE_INFINITY;

  async function postTo(url: string, repeat: SinkRequest, signal: AbortSignal): Promise<void> {
    const fault = await post({ ...repeat, url }, clock, signal, timeoutMs);
    // A post that our own shutdown aborted says nothing about the receiver.
    if (signal.aborted || (fault !== undefined) === lost.has(url)) return;
    const { origin } = new URL(url);
    if (fault !== undefined) lost.add(url);
    else lost.delete(url);
    if (fault === undefined) log.info(`firing alerts are repeated at ${origin} again`);
    else log.warn(`firing alerts are not repeated at ${origin}: ${fault}`);
  }

  return {
    name: "alertmanager",
    async ticked({ services, gapMs }, signal) {
      const nowMs = clock.now();
      learnGap(gapMs);
      follow(outages, services, sink, nowMs);
      const monotonicMs = clock.monotonicMs();
      if (outages.size === 0 || monotonicMs - postedAtMs < EVERY_MS - TOLERANCE_MS) return;
      postedAtMs = monotonicMs;
      const posted = [...outages.values()].map(({ service, endedAtMs }) =>
        repeatOf(service, shape, nowMs, holdMs(), endedAtMs),
      );
      const repeat = request(posted);
      await Promise.all(urls.map((url) => postTo(url, repeat, signal)));
    },
  };
}

/** By service, not by incident: a new outage has the same labels as the last one and replaces it. */
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
    if (nowMs - outage.endedAtMs > ENDED_MS) outages.delete(name);
  }
}

/** Resolves to what went wrong, without the URL; `undefined` if the alerts were accepted. */
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
    // The messages of fetch contain the address.
    const code = fault instanceof Error && (fault.cause as { code?: unknown } | undefined)?.code;
    return typeof code === "string" ? `connection failed (${code})` : "connection failed";
  } finally {
    over.abort();
  }
}
