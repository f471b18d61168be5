import type { Verdict } from "../core/event.ts";
import type { Check, CheckResult, Ports, ServiceTarget } from "../plugin.ts";
import { errorText } from "../shell/error-text.ts";
import { within } from "../shell/within.ts";

export interface CheckJob {
  check: Check;
  target: ServiceTarget;
}

/**
 * Makes all checks at once. Every job gets a verdict: one that throws, or does not end long after its
 * timeout, is the check's own fault and says nothing of the service. A check keeps its deadline itself,
 * from its own start: thousands that hang may have to wait for sockets.
 */
export async function runChecks(
  jobs: readonly CheckJob[],
  ports: Ports,
  shutdown: AbortSignal,
): Promise<Record<string, Verdict>> {
  const verdicts: Record<string, Verdict> = {};
  if (jobs.length === 0) return verdicts;
  const all = Promise.all(
    jobs.map(async ({ check, target }) => {
      const verdict = await runOne(check, target, shutdown);
      verdicts[target.name] ??= verdict;
    }),
  );
  const longestMs = Math.max(...jobs.map((job) => job.target.timeoutMs));
  await within(ports.clock, guardMs(longestMs), all);
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
  return { ok: result.unknown ? null : false, reason: result.reason };
}

function overdue(check: Check, target: ServiceTarget, shutDown: boolean): Verdict {
  if (shutDown) return { ok: null, reason: "check aborted: the watchdog is shutting down" };
  return { ok: null, reason: `the ${check.name} check did not end in ${guardMs(target.timeoutMs) / 1000} s` };
}
