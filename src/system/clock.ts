import type { Clock } from "../plugin/contract.ts";

/** The limit of setTimeout: a longer wait would end at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  // `performance` would load another module when the process starts.
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

/**
 * Waits for `work`, but no longer than `ms`; late work goes on unobserved. Resolves to whether the work ended in
 * time, and rejects if it did so with an error.
 */
export async function withDeadline(clock: Clock, ms: number, work: Promise<unknown>): Promise<boolean> {
  const over = new AbortController();
  let ended = false;
  const done = work.finally(() => {
    ended = true;
    // Without a reason, abort() creates an error with a stack, which is most of its cost.
    over.abort("ended");
  });
  await Promise.race([done, clock.wait(ms, over.signal)]);
  // The abort ends the wait before the rejection of the work arrives.
  if (ended) await work;
  return ended;
}

/** Runs one piece of work after another, in the order in which they come. */
export function createTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => {});
    return mine;
  };
}
