import type { Clock } from "../../src/plugin.ts";

/** How many turns of the microtask queue are surely more than any chain between two waits. */
const TURNS = 60;

export interface FakeClock extends Clock {
  /** Lets everything that can run now run. */
  settle(): Promise<void>;
  /** Moves on by `ms`, stopping at every wait that ends on the way. */
  advance(ms: number): Promise<void>;
  /** Sets the wall clock off by `ms` from the monotonic one. */
  jump(ms: number): void;
}

export function createFakeClock(startMs: number): FakeClock {
  let monotonic = 0;
  let wall = startMs;
  const waits = new Map<() => void, number>();

  async function settle(): Promise<void> {
    for (let i = 0; i < TURNS; i++) await null;
  }

  return {
    now: () => wall,
    monotonicMs: () => monotonic,
    wait(ms, signal) {
      return new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const end = () => {
          waits.delete(end);
          signal?.removeEventListener("abort", end);
          resolve();
        };
        signal?.addEventListener("abort", end);
        waits.set(end, monotonic + Math.max(0, ms));
      });
    },
    settle,
    async advance(ms) {
      const target = monotonic + ms;
      await settle();
      for (;;) {
        let next: (() => void) | undefined;
        let nextAt = target;
        for (const [end, at] of waits) {
          if (at <= nextAt && (next === undefined || at < nextAt)) [next, nextAt] = [end, at];
        }
        if (next === undefined) break;
        const stepMs = Math.max(0, nextAt - monotonic);
        monotonic += stepMs;
        wall += stepMs;
        next();
        await settle();
      }
      wall += target - monotonic;
      monotonic = target;
    },
    jump(ms) {
      wall += ms;
    },
  };
}
