/** A clock that runs `speed` times as fast as the machine's, so that waits of minutes pass in seconds. */
import type { Clock } from "../src/plugin.ts";

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** `startAt`: what the clock shows now, ms since the epoch. `isFast`: while it says no, waits take their real time. */
export function fastClock(speed: number, startAt: number, isFast: () => boolean = () => true): Clock {
  const beganMs = performance.now();
  const monotonicMs = () => (performance.now() - beganMs) * speed;
  return {
    now: () => Math.round(startAt + monotonicMs()),
    monotonicMs,
    wait: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const end = () => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", end);
          resolve();
        };
        const timer = setTimeout(end, Math.min(isFast() ? ms / speed : ms, LONGEST_TIMER_MS));
        signal?.addEventListener("abort", end, { once: true });
      }),
  };
}
