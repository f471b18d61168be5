import { type Check, definePlugin, tcpUrl } from "../src/plugin.ts";
import { networkOf } from "./network/network.ts";
import type { TcpServiceOptions } from "./tcp/settings.ts";
import { tcpServiceOptions } from "./tcp/settings.ts";

/** Imported late: most watchdogs have no such check. */
const loadProbe = () => import("./tcp/probe.ts");

/** The check `tcp`: a connection to the service's port must stand, and the peer may have to say something. */
export default definePlugin(
  () => ({
    name: "tcp",
    setup(watchdog) {
      const { clock } = watchdog;
      const { alarms, inPlace, lookup } = networkOf(clock);
      const check: Check<TcpServiceOptions> = {
        name: "tcp",
        async run(service, signal) {
          const [{ probe }, names] = await Promise.all([loadProbe(), lookup()]);
          const world = { clock, alarms, lookup: names };
          return inPlace(signal, () => probe(service, service.options, signal, world));
        },
      };
      watchdog.check(check as Check);
    },
  }),
  { isDefault: true, checkUrl: tcpUrl(), serviceOptions: tcpServiceOptions },
);
