import * as v from "valibot";
import { definePlugin } from "../src/plugin.ts";

const LEVEL = { INFO: "info", WARNING: "warn", CRITICAL: "error" } as const;

/** Prints every alert through the watchdog's own log. The smallest sink there is: read it as an example. */
export default definePlugin(
  () => ({
    name: "console",
    setup(watchdog) {
      watchdog.sink({
        name: "console",
        target: "the log",
        async deliver({ id, event_type, severity, message, params }) {
          watchdog.log[LEVEL[severity]](message, { id, event_type, component: params.component_name });
          return { outcome: "delivered", reason: "printed" };
        },
      });
    },
  }),
  { options: v.strictObject({}) },
);
