import * as v from "valibot";
import { definePlugin, duration } from "../src/plugin.ts";

/**
 * The internal cron: a tick every `every` (the shortest interval of a service unless set), at a fixed
 * rate. It keeps to its slots on the monotonic clock, so that it neither drifts nor follows a changed
 * wall clock; slots missed by a long tick or a suspended machine are left out, never made up for.
 */
export default definePlugin<{ every?: number }>(
  (options) => ({
    name: "cron",
    setup({ clock, intervalMs, trigger }) {
      const everyMs = options.every ?? intervalMs;
      trigger({
        name: "cron",
        async run(tick, signal) {
          const startMs = clock.monotonicMs();
          let slot = 0;
          while (!signal.aborted) {
            await tick();
            const passedMs = clock.monotonicMs() - startMs;
            slot = Math.max(slot + 1, Math.ceil(passedMs / everyMs));
            await clock.wait(slot * everyMs - passedMs, signal);
          }
        },
      });
    },
  }),
  { options: v.strictObject({ every: v.optional(duration(100)) }) },
);
