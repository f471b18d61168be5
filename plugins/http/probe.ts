import type { CheckResult, Clock, ServiceTarget } from "../../src/plugin.ts";
import type { Alarms } from "../network/alarms.ts";
import { withinDeadline } from "../network/deadline.ts";
import { foreign, showMs } from "../network/reasons.ts";
import { asksForBody, bodyFault } from "./body.ts";
import type { LeanBody } from "./lean-fetch.ts";
import { faultOf } from "./reasons.ts";
import type { HttpServiceOptions } from "./settings.ts";

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
    onAsked(isConnecting: () => boolean): void;
  },
) => Promise<Answer>;

export interface ProbeWorld {
  ask: Ask;
  clock: Clock;
  alarms: Alarms;
  /** True while the host name of the URL has not been resolved. */
  isResolving(host: string): boolean;
}

/** The progress of a running request. */
interface Progress {
  startedMs: number;
  answered: boolean;
  /** Absent on Deno, which does not tell. */
  isConnecting?: () => boolean;
}

/** One check. Its one deadline covers the look-up, connect, TLS, headers, and the body if it is read. Never rejects. */
export function probe(
  service: ServiceTarget,
  options: HttpServiceOptions,
  signal: AbortSignal,
  world: ProbeWorld,
): Promise<CheckResult> {
  const { alarms, clock } = world;
  const progress: Progress = { startedMs: clock.monotonicMs(), answered: false };
  const begin = () => {
    const cutOff = new AbortController();
    return {
      result: request(service, options, cutOff.signal, world, progress),
      // A reason spares the making of an error with its stack.
      cut: () => cutOff.abort("cut short"),
    };
  };
  const overdue = () => noAnswer(service, progress, world);
  return withinDeadline(begin, { timeoutMs: service.timeoutMs, signal, alarms, overdue });
}

/** Asks, and judges what comes. Never rejects, but may never end. */
async function request(
  { timeoutMs, url }: ServiceTarget,
  options: HttpServiceOptions,
  signal: AbortSignal,
  world: ProbeWorld,
  progress: Progress,
): Promise<CheckResult> {
  try {
    const answer = await world.ask(url, {
      method: options.method,
      headers: { accept: "*/*", "user-agent": "spreadpilot-watchdog", ...options.headers },
      signal,
      attemptTimeoutMs: Math.max(250, Math.round(timeoutMs / 4)),
      onAsked(isConnecting) {
        progress.isConnecting = isConnecting;
      },
    });
    progress.answered = true;
    const elapsed = () => showMs(world.clock.monotonicMs() - progress.startedMs);
    const status = statusVerdict(answer, options, elapsed);
    // An answer that comes after the deadline is read no further.
    if (status.ok && asksForBody(options) && !signal.aborted) {
      const fault = await bodyFault(answer.body, options);
      return fault === undefined ? status : { ok: false, reason: fault };
    }
    answer.body?.cancel().catch(() => {});
    return status;
  } catch (error) {
    const host = hostOf(url);
    const fault = faultOf(error, host, options.headers.host?.replace(/:\d+$/, "") ?? host);
    return {
      ok: false,
      ...fault,
      reason: progress.answered ? `${fault.reason}, after the headers` : fault.reason,
    };
  }
}

function noAnswer(
  { timeoutMs, url }: ServiceTarget,
  { answered, isConnecting }: Progress,
  { isResolving }: ProbeWorld,
): CheckResult {
  const host = hostOf(url);
  const within = `in ${showMs(timeoutMs)}`;
  if (answered) return { ok: false, reason: `body not complete ${within}` };
  if (isResolving(host))
    return { ok: false, fault: "unresolved", reason: `host ${host} not resolved ${within}` };
  return { ok: false, ...(isConnecting?.() ? { fault: "unconnected" } : {}), reason: `no answer ${within}` };
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : foreign(url);
}

function statusVerdict(answer: Answer, options: HttpServiceOptions, elapsed: () => string): CheckResult {
  const { status } = answer;
  if (options.status.some(([from, to]) => status >= from && status <= to)) {
    return { ok: true, reason: `HTTP ${status} in ${elapsed()}` };
  }
  const location = status >= 300 && status < 400 ? answer.headers.get("location") : null;
  if (location === null) return { ok: false, reason: `HTTP ${status} in ${elapsed()}` };
  // The address of a login page often has a token in its query.
  const target = foreign(location.replace(/[?#].*$/s, "").replace(/\/\/[^/]*@/, "//"));
  return { ok: false, reason: `HTTP ${status} redirect to ${target}: not followed` };
}
