/** The stream as SpreadPilot's own routers read it, on a real server. */

import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { createClient } from "redis";
import * as v from "valibot";
import { FORMATS } from "../../plugins/redis/entry.ts";
import redis, { type RedisOptions, redisSink } from "../../plugins/redis.ts";
import { takes } from "../../src/core/alert.ts";
import { deliver } from "../../src/delivery/send.ts";
import type { Alert } from "../../src/plugin.ts";
import { notInstalled } from "../installed.ts";
import { DOWN, FAILURE, HOSTILE_TEXTS, RECOVERED, withText } from "./alerts.ts";
import { REAL_PORTS } from "./contract.ts";
import { saidBy } from "./declaration.ts";
import { makeRedisServer, type RedisServer } from "./redis-server.ts";

/** Its enum `AlertType`: another word is no `AlertEvent`, and what is none is never acknowledged. */
const ALERT_TYPES = new Set([
  ...["COMPONENT_DOWN", "NO_MARGIN", "MID_TOO_LOW", "LIMIT_REACHED", "ASSIGNMENT_DETECTED"],
  ...["ASSIGNMENT_COMPENSATED", "REPORT_FAILED", "PARTIAL_FILL_HIGH", "GATEWAY_UNREACHABLE"],
  "WATCHDOG_FAILURE",
]);
const SEVERITIES = new Set(["INFO", "WARNING", "CRITICAL"]);

type Json = Record<string, unknown>;

/** `AlertEvent(**json.loads(data.get("alert", "{}")))`. */
function readEvent({ alert = "{}" }: Record<string, string>): Json {
  const event = JSON.parse(alert) as Json;
  assert.ok(ALERT_TYPES.has(event.event_type as string), `no AlertType: ${event.event_type}`);
  assert.equal(typeof event.message, "string");
  assert.ok(!Number.isNaN(Date.parse(event.timestamp as string)));
  assert.equal(typeof event.params, "object");
  return event;
}

/** `Alert.model_validate_json(data.get("data", "{}"))`, and what the router then reads of it. */
function readAlert({ data = "{}" }: Record<string, string>): Json {
  const alert = JSON.parse(data) as Json;
  assert.ok(ALERT_TYPES.has(alert.type as string), `no AlertType: ${alert.type}`);
  assert.ok(SEVERITIES.has(alert.severity as string));
  for (const key of ["id", "message", "reason", "service", "follower_id"]) {
    assert.equal(typeof alert[key], "string", key);
  }
  assert.equal(typeof alert.timestamp, "number", "seconds for time.gmtime");
  return alert;
}

/** Reads as a router does: what it can read is acknowledged, the rest stays with it for ever. */
async function route(url: string, group: string, read: (fields: Record<string, string>) => Json) {
  const client = await createClient({ url, RESP: 2 }).connect();
  await client.xGroupCreate("alerts", group, "0-0", { MKSTREAM: true });
  const news = { key: "alerts", id: ">" };
  const streams = await client.xReadGroup(group, "router-1", news, { COUNT: 100 });
  const messages = (
    (streams ?? []) as { messages: { id: string; message: Record<string, string> }[] }[]
  ).flatMap((stream) => stream.messages);
  const routed: Json[] = [];
  for (const { id, message } of messages) {
    try {
      routed.push(read(message));
      await client.xAck("alerts", group, id);
    } catch {
      // It logs and goes on.
    }
  }
  const { pending } = await client.xPending("alerts", group);
  client.destroy();
  return { routed, pending };
}

describe("a stream that SpreadPilot's routers read", { skip: notInstalled("redis-server") }, () => {
  let server: RedisServer;
  let url: string;
  before(async () => {
    server = await makeRedisServer();
    url = server.url;
    await server.start();
  });
  after(() => server.remove());
  beforeEach(async () => {
    await server.empty();
  });

  /** As the outbox does: what the route does not take is not sent. */
  async function tell(options: Partial<RedisOptions>, alerts: readonly Alert[]): Promise<void> {
    const sink = redisSink({ url, stream: "alerts", format: "spreadpilot", ...options });
    for (const alert of alerts) {
      if (!takes(sink.settings, "executor", alert)) continue;
      assert.equal((await deliver(sink, alert, REAL_PORTS)).outcome, "delivered");
    }
  }
  const both = async () => ({
    subscriber: await route(url, "alert-router-group", readEvent),
    router: await route(url, "alert-router", readAlert),
  });

  test("holds nothing that they cannot read: a recovery is a WATCHDOG_FAILURE of severity INFO", async () => {
    await tell({}, [DOWN, RECOVERED, FAILURE]);
    const { subscriber, router } = await both();
    assert.deepEqual([subscriber.pending, router.pending], [0, 0]);
    assert.deepEqual(
      subscriber.routed.map(({ event_type, params }) => [event_type, (params as Json).severity]),
      [
        ["COMPONENT_DOWN", "CRITICAL"],
        ["WATCHDOG_FAILURE", "INFO"],
        ["WATCHDOG_FAILURE", "CRITICAL"],
      ],
    );
    assert.deepEqual(Object.keys(subscriber.routed[0]!), ["event_type", "message", "timestamp", "params"]);
    assert.deepEqual(subscriber.routed[1]!.params, { ...RECOVERED.params, severity: "INFO" });
    assert.deepEqual(
      router.routed.map(({ reason, severity }) => [reason, severity]),
      [DOWN, RECOVERED, FAILURE].map(({ message, severity }) => [message, severity]),
    );
    assert.deepEqual(router.routed[0]!.details, { ...DOWN.params, severity: "CRITICAL" });
    assert.equal(router.routed[0]!.timestamp, Date.parse(DOWN.timestamp) / 1000);
  });

  test("holds no recovery where they are skipped", async () => {
    await tell({ recovered: "skip" }, [DOWN, RECOVERED, FAILURE]);
    const events = ["COMPONENT_RECOVERED", "WATCHDOG_FAILURE"] as const;
    await tell({ recovered: "skip", events: [...events] }, [DOWN, RECOVERED, FAILURE]);
    const { subscriber, router } = await both();
    const expected = [DOWN, FAILURE, FAILURE].map(({ message }) => message);
    assert.deepEqual(
      subscriber.routed.map(({ message }) => message),
      expected,
    );
    assert.deepEqual([router.routed.length, subscriber.pending, router.pending], [3, 0, 0]);
  });

  test("is where a recovery in the watchdog's own format stays unread for ever", async () => {
    await tell({ format: "alert" }, [DOWN, RECOVERED]);
    const { subscriber } = await both();
    assert.deepEqual([subscriber.routed.length, subscriber.pending], [1, 1]);
  });

  test("holds whatever an alert says, whole or cut to what Telegram takes", async () => {
    const alerts = Object.values(HOSTILE_TEXTS).flatMap((text) =>
      [DOWN, RECOVERED, FAILURE].map((alert) => withText(alert, text)),
    );
    await tell({}, alerts);
    const { subscriber, router } = await both();
    assert.deepEqual([subscriber.routed.length, subscriber.pending], [alerts.length, 0]);
    assert.deepEqual([router.routed.length, router.pending], [alerts.length, 0]);
    for (const { message, params } of subscriber.routed) {
      const shown = Object.entries(params as Json).map(([name, value]) => `• ${name}: \`${value}\`\n`);
      assert.ok([...`${message}${shown.join("")}`].length < 4000);
    }
  });
});

test("the environment says where Redis is as SpreadPilot's does, and nothing else switches the sink on", () => {
  const read = (env: Record<string, string>) => {
    const result = v.parse(redis.options!, saidBy(redis, env));
    return { url: result.url, stream: result.stream, format: result.format };
  };
  assert.deepEqual(read({ REDIS_HOST: "redis" }), {
    url: "redis://redis:6379",
    stream: "alerts",
    format: "alert",
  });
  assert.deepEqual(
    read({
      REDIS_HOST: "redis",
      REDIS_PORT: "6380",
      REDIS_PASSWORD: "p@ss/w",
      REDIS_DB: "2",
      REDIS_ALERT_STREAM: "watchdog",
      REDIS_ALERT_FORMAT: "spreadpilot",
    }),
    { url: "redis://:p%40ss%2Fw@redis:6380/2", stream: "watchdog", format: "spreadpilot" },
  );
  assert.deepEqual(read({ REDIS_HOST: "::1", REDIS_PORT: "" }), {
    url: "redis://[::1]:6379",
    stream: "alerts",
    format: "alert",
  });
  assert.deepEqual(read({ REDIS_URL: "redis://elsewhere", REDIS_HOST: "redis", REDIS_DB: "3" }), {
    url: "redis://elsewhere",
    stream: "alerts",
    format: "alert",
  });
  assert.throws(() => read({ REDIS_PORT: "6379", REDIS_PASSWORD: "x", REDIS_DB: "1" }));
  assert.deepEqual(redis.onBy, ["url", "host"]);
  assert.deepEqual(FORMATS, ["alert", "spreadpilot"]);
});
