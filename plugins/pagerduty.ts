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
  help,
  isGoodNews,
  postJson,
  readJson,
  receiverUrl,
  type SinkResponse,
  type SinkSettings,
  secret,
  sinkSettings,
} from "../src/plugin.ts";

export interface PagerDutyOptions extends SinkSettings {
  routingKey: string;
  /** Differs for PagerDuty's EU region: `https://events.eu.pagerduty.com/v2/enqueue`. */
  url: string;
}

/** PagerDuty's limits, in characters. */
const SUMMARY_LIMIT = 1024;
const KEY_LIMIT = 255;
/** Far below the 512 KB limit of an event, however the text is escaped. */
const MESSAGE_LIMIT = 20_000;
const FACT_LIMIT = 1000;
const ACCEPTED_KEY = "the integration key of an Events API v2 integration: 32 letters and digits";
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
      routingKey: help(
        "The integration key.",
        v.pipe(
          secret(ACCEPTED_KEY),
          v.regex(/^[a-zA-Z0-9]{32}$/, ACCEPTED_KEY),
          v.metadata({ secret: true }),
        ),
      ),
      url: help(
        "The address of the Events API.",
        v.optional(receiverUrl(), "https://events.pagerduty.com/v2/enqueue"),
      ),
      ...sinkSettings,
    }) satisfies v.GenericSchema<unknown, PagerDutyOptions>,
    env: { routingKey: "PAGERDUTY_ROUTING_KEY" },
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
    classify: (response) => classify(response, now()),
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

/**
 * The key that a trigger and its resolve share. For a trouble of the watchdog itself, it names what the trouble
 * prevents.
 */
function keyOf({ params }: Alert): string {
  return params.incident_id ?? `${params.component_name}:${params.action}`;
}

/** PagerDuty answers 202 on success. Another 2xx comes from something in between, such as a proxy or a login page. */
function classify(response: SinkResponse, nowMs: number): Delivery {
  const { status, errors } = readJson(response.body);
  const faults = Array.isArray(errors) ? errors.filter((fault) => typeof fault === "string") : [];
  const said = faults.length > 0 ? `: ${faults.join("; ")}` : "";
  const delivery = classifyStatus(response, nowMs);
  if (delivery.outcome !== "delivered") return { ...delivery, reason: delivery.reason + said };
  if (response.status !== 202) {
    return {
      outcome: "retry",
      reason: `HTTP ${response.status} does not come from PagerDuty, which answers 202`,
    };
  }
  if (typeof status === "string" && status !== "success") {
    return { outcome: "rejected", reason: `PagerDuty did not take the event${said}` };
  }
  return delivery;
}
