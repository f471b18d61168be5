import { type Check, definePlugin, httpUrl, type Watchdog } from "../src/plugin.ts";
import { createClient } from "./http/client.ts";
import { type ProbeWorld, probe } from "./http/probe.ts";
import {
  DEFAULT_SERVICE_OPTIONS,
  type HttpOptions,
  type HttpServiceOptions,
  httpOptions,
  httpServiceOptions,
} from "./http/settings.ts";
import { networkOf } from "./network/network.ts";

/** The check `http`: a request to the service's URL must answer in time with the expected status. */
export default definePlugin<HttpOptions>(
  (options) => ({
    name: "http",
    async setup(watchdog) {
      watchdog.check(await httpCheck(watchdog, options.maxInFlight));
    },
  }),
  { isDefault: true, checkUrl: httpUrl(), options: httpOptions, serviceOptions: httpServiceOptions },
);

async function httpCheck({ clock }: Pick<Watchdog, "clock">, maxInFlight: number): Promise<Check> {
  const network = networkOf(clock, maxInFlight);
  const world: ProbeWorld = { clock, alarms: network.alarms, ...(await createClient(network)) };
  return {
    name: "http",
    run(service, signal) {
      const options = { ...DEFAULT_SERVICE_OPTIONS, ...(service.options as Partial<HttpServiceOptions>) };
      return network.inPlace(signal, () => probe(service, options, signal, world));
    },
  };
}
