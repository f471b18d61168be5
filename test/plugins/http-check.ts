import http from "../../plugins/http.ts";
import type { Check, CheckResult, Clock, Watchdog } from "../../src/plugin.ts";

/** The machine's own time. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  wait: (ms, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      signal?.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    }),
};

/** The check as the plugin registers it. */
export async function httpCheck(maxInFlight = 256): Promise<Check> {
  let registered: Check | undefined;
  const watchdog = {
    // A clock of its own, so that it shares its places with no other check.
    clock: { ...realClock },
    check(check: Check) {
      registered = check;
    },
  };
  await http({ maxInFlight }).setup(watchdog as unknown as Watchdog);
  return registered!;
}

export interface Asked {
  result: CheckResult;
  tookMs: number;
}

/** One check of one URL. */
export async function ask(
  check: Check,
  url: string,
  { timeoutMs = 300, options = {} as object, signal = new AbortController().signal } = {},
): Promise<Asked> {
  const startedMs = performance.now();
  const service = { name: "probed", displayName: "Probed", container: "", url, timeoutMs, options };
  const result = await check.run(service, signal);
  return { result, tookMs: performance.now() - startedMs };
}
