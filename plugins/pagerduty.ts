import * as v from "valibot";
import {
  type Alert,
  classifyStatus,
  cut,
  type Delivery,
  definePlugin,
  factsOf,
  fit,
  type HttpSink,
  isGoodNews,
  postJson,
  readJson,
  receiverUrl,
  type SinkResponse,
  type SinkSettings,
  sinkSettings,
} from "../src/plugin.ts";

export interface PagerDutyOptions extends SinkSettings {
  routingKey: string;
  /** Another one for PagerDuty's service region EU: `https://events.eu.pagerduty.com/v2/enqueue`. */
  url: string;
}

/** PagerDuty's limits, in characters. */
const SUMMARY_LIMIT = 1024;
const KEY_LIMIT = 255;
/** Far below the 512 KB of an event, however it is escaped. */
const MESSAGE_LIMIT = 20_000;
const FACT_LIMIT = 1000;
const SEVERITY = { INFO: "info", WARNING: "warning", CRITICAL: "critical" } as const;

/** Opens and resolves incidents at PagerDuty through its Events API v2: one incident for each outage. */
export default definePlugin<PagerDutyOptions>(
  (options) => ({
    name: "pagerduty",
    setup(watchdog) {
      watchdog.sink(pagerDutySink(options, () => watchdog.clock.now()));
    },
  }),
  {
    options: v.strictObject({
      routingKey: v.pipe(
        v.unknown(),
        v.check(
          (value) => typeof value === "string" && /^[a-zA-Z0-9]{32}$/.test(value),
          "the integration key of an Events API v2 integration: 32 letters and digits",
        ),
        v.transform((value) => value as string),
        v.metadata({ secret: true }),
      ),
      url: v.optional(receiverUrl(), "https://events.pagerduty.com/v2/enqueue"),
      ...sinkSettings,
    }) satisfies v.GenericSchema<unknown, PagerDutyOptions>,
    fromEnv: (env) => (env.PAGERDUTY_ROUTING_KEY ? { routingKey: env.PAGERDUTY_ROUTING_KEY } : undefined),
  },
);

/** `now` is the wall clock in ms, for a `Retry-After` that is a date. */
export function pagerDutySink(options: PagerDutyOptions, now: () => number): HttpSink {
  const { routingKey, url, ...settings } = options;
  return {
    name: "pagerduty",
    target: new URL(url).origin,
    settings,
    format: (alert) => postJson(url, { routing_key: routingKey, ...eventOf(alert) }),
    classify: (response) => classify(response, routingKey, now()),
  };
}

function eventOf(alert: Alert): Record<string, unknown> {
  const { params } = alert;
  const dedup_key = fit(keyOf(alert), KEY_LIMIT);
  if (isGoodNews(alert)) return { dedup_key, event_action: "resolve" };
  const component = params.component_name || "watchdog";
  const facts = factsOf(alert).map(({ name, value }) => [name, cut(value, FACT_LIMIT)]);
  return {
    dedup_key,
    event_action: "trigger",
    payload: {
      summary: fit(alert.message || alert.title, SUMMARY_LIMIT),
      source: fit(params.container_name || component, KEY_LIMIT),
      severity: SEVERITY[alert.severity],
      timestamp: alert.timestamp,
      component: fit(component, KEY_LIMIT),
      custom_details: {
        Title: cut(alert.title, FACT_LIMIT),
        Message: cut(alert.message, MESSAGE_LIMIT),
        ...Object.fromEntries(facts),
        Alert: alert.id,
      },
    },
  };
}

/** What a trigger and its resolve have in common. A trouble of the watchdog's own is known by what it hinders. */
function keyOf({ params }: Alert): string {
  return params.incident_id ?? `${params.component_name}:${params.action}`;
}

/** 202 is PagerDuty's one success; another 2xx comes from something that stands between (a proxy, a login page). */
function classify(response: SinkResponse, routingKey: string, nowMs: number): Delivery {
  const { status, errors } = readJson(response.body);
  const faults = Array.isArray(errors) ? errors.filter((fault) => typeof fault === "string") : [];
  // The key is in the body, where the runner that redacts reasons cannot know it.
  const said = faults.length > 0 ? `: ${faults.join("; ").replaceAll(routingKey, "…")}` : "";
  const delivery = classifyStatus(response, nowMs);
  if (delivery.outcome !== "delivered") return { ...delivery, reason: delivery.reason + said };
  if (response.status !== 202) {
    return { outcome: "retry", reason: `HTTP ${response.status} is no answer of PagerDuty's (it says 202)` };
  }
  if (typeof status === "string" && status !== "success") {
    return { outcome: "rejected", reason: `PagerDuty did not take the event${said}` };
  }
  return delivery;
}
