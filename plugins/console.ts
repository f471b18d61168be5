import * as v from "valibot";
import { definePlugin, type SinkSettings, sinkSettings } from "../src/plugin.ts";

const LEVEL = { INFO: "info", WARNING: "warn", CRITICAL: "error" } as const;

/** Prints every alert in the watchdog's own log. The smallest sink: read it as an example. */
export default definePlugin<SinkSettings>(
  (settings) => ({
    name: "console",
    setup(watchdog) {
      watchdog.sink({
        name: "console",
        target: "the log",
        settings,
        async deliver({ id, event_type, severity, message, params }) {
          watchdog.log[LEVEL[severity]](message, { id, event_type, component: params.component_name });
          return { outcome: "delivered", reason: "printed" };
        },
      });
    },
  }),
  { options: v.strictObject(sinkSettings) },
);
