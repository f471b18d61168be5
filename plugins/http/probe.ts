import type { CheckResult, Clock, ServiceTarget } from "../../src/plugin.ts";
import { onAbort } from "./aborts.ts";
import type { Alarms } from "./alarms.ts";
import type { LeanBody } from "./lean-fetch.ts";
import { faultOf, foreign, showMs } from "./reasons.ts";
import type { HttpServiceOptions } from "./settings.ts";

/** How much of a body is read, at most. */
const MAX_BODY_BYTES = 64 * 1024;
/** A deadline seen this much too late tells of us, not of the service: the process or machine stood still. */
const STALLED_MS = 1000;

/** What is asked of ofetch's `raw`; the same on Node and on Deno. */
export interface Answer {
  status: number;
  headers: { get(name: string): string | null };
  body?: LeanBody | null;
}

export type Ask = (
  url: string,
  init: {
    method: string;
    headers: Record<string, string>;
    signal: AbortSignal;
    attemptTimeoutMs: number;
  },
) => Promise<Answer>;

export interface ProbeWorld {
  ask: Ask;
  clock: Clock;
  alarms: Alarms;
  /** True while the URL's host name has not been looked up. */
  isResolving(host: string): boolean;
}

/**
 * One check. One deadline, `service.timeoutMs` from now, covers the look-up, connect, TLS, headers, and the
 * body if it is read. Never rejects.
 */
export async function probe(
  service: ServiceTarget,
  options: HttpServiceOptions,
  signal: AbortSignal,
  world: ProbeWorld,
): Promise<CheckResult> {
  const { alarms, clock, isResolving } = world;
  const { timeoutMs, url } = service;
  const controller = new AbortController();
  const startedMs = clock.monotonicMs();
  let cut: CheckResult | undefined;
  let answered = false;

  const cutShort = (result: CheckResult) => {
    cut ??= result;
    controller.abort();
  };
  const onDeadline = (lateMs: number) => {
    if (lateMs > STALLED_MS) {
      const reason = `the watchdog stood still for ${showMs(lateMs)} during the check`;
      return cutShort({ ok: false, unknown: true, reason });
    }
    const host = hostOf(url);
    const what = answered
      ? "body not complete"
      : isResolving(host)
        ? `host ${host} not resolved`
        : "no answer";
    cutShort({ ok: false, reason: `${what} in ${showMs(timeoutMs)}` });
  };
  // What has arrived by the deadline counts, even if we were too busy to read it: hence one more turn.
  let callOff = alarms.after(timeoutMs, (lateMs) => {
    callOff = alarms.after(1, () => onDeadline(lateMs));
  });
  const stopListening = onAbort(signal, () => cutShort(aborted(signal)));

  try {
    const answer = await world.ask(url, {
      method: options.method,
      headers: { accept: "*/*", "user-agent": "spreadpilot-watchdog", ...options.headers },
      signal: controller.signal,
      attemptTimeoutMs: Math.max(250, Math.round(timeoutMs / 4)),
    });
    answered = true;
    const status = statusVerdict(answer, options, () => showMs(clock.monotonicMs() - startedMs));
    if (status.ok && options.bodyIncludes !== undefined) {
      const missing = await bodyFault(answer.body, options.bodyIncludes);
      return cut ?? (missing ? { ok: false, reason: missing } : status);
    }
    answer.body?.cancel().catch(() => {});
    return cut ?? status;
  } catch (error) {
    if (cut) return cut;
    const fault = faultOf(error, hostOf(url));
    return { ok: false, ...fault, reason: answered ? `${fault.reason}, after the headers` : fault.reason };
  } finally {
    callOff();
    stopListening();
  }
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : foreign(url);
}

/** We stop: that says nothing about the service. */
export function aborted(signal: AbortSignal): CheckResult {
  const why = signal.reason instanceof Error ? signal.reason.message : String(signal.reason);
  return { ok: false, unknown: true, reason: `check aborted: ${foreign(why)}` };
}

function statusVerdict(answer: Answer, options: HttpServiceOptions, elapsed: () => string): CheckResult {
  const { status } = answer;
  if (options.status.some(([from, to]) => status >= from && status <= to)) {
    return { ok: true, reason: `HTTP ${status} in ${elapsed()}` };
  }
  const location = status >= 300 && status < 400 ? answer.headers.get("location") : null;
  if (location === null) return { ok: false, reason: `HTTP ${status} in ${elapsed()}` };
  // A login page's address often carries a token in its query.
  const target = foreign(location.replace(/[?#].*$/s, "").replace(/\/\/[^/]*@/, "//"));
  return { ok: false, reason: `HTTP ${status} redirect to ${target}: not followed` };
}

/** Looks for a text in at most 64 KiB of a body, and reads no further than that; `undefined` when it is there. */
async function bodyFault(body: LeanBody | null | undefined, text: string): Promise<string | undefined> {
  const decoder = new TextDecoder();
  const missing = `body does not contain ${JSON.stringify(foreign(text, 60))}`;
  let left = MAX_BODY_BYTES;
  let tail = "";
  for await (const chunk of body ?? []) {
    const part = chunk.length > left ? chunk.subarray(0, left) : chunk;
    tail += decoder.decode(part, { stream: true });
    if (tail.includes(text)) return undefined;
    // Of what was read, only an end that may be the text's beginning is kept.
    tail = tail.slice(Math.max(0, tail.length - text.length + 1));
    left -= part.length;
    if (left <= 0) return `${missing} in its first 64 KiB`;
  }
  return missing;
}
