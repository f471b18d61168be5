import type { Verdict } from "../core/event.ts";
import { span } from "../core/phrases.ts";
import { record } from "../core/record.ts";
import type { Check, CheckResult, Clock, Log, Ports, ServiceTarget } from "../plugin/contract.ts";
import { withDeadline } from "../system/clock.ts";
import { errorText } from "../system/log.ts";

export interface CheckJob {
  check: Check;
  target: ServiceTarget;
}

/**
 * Runs all checks at once. Every job gets a verdict. A check that throws, or is still running long after its
 * timeout, is itself at fault and says nothing about the service: the verdict is unknown. A check keeps its own
 * deadline, counted from its own start, because thousands of hanging checks may have to wait for sockets. The signal
 * tells a check that nobody waits for it any longer.
 */
export async function runChecks(
  jobs: readonly CheckJob[],
  ports: Ports,
  shutdown: AbortSignal,
): Promise<Record<string, Verdict>> {
  const verdicts = record<Verdict>();
  if (jobs.length === 0) return verdicts;
  const over = new AbortController();
  const shutDown = () => over.abort(shutdown.reason);
  if (shutdown.aborted) shutDown();
  shutdown.addEventListener("abort", shutDown);
  const checkLog = createCheckLog(ports.log, ports.clock);
  const all = Promise.all(
    jobs.map(async ({ check, target }) => {
      const startedMs = checkLog?.nowMs() ?? 0;
      const verdict = await runOne(check, target, over.signal);
      checkLog?.checked(target.name, verdict, startedMs);
      verdicts[target.name] ??= verdict;
    }),
  );
  const longestMs = Math.max(...jobs.map((job) => job.target.timeoutMs));
  const ended = await withDeadline(ports.clock, guardMs(longestMs), all);
  shutdown.removeEventListener("abort", shutDown);
  if (!ended) over.abort("its tick is over");
  for (const { check, target } of jobs) verdicts[target.name] ??= overdue(check, target, shutdown.aborted);
  return verdicts;
}

const guardMs = (timeoutMs: number) => 3 * timeoutMs + 5000;

async function runOne(check: Check, target: ServiceTarget, signal: AbortSignal): Promise<Verdict> {
  try {
    return verdictOf(await check.run(target, signal));
  } catch (error) {
    return { ok: null, reason: `the ${check.name} check itself failed: ${errorText(error)}` };
  }
}

function verdictOf(result: CheckResult): Verdict {
  if (result.ok) return { ok: true, reason: result.reason };
  const { reason, fault, unknown, blocked } = result;
  if (unknown) return { ok: null, reason, ...(blocked ? { blocked } : {}) };
  return { ok: false, reason, ...(fault ? { fault } : {}) };
}

function overdue(check: Check, target: ServiceTarget, shutDown: boolean): Verdict {
  if (shutDown) return { ok: null, reason: "check aborted: the watchdog is shutting down" };
  return { ok: null, reason: `the ${check.name} check did not end in ${guardMs(target.timeoutMs) / 1000} s` };
}

/** Logs each check at debug; `undefined` when debug is not shown, so that no text is built in vain. */
function createCheckLog(log: Log, clock: Clock) {
  if (!log.isDebug) return undefined;
  return {
    nowMs: clock.monotonicMs,
    checked(service: string, { ok, reason }: Verdict, startedMs: number): void {
      const tookMs = Math.round(clock.monotonicMs() - startedMs);
      const verdict = ok === null ? "unknown" : ok ? "passed" : "failed";
      const text = `checked ${service} in ${span(tookMs)}: ${verdict}, ${reason}`;
      log.debug(text, { service, ok, duration_ms: tookMs });
    },
  };
}
