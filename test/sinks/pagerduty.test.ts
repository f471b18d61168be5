import assert from "node:assert/strict";
import { describe, test } from "node:test";
import pagerduty, { pagerDutySink } from "../../plugins/pagerduty.ts";
import type { Alert, HttpSink } from "../../src/plugin.ts";
import { DOWN, FAILURE, RECOVERED } from "./alerts.ts";
import { sinkContract } from "./contract.ts";
import { sinkDeclaration } from "./declaration.ts";

const KEY = "plantedR0utingKey0123456789abcde";
const make = (origin: string) =>
  pagerDutySink({ routingKey: KEY, url: `${origin}/v2/planted-path/enqueue` }, Date.now);

/** A resolve has no message: what was sent is remembered for it. */
let last: Alert | undefined;
function remembering(sink: HttpSink): HttpSink {
  const format = (alert: Alert) => {
    last = alert;
    return sink.format(alert);
  };
  return { ...sink, format };
}

const TAKEN = '{"status":"success","message":"Event processed","dedup_key":"inc_executor_1"}';
const INVALID = `{"status":"invalid event","message":"Event object is invalid","errors":["'routing_key' is invalid: ${KEY}"]}`;

sinkContract({
  name: "pagerduty",
  make: (origin) => remembering(make(origin)),
  secrets: [KEY, "planted-path"],
  inBody: [KEY],
  success: { status: 202, body: TAKEN },
  answers: {
    "400 that shows the key": { answer: { status: 400, body: INVALID }, outcome: "rejected" },
    "202 with an invalid event": { answer: { status: 202, body: INVALID }, outcome: "rejected" },
    "200 with a page of something between": {
      answer: { status: 200, body: "<html>log in</html>" },
      outcome: "retry",
    },
    "204": { answer: { status: 204 }, outcome: "retry" },
    "403": { answer: { status: 403 }, outcome: "rejected" },
  },
  bodyLimitBytes: 512 * 1024,
  messageIn: (body) =>
    JSON.parse(body).payload?.custom_details.Message ?? last!.message.replace(/\p{Surrogate}/gu, "\uFFFD"),
  rules({ routing_key, dedup_key, event_action, payload }) {
    assert.equal(routing_key, KEY);
    assert.ok(dedup_key.length >= 1 && dedup_key.length <= 255);
    if (event_action === "resolve") return assert.equal(payload, undefined);
    assert.equal(event_action, "trigger");
    assert.ok(payload.summary.length >= 1 && payload.summary.length <= 1024);
    assert.ok(payload.source.length >= 1);
    assert.match(payload.severity, /^(critical|error|warning|info)$/);
    assert.equal(new Date(payload.timestamp).toISOString(), payload.timestamp);
    assert.equal(typeof payload.custom_details, "object");
  },
});

sinkDeclaration({
  name: "pagerduty",
  plugin: pagerduty,
  enough: { routingKey: KEY },
  env: { PAGERDUTY_ROUTING_KEY: KEY },
  target: "https://events.pagerduty.com",
  faults: [
    ["a key that is too short", { routingKey: "planted" }, "routingKey"],
    ["a key with something else in it", { routingKey: `${KEY.slice(0, 31)}\n` }, "routingKey"],
    ["a URL that is none", { routingKey: KEY, url: "planted" }, "url"],
  ],
});

describe("an incident at PagerDuty", () => {
  const bodyOf = (alert: Alert) => JSON.parse(make("http://127.0.0.1:1").format(alert).body);

  test("is the outage: opened by its DOWN, reminded under the same key, resolved by its RECOVERED", () => {
    const reminder = { ...DOWN, id: "evt_later", params: { ...DOWN.params, consecutive_failures: 99 } };
    const keys = [DOWN, reminder, RECOVERED].map((alert) => bodyOf(alert).dedup_key);
    assert.deepEqual(keys, Array(3).fill("inc_executor_1"));
    assert.deepEqual(
      [DOWN, reminder, RECOVERED].map((alert) => bodyOf(alert).event_action),
      ["trigger", "trigger", "resolve"],
    );
  });

  test("is the watchdog's own trouble: opened by its failure, resolved when it is over", () => {
    const trouble = { ...FAILURE, params: { ...FAILURE.params, action: "save the state" } };
    const over: Alert = { ...trouble, severity: "INFO", params: { ...trouble.params, success: true } };
    const other = { ...FAILURE, params: { ...FAILURE.params, action: "deliver alerts" } };
    assert.equal(bodyOf(trouble).event_action, "trigger");
    assert.equal(bodyOf(over).event_action, "resolve");
    assert.equal(bodyOf(over).dedup_key, bodyOf(trouble).dedup_key);
    assert.notEqual(bodyOf(other).dedup_key, bodyOf(trouble).dedup_key);
  });

  test("has a summary and a source even where the alert names nothing", () => {
    const params = { ...DOWN.params, component_name: "", container_name: "" };
    const { payload } = bodyOf({ ...DOWN, message: "", params });
    assert.deepEqual([payload.summary, payload.source], ["Executor is down", "watchdog"]);
  });
});
