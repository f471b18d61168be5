import {
  classifyStatus,
  type Delivery,
  definePlugin,
  type HttpSink,
  postJson,
  type SinkResponse,
} from "../src/plugin.ts";
import { type Posted, postedOf } from "./alertmanager/body.ts";
import { type AlertmanagerOptions, options } from "./alertmanager/options.ts";
import { type Alertmanager, EVERY_MS, repeatHook } from "./alertmanager/repeat.ts";

/** After this many missed repeats, Alertmanager considers an outage over. */
const MISSED_REPEATS = 4;
/** The limit also after a long pause of the scheduler or the watchdog. */
const LONGEST_HOLD_MS = 24 * 3_600_000;

/** Posts outages to Prometheus' Alertmanager (API v2), and repeats them while they last. */
export default definePlugin<AlertmanagerOptions>(
  (options) => ({
    name: "alertmanager",
    setup(watchdog) {
      const server = alertmanagerSink(
        options,
        () => watchdog.clock.now(),
        () => watchdog.intervalMs,
      );
      watchdog.sink(server.sink);
      watchdog.hook(repeatHook(server, watchdog));
    },
  }),
  {
    options,
    env: { url: { list: "ALERTMANAGER_URL" }, authorization: "ALERTMANAGER_AUTHORIZATION" },
  },
);

/** `now` is the wall clock in ms. `intervalMs` is the configured time between ticks. */
export function alertmanagerSink(
  { url, authorization, host, labels, generatorURL, ...settings }: AlertmanagerOptions,
  now: () => number,
  intervalMs: () => number,
): Alertmanager {
  const urls = url.map((one) => {
    const api = new URL(one);
    api.pathname = api.pathname.replace(/(\/api\/v2\/alerts)?\/*$/, "/api/v2/alerts");
    return api.href;
  });
  const [first, ...alsoTo] = urls;
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  const shape = { host, labels, ...(generatorURL !== undefined && { generatorURL }) };
  let apartMs = Math.max(intervalMs(), EVERY_MS);
  const holdMs = () => Math.min(MISSED_REPEATS * apartMs, LONGEST_HOLD_MS);
  const request = (posted: Posted[]) => ({ ...postJson(first!, posted, headers), alsoTo });
  const sink: HttpSink = {
    name: "alertmanager",
    target: urls.map((one) => new URL(one).origin).join(", "),
    settings,
    format: (alert) => request(postedOf(alert, shape, now(), holdMs())),
    classify: (response) => classify(response, now()),
  };
  return {
    sink,
    shape,
    urls,
    request,
    holdMs,
    learnGap(gapMs) {
      apartMs = Math.max(intervalMs(), EVERY_MS, gapMs);
    },
  };
}

/** A page under 200 is a proxy's or a login's: Alertmanager says nothing when it took the alerts. */
function classify(response: SinkResponse, nowMs: number): Delivery {
  const delivery = classifyStatus(response, nowMs);
  const page = response.headers["content-type"]?.includes("html") ?? false;
  if (delivery.outcome !== "delivered" || (response.status === 200 && !page)) return delivery;
  return {
    outcome: "retry",
    reason: `HTTP ${response.status}${page ? " with a web page" : ""}: not Alertmanager`,
  };
}
