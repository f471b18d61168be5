import * as v from "valibot";
import { definePlugin, duration, help } from "../src/plugin.ts";

/**
 * The internal cron: a tick every `every` (by default the shortest interval of a service), at a fixed rate. It counts
 * on the monotonic clock, so it neither drifts nor follows changes of the wall clock. Ticks that were missed during a
 * long tick or a suspend are not made up for.
 */
export default definePlugin<{ every?: number }>(
  (options) => ({
    name: "cron",
    setup(watchdog) {
      const { clock, trigger } = watchdog;
      const everyMsNow = () => options.every ?? watchdog.intervalMs;
      trigger({
        name: "cron",
        async run(tick, signal) {
          let startMs = clock.monotonicMs();
          let slot = 0;
          let everyMs = everyMsNow();
          while (!signal.aborted) {
            await tick();
            if (everyMs !== everyMsNow()) [startMs, slot, everyMs] = [clock.monotonicMs(), 0, everyMsNow()];
            const passedMs = clock.monotonicMs() - startMs;
            slot = Math.max(slot + 1, Math.ceil(passedMs / everyMs));
            await clock.wait(slot * everyMs - passedMs, signal);
          }
        },
      });
    },
  }),
  {
    isDefault: true,
    options: v.strictObject({
      every: help(
        "How often it ticks; by default the shortest interval of a service.",
        v.optional(duration(100)),
      ),
    }),
  },
);
