import assert from "node:assert/strict";
import { test } from "node:test";
import type { Alert, EventType } from "../../src/core/alert.ts";
import {
  CIRCUIT_FAILURES,
  circuitIsOpen,
  type Delivery,
  dueLanes,
  emptyOutbox,
  enqueue,
  MOST_ENTRIES,
  nextAttemptAt,
  type OutboxState,
  recordDeliveries,
  replay,
} from "../../src/core/outbox.ts";
import { T0 } from "./drive.ts";

const MIN_MS = 60_000;
const HOUR_MS = 60 * MIN_MS;

function alert(id: string, service = "executor", event: EventType = "COMPONENT_DOWN"): Alert {
  return {
    id,
    event_type: event,
    timestamp: new Date(T0).toISOString(),
    severity: event === "COMPONENT_DOWN" ? "CRITICAL" : "INFO",
    title: "Executor is down",
    message: "Executor is down",
    params: {
      component_name: service,
      container_name: `c-${service}`,
      action: "restart",
      success: event !== "COMPONENT_DOWN",
      consecutive_failures: 3,
    },
  };
}

const to = (...sinks: string[]) => new Map(sinks.map((sink) => [sink, undefined]));
const news = (...ids: string[]) => ids.map((id) => ({ service: "executor", alert: alert(id) }));
const RETRY: Delivery = { outcome: "retry", reason: "HTTP 503" };
const one = (id: string, delivery: Delivery) => new Map([[id, delivery]]);

test("an alert waits once for each sink that takes it", () => {
  const routes = new Map([
    ["all", undefined],
    ["downs", { events: ["COMPONENT_DOWN"] as const }],
    ["info", { severities: ["INFO"] as const }],
    ["other", { services: ["monitor"] }],
    ["mine", { services: ["executor"] }],
  ]);
  const { outbox } = enqueue(emptyOutbox(), news("evt_1"), routes, T0);
  assert.deepEqual(
    outbox.entries.map(({ sink }) => sink),
    ["all", "downs", "mine"],
  );
  const own = enqueue(emptyOutbox(), [{ service: "", alert: alert("evt_2", "watchdog") }], routes, T0);
  assert.deepEqual(
    own.outbox.entries.map(({ sink }) => sink),
    ["all", "downs", "other", "mine"],
    "the watchdog's own news goes to sinks of any service",
  );
});

test("news of one service stay in order for each sink; services do not wait for each other", () => {
  let { outbox } = enqueue(emptyOutbox(), news("evt_1", "evt_2"), to("a", "b"), T0);
  outbox = enqueue(outbox, [{ service: "monitor", alert: alert("evt_3", "monitor") }], to("a"), T0).outbox;
  const lanes = () => dueLanes(outbox, T0).map((lane) => lane.map(({ id }) => id));
  assert.deepEqual(lanes(), [["evt_1:a", "evt_2:a"], ["evt_1:b", "evt_2:b"], ["evt_3:a"]]);
  outbox = recordDeliveries(outbox, one("evt_1:a", RETRY), T0).outbox;
  assert.deepEqual(lanes(), [["evt_1:b", "evt_2:b"], ["evt_3:a"]], "the second waits behind the first");
});

test("the schedule: at once, then 5 s, 30 s, 2 min, 5 min, 15 min, 1 h, 3 h, 6 h, each by a fifth either way", () => {
  let { outbox } = enqueue(emptyOutbox(), news("evt_1"), to("a"), T0);
  let now = T0;
  const waits: number[] = [];
  const died: string[] = [];
  while (outbox.entries.length > 0) {
    const recorded = recordDeliveries(outbox, one("evt_1:a", RETRY), now);
    outbox = { ...recorded.outbox, sinks: {} };
    died.push(...recorded.died.map(({ id }) => id));
    const next = outbox.entries[0]?.nextAt;
    if (next === undefined) break;
    waits.push(next - now);
    now = next;
  }
  const plain = [5, 30, 120, 300, 900, 3600, 10_800, 21_600].map((s) => s * 1000);
  assert.equal(waits.length, plain.length);
  for (const [i, wait] of waits.entries()) {
    assert.ok(wait >= plain[i]! * 0.8 && wait <= plain[i]! * 1.2, `wait ${i + 1} is ${wait} ms`);
  }
  assert.deepEqual(died, ["evt_1:a"], "the last wait would end past 24 h");
  assert.ok(now - T0 < 24 * HOUR_MS, "the alert is not kept past 24 h");
  assert.equal(outbox.dead[0]!.attempts, plain.length + 1);
});

test("Retry-After lengthens the wait, never shortens it, and holds the whole sink", () => {
  const start = enqueue(emptyOutbox(), news("evt_1"), to("a"), T0).outbox;
  const long = recordDeliveries(start, one("evt_1:a", { ...RETRY, retryAfterMs: HOUR_MS }), T0).outbox;
  assert.equal(long.entries[0]!.nextAt, T0 + HOUR_MS);
  const other = enqueue(long, [{ service: "monitor", alert: alert("evt_2", "monitor") }], to("a"), T0).outbox;
  assert.deepEqual(dueLanes(other, T0 + MIN_MS), []);
  assert.equal(nextAttemptAt(other, new Set()), T0 + HOUR_MS);
  const short = recordDeliveries(start, one("evt_1:a", { ...RETRY, retryAfterMs: 10 }), T0).outbox;
  assert.ok(short.entries[0]!.nextAt >= T0 + 4000, "the schedule's own wait stands");
});

test("a receiver that asks for a day or more is asked again within it, up to the alert's own end", () => {
  for (const hours of [24, 48, 24 * 365]) {
    let { outbox } = enqueue(emptyOutbox(), news("evt_1"), to("a"), T0);
    const tries: number[] = [];
    let now = T0;
    while (outbox.entries.length > 0) {
      tries.push((now - T0) / HOUR_MS);
      outbox = recordDeliveries(
        outbox,
        one("evt_1:a", { ...RETRY, retryAfterMs: hours * HOUR_MS }),
        now,
      ).outbox;
      now = nextAttemptAt(outbox, new Set()) ?? now;
    }
    assert.deepEqual(tries, [0, 6, 12, 18, 24], `asked for ${hours} h`);
  }
});

test("a receiver that moved is tried at its new address at once, and only once", () => {
  const start = enqueue(emptyOutbox(), news("evt_1"), to("a"), T0).outbox;
  const moved = recordDeliveries(start, one("evt_1:a", { ...RETRY, retryAfterMs: 0 }), T0).outbox;
  assert.equal(moved.entries[0]!.nextAt, T0);
  const again = recordDeliveries(moved, one("evt_1:a", { ...RETRY, retryAfterMs: 0 }), T0).outbox;
  assert.ok(again.entries[0]!.nextAt > T0 + 10_000, "it does not loop");
});

test("what is rejected is a dead letter, and can be tried again", () => {
  const start = enqueue(emptyOutbox(), news("evt_1"), to("a"), T0).outbox;
  const { outbox, died } = recordDeliveries(
    start,
    one("evt_1:a", { outcome: "rejected", reason: "HTTP 403" }),
    T0,
  );
  assert.deepEqual([died.length, outbox.entries.length, outbox.dead.length], [1, 0, 1]);
  assert.equal(outbox.dead[0]!.lastReason, "HTTP 403");
  const again = replay(outbox, "evt_1:a", T0 + 1)!;
  assert.deepEqual([again.entries.length, again.dead.length, again.entries[0]!.attempts], [1, 0, 0]);
  assert.equal(again.entries[0]!.alert.id, "evt_1", "it goes out under the same id");
  assert.equal(replay(outbox, "evt_9:a", T0), undefined);
});

test("a receiver that is gone for good is not asked again, and its alerts wait for a replay", () => {
  const start = enqueue(emptyOutbox(), news("evt_1", "evt_2"), to("a"), T0).outbox;
  const gone: Delivery = { outcome: "rejected", reason: "HTTP 410", disable: true };
  const { outbox, opened } = recordDeliveries(start, one("evt_1:a", gone), T0);
  assert.deepEqual(opened, [{ sink: "a", reason: "HTTP 410" }]);
  assert.deepEqual(dueLanes(outbox, T0 + HOUR_MS), []);
  assert.equal(nextAttemptAt(outbox, new Set()), undefined);
  assert.deepEqual(dueLanes(replay(outbox, "evt_1:a", T0)!, T0).flat().length, 2);
});

test("failures in a row open a sink's circuit, once; a delivery closes it", () => {
  const many = Array.from({ length: 8 }, (_, i) => ({ service: `s${i}`, alert: alert(`evt_${i}`, `s${i}`) }));
  let { outbox } = enqueue(emptyOutbox(), many, to("a", "b"), T0);
  const opened: string[] = [];
  for (let i = 0; i < 7; i++) {
    const recorded = recordDeliveries(outbox, one(`evt_${i}:a`, RETRY), T0 + i);
    outbox = recorded.outbox;
    opened.push(...recorded.opened.map(({ sink }) => sink));
    assert.equal(circuitIsOpen(outbox, "a"), i + 1 >= CIRCUIT_FAILURES);
  }
  assert.deepEqual(opened, ["a"]);
  assert.deepEqual(
    dueLanes(outbox, T0 + 10).map(([first]) => first!.sink),
    Array.from({ length: 8 }, () => "b"),
    "the other sink is not held",
  );
  const { outbox: closed } = recordDeliveries(
    outbox,
    one("evt_0:a", { outcome: "delivered", reason: "HTTP 200" }),
    T0 + MIN_MS,
  );
  assert.equal(circuitIsOpen(closed, "a"), false);
});

test("the outbox is bounded: recoveries make room before failures, and what goes is a dead letter", () => {
  const count = MOST_ENTRIES / 2;
  const flood = Array.from({ length: count }, (_, i) => [
    { service: "x", alert: alert(`evt_d${i}`, "x") },
    { service: "x", alert: alert(`evt_r${i}`, "x", "COMPONENT_RECOVERED") },
  ]).flat();
  const full = enqueue(emptyOutbox(), flood, to("a"), T0).outbox;
  const { outbox, dropped } = enqueue(full, news("evt_last"), to("a"), T0);
  assert.equal(outbox.entries.length, MOST_ENTRIES);
  assert.deepEqual(
    dropped.map(({ id }) => id),
    ["evt_r0:a"],
  );
  assert.deepEqual(
    outbox.dead.map(({ id, lastReason }) => [id, lastReason]),
    [["evt_r0:a", "the outbox is full"]],
  );
});

test("what was delivered leaves nothing behind but its count", () => {
  let outbox: OutboxState = emptyOutbox();
  for (let i = 0; i < 100; i++) {
    outbox = enqueue(outbox, news(`evt_${i}`), to("a"), T0).outbox;
    outbox = recordDeliveries(outbox, one(`evt_${i}:a`, { outcome: "delivered", reason: "" }), T0).outbox;
  }
  assert.deepEqual(outbox, { ...emptyOutbox(), sent: 100 });
});
