import type { Clock } from "../plugin.ts";

/** Waits for `work`, but no longer than `ms`; the work goes on behind it. Says whether it has ended; rejects if it did. */
export async function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<boolean> {
  const over = new AbortController();
  let ended = false;
  const done = work.finally(() => {
    ended = true;
    // A reason spares the making of an error with its stack, which is most of an abort's cost.
    over.abort("ended");
  });
  await Promise.race([done, clock.wait(ms, over.signal)]);
  // The abort ends the wait before the work's own rejection arrives.
  if (ended) await work;
  return ended;
}
