import { hostname } from "node:os";
import * as v from "valibot";
import {
  classifyStatus,
  type Delivery,
  definePlugin,
  type HttpSink,
  postJson,
  receiverUrl,
  type SinkResponse,
  type SinkSettings,
  secret,
  sinkSettings,
} from "../src/plugin.ts";
import { type Posted, postedOf } from "./alertmanager/body.ts";
import { EVERY_MS, type Repeat, repeatHook } from "./alertmanager/repeat.ts";

export interface AlertmanagerOptions extends SinkSettings {
  /** Of the server, `http://alertmanager:9093`, with its path prefix if it has one. */
  url: string;
  /** The whole header, for one behind a proxy: `Bearer …` or `Basic …`. */
  authorization?: string;
  /** The label `host`. A part of every alert's identity: it must not change with the container. */
  host: string;
}

/** Repeats missed before Alertmanager takes an outage for over. */
const MISSED_REPEATS = 4;

/** Posts outages to Prometheus' Alertmanager (API v2), again and again while they last. */
export default definePlugin<AlertmanagerOptions>(
  (options) => ({
    name: "alertmanager",
    setup(watchdog) {
      const repeat = alertmanagerSink(options, () => watchdog.clock.now(), watchdog.intervalMs);
      watchdog.sink(repeat.sink);
      watchdog.hook(repeatHook(repeat, watchdog));
    },
  }),
  {
    options: v.strictObject({
      url: receiverUrl(),
      authorization: v.optional(
        v.pipe(
          secret(),
          v.check(
            (value) => /^[\x20-\x7e]+$/.test(value),
            'the header\'s whole value in ASCII: "Bearer …" or "Basic …"',
          ),
          v.metadata({ secret: true }),
        ),
      ),
      host: v.optional(
        v.pipe(v.string("a name"), v.minLength(1, "a name"), v.maxLength(256, "at most 256 characters")),
        hostname,
      ),
      ...sinkSettings,
    }),
    fromEnv({ ALERTMANAGER_URL: url, ALERTMANAGER_AUTHORIZATION: authorization }) {
      if (!url && !authorization) return undefined;
      return { ...(url && { url }), ...(authorization && { authorization }) };
    },
  },
);

/** `now` is the wall clock in ms. `intervalMs` is the time between ticks, and so the shortest between repeats. */
export function alertmanagerSink(
  { url, authorization, host, ...settings }: AlertmanagerOptions,
  now: () => number,
  intervalMs: number,
): Repeat {
  const api = new URL(url);
  api.pathname = api.pathname.replace(/(\/api\/v2\/alerts)?\/*$/, "/api/v2/alerts");
  const holdMs = MISSED_REPEATS * Math.max(intervalMs, EVERY_MS);
  const request = (posted: Posted[]) =>
    postJson(api.href, posted, authorization === undefined ? {} : { authorization });
  const sink: HttpSink = {
    name: "alertmanager",
    target: api.origin,
    settings,
    format: (alert) => request(postedOf(alert, host, holdMs)),
    classify: (response) => classify(response, now()),
  };
  return { sink, host, holdMs, request };
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
