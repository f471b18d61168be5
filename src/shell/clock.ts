import type { Clock } from "../plugin.ts";

/** setTimeout's own limit: a longer wait would end at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  // `performance` loads a module of its own at a process's start.
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
  wait(ms, signal) {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, Math.min(ms, LONGEST_TIMER_MS));
      signal?.addEventListener("abort", end, { once: true });
    });
  },
};
