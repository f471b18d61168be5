import { setImmediate } from "node:timers";
import { createFetch } from "ofetch";
import { type Check, definePlugin, type Watchdog } from "../src/plugin.ts";
import { createAlarms } from "./http/alarms.ts";
import { createPlaces } from "./http/places.ts";
import { type Ask, aborted, type ProbeWorld, probe } from "./http/probe.ts";
import {
  DEFAULT_SERVICE_OPTIONS,
  type HttpOptions,
  type HttpServiceOptions,
  httpOptions,
  httpServiceOptions,
} from "./http/settings.ts";

/** How often a check is made when we lacked a socket for it. */
const TRIES = 3;

/** The check `http`: a request to the service's URL must answer in time with the expected status. */
export default definePlugin<HttpOptions>(
  (options) => ({
    name: "http",
    async setup(watchdog) {
      watchdog.check(await httpCheck(watchdog, options.maxInFlight));
    },
  }),
  { options: httpOptions, serviceOptions: httpServiceOptions },
);

async function httpCheck({ clock }: Pick<Watchdog, "clock">, maxInFlight: number): Promise<Check> {
  const alarms = createAlarms(clock);
  const places = createPlaces(maxInFlight, alarms, () => clock.monotonicMs(), setImmediate);
  const world: ProbeWorld = { clock, alarms, ...(await clientFor(alarms)) };
  const pause = (ms: number) => new Promise<void>((resolve) => alarms.after(ms, () => resolve()));
  return {
    name: "http",
    async run(service, signal) {
      const options = { ...DEFAULT_SERVICE_OPTIONS, ...(service.options as Partial<HttpServiceOptions>) };
      for (let attempt = 1; ; attempt++) {
        const leave = await places.take(signal);
        if (!leave) return aborted(signal);
        const result = await probe(service, options, signal, world);
        const couldNot = !result.ok && result.unknown === true;
        leave(couldNot);
        if (!couldNot || signal.aborted || attempt === TRIES) return result;
        await pause(100 * attempt);
      }
    },
  };
}

/** What is used of Deno's own namespace. */
interface DenoLike {
  createHttpClient(options: { poolMaxIdlePerHost: number }): unknown;
}

/**
 * ofetch over the runtime's best client. Node: `node:http`, since its own `fetch` costs three times the CPU
 * and 60 ms of every start. Deno: its own `fetch`, without the pool, which would hide a dead listener.
 */
async function clientFor(
  alarms: ReturnType<typeof createAlarms>,
): Promise<Pick<ProbeWorld, "ask" | "isResolving">> {
  const deno = (globalThis as { Deno?: DenoLike }).Deno;
  if (deno) {
    const client = deno.createHttpClient({ poolMaxIdlePerHost: 0 });
    const withClient = (url: string, init: RequestInit) => fetch(url, { ...init, client } as RequestInit);
    const { raw } = createFetch({ fetch: withClient as typeof fetch });
    return { ask: asking(raw as never), isResolving: () => false };
  }
  const [{ createLeanFetch, LeanHeaders }, { createLookup }] = await Promise.all([
    import("./http/lean-fetch.ts"),
    import("./http/lookup.ts"),
  ]);
  const lookup = createLookup(alarms);
  const lean: unknown = createLeanFetch(lookup);
  const { raw } = createFetch({
    fetch: lean as typeof fetch,
    Headers: LeanHeaders as unknown as typeof Headers,
    AbortController,
  });
  return { ask: asking(raw as never), isResolving: lookup.isPending };
}

/** ofetch retries, follows and throws unless told otherwise. */
const FACTS_ONLY = {
  retry: false,
  ignoreResponseError: true,
  redirect: "manual",
  responseType: "stream",
} as const;

function asking(raw: (url: string, options: object) => ReturnType<Ask>): Ask {
  return (url, init) => raw(url, { ...FACTS_ONLY, ...init });
}
