import assert from "node:assert/strict";
import { test } from "node:test";
import type { Delivery } from "../../src/core/outbox.ts";
import { replay } from "../../src/core/outbox.ts";
import { BUSY, courierRig, names, OK } from "./courier-rig.ts";

const never = () => new Promise<never>(() => {});
const downOf = (services: readonly string[]) => services.map((name) => `${name} DOWN`);

test("alerts of one moment are one message to a chat, and one by one elsewhere", async () => {
  const rig = courierRig(names(5), { chat: () => OK, plain: () => OK }, { chats: ["chat"] });
  rig.see(names(5));
  await rig.courier.flush();
  assert.deepEqual(
    rig.to("chat").map(({ news }) => news),
    [downOf(names(5))],
  );
  assert.deepEqual(
    rig.to("plain").map(({ news }) => news),
    downOf(names(5)).map((one) => [one]),
  );
  assert.deepEqual([rig.outbox().sent, rig.outbox().entries], [10, []]);
});

test("one message holds at most 20 alerts, in the order of the outbox", async () => {
  const rig = courierRig(names(45), { chat: () => OK }, { chats: ["chat"] });
  rig.see(names(45));
  await rig.courier.flush();
  assert.deepEqual(
    rig.to("chat").map(({ news }) => news.length),
    [20, 20, 5],
  );
  assert.deepEqual(rig.newsTo("chat"), downOf(names(45)));
});

test("what comes of a message that holds several applies to each of them", async () => {
  let answer: Delivery = BUSY;
  const rig = courierRig(names(3), { chat: () => answer }, { chats: ["chat"] });
  rig.see(names(3));
  await rig.courier.flush();
  const waiting = rig.outbox().entries;
  assert.deepEqual(
    waiting.map(({ attempts, lastReason }) => [attempts, lastReason]),
    names(3).map(() => [1, "HTTP 503"]),
  );
  answer = { outcome: "rejected", reason: "HTTP 413" };
  await rig.clock.advance(6000);
  await rig.courier.flush();
  assert.deepEqual(
    rig.outbox().dead.map(({ service, attempts, lastReason }) => [service, attempts, lastReason]),
    names(3).map((name) => [name, 2, "HTTP 413"]),
  );
  assert.deepEqual(rig.outbox().entries, []);
});

test("a message of several never holds two alerts of one service", async () => {
  const rig = courierRig(names(2), { chat: () => OK }, { chats: ["chat"] });
  rig.see(names(2));
  rig.see([]);
  await rig.courier.flush();
  assert.deepEqual(rig.to("chat")[0]!.news, downOf(names(2)));
  for (const name of names(2)) {
    const own = rig.newsTo("chat").filter((one) => one.startsWith(name));
    assert.deepEqual(own, [`${name} DOWN`, `${name} RECOVERED`]);
  }
});

test("a sink that hangs takes nothing from another, also of what comes later", async () => {
  const rig = courierRig(names(30), { slow: never, fast: () => OK });
  rig.see(names(30));
  void rig.courier.flush();
  await rig.clock.settle();
  assert.equal(rig.newsTo("fast").length, 30);
  rig.see([]);
  void rig.courier.flush();
  await rig.clock.settle();
  assert.equal(rig.newsTo("fast").length, 60);
  assert.equal(rig.outbox().sent, 60);
  assert.equal(rig.to("slow").length, 8, "and no more is asked of the slow one than it has places for");
});

test("one service's news arrive in order: the next is not tried before the first has arrived", async () => {
  let answer: Delivery = BUSY;
  const rig = courierRig(["s0", "s1"], { hook: ({ news }) => (news[0]!.startsWith("s0") ? answer : OK) });
  rig.see(["s0", "s1"]);
  rig.see([]);
  rig.see(["s0"]);
  await rig.courier.flush();
  assert.deepEqual(
    rig.newsTo("hook").filter((one) => one.startsWith("s0")),
    ["s0 DOWN"],
  );
  assert.deepEqual(
    rig.newsTo("hook").filter((one) => one.startsWith("s1")),
    ["s1 DOWN", "s1 RECOVERED"],
  );
  answer = OK;
  await rig.clock.advance(6000);
  await rig.courier.flush();
  assert.deepEqual(
    rig.newsTo("hook").filter((one) => one.startsWith("s0")),
    ["s0 DOWN", "s0 DOWN", "s0 RECOVERED", "s0 DOWN"],
  );
});

test("an alert has the same id on every attempt and at every sink", async () => {
  let busy = 2;
  const rig = courierRig(["s0"], { a: () => (busy-- > 0 ? BUSY : OK), b: () => OK });
  const stop = new AbortController();
  const running = rig.courier.run(stop.signal);
  rig.see(["s0"]);
  await rig.courier.flush();
  await rig.clock.advance(60_000);
  stop.abort();
  await running;
  assert.deepEqual(
    rig.attempts.map(({ sink }) => sink).sort(),
    ["a", "a", "a", "b"],
  );
  assert.equal(new Set(rig.attempts.map(({ alerts }) => alerts[0]!.id)).size, 1);
});

test("after 5 failures in a row a sink gets one attempt at a time, until one arrives; then all", async () => {
  let answer: Delivery = BUSY;
  let inHand = 0;
  let most = 0;
  const rig = courierRig(names(30), {
    async hook() {
      most = Math.max(most, ++inHand);
      await rig.clock.wait(100);
      inHand--;
      return answer;
    },
  });
  const stop = new AbortController();
  const running = rig.courier.run(stop.signal);
  rig.see(names(30));
  void rig.courier.flush();
  await rig.clock.advance(1000);
  assert.equal(most, 8, "a sink that nothing is known of gets 8 at once");
  const early = rig.to("hook").length;
  assert.ok(early <= 8 + 4, "the fifth failure opens the circuit: what is left waits");
  most = 0;
  await rig.clock.advance(600_000);
  assert.ok(rig.to("hook").length > early, "it is tried again");
  assert.equal(most, 1);
  answer = OK;
  await rig.clock.advance(3_600_000);
  stop.abort();
  await running;
  assert.ok(most > 1, "once one has arrived, they go together again");
  assert.deepEqual(rig.outbox().entries, []);
  assert.deepEqual(rig.outbox().sinks, {});
});

test("a sink that fails is told of through the others, once, and so is its end", async () => {
  let answer: Delivery = BUSY;
  const rig = courierRig(names(6), { bad: () => answer, good: () => OK });
  const stop = new AbortController();
  const running = rig.courier.run(stop.signal);
  rig.see(names(6));
  void rig.courier.flush();
  await rig.clock.advance(1_200_000);
  const told = () =>
    rig.to("good").flatMap(({ alerts }) => alerts.filter((one) => one.event_type === "WATCHDOG_FAILURE"));
  assert.deepEqual(
    told().map(({ message, params }) => [message, params.success]),
    [["The watchdog cannot do all of its job: the sink bad does not take alerts: HTTP 503", false]],
  );
  answer = OK;
  await rig.clock.advance(7_200_000);
  stop.abort();
  await running;
  assert.equal(told().length, 2);
  assert.match(told()[1]!.message, /can do its job again/);
  assert.ok(!rig.newsTo("bad").includes("watchdog FAILURE"), "never through the sink that it is about");
});

test("a receiver that is gone for good is not tried again; what waits is kept, and a replay tries anew", async () => {
  let answer: Delivery = { outcome: "rejected", reason: "HTTP 410: the receiver is gone", disable: true };
  const rig = courierRig(["s0", "s1"], { gone: () => answer, good: () => OK });
  rig.see(["s0"]);
  rig.see([]);
  rig.see(["s0"]);
  await rig.courier.flush();
  rig.see(["s0", "s1"]);
  await rig.courier.flush();
  await rig.clock.advance(3_600_000);
  await rig.courier.flush();
  assert.deepEqual(rig.newsTo("gone"), ["s0 DOWN"]);
  assert.deepEqual(
    rig.outbox().dead.map(({ lastReason }) => lastReason),
    ["HTTP 410: the receiver is gone"],
  );
  assert.equal(rig.outbox().entries.length, 3, "nothing that was never tried is given up");
  assert.equal(rig.newsTo("good").filter((one) => one === "watchdog FAILURE").length, 1);

  answer = OK;
  const { id, alert } = rig.outbox().dead[0]!;
  rig.ledger.update((state) => ({ ...state, outbox: replay(state.outbox, id, rig.clock.now())! }));
  await rig.courier.flush();
  assert.deepEqual(rig.outbox().entries, []);
  assert.deepEqual(rig.outbox().dead, []);
  const again = rig.to("gone").slice(1);
  assert.ok(again.some(({ alerts }) => alerts[0]!.id === alert.id));
});

test("Retry-After holds the whole sink, lanes that were ready and lanes in hand included", async () => {
  let first = true;
  const rig = courierRig(names(30), {
    async hook({ news }) {
      if (news[0] === "s1 DOWN") await rig.clock.wait(50);
      if (!first) return OK;
      first = false;
      return { outcome: "retry", reason: "HTTP 429", retryAfterMs: 60_000 };
    },
    other: () => OK,
  });
  rig.see(names(30));
  rig.see([]);
  void rig.courier.flush();
  await rig.clock.advance(55_000);
  await rig.courier.flush();
  const early = rig.to("hook");
  // What was on its way when the answer came is not called back; no news follow it.
  assert.ok(early.length <= 8, `${early.length} attempts before the time`);
  assert.equal(rig.to("other").length, 60);
  await rig.clock.advance(20_000);
  void rig.courier.flush();
  await rig.clock.advance(1000);
  assert.deepEqual(rig.outbox().entries, []);
  assert.ok(
    rig
      .to("hook")
      .slice(early.length)
      .every(({ atMs }) => atMs >= 60_000),
  );
});

test("without any tick, an entry is tried when it is due", async () => {
  let failures = 3;
  const rig = courierRig(["s0"], { hook: () => (failures-- > 0 ? BUSY : OK) });
  const stop = new AbortController();
  rig.see(["s0"]);
  const running = rig.courier.run(stop.signal);
  await rig.clock.advance(300_000);
  stop.abort();
  await running;
  const gaps = rig.to("hook").map(({ atMs }, index, all) => atMs - (all[index - 1]?.atMs ?? 0));
  for (const [index, plainMs] of [0, 5000, 30_000, 120_000].entries()) {
    assert.ok(Math.abs(gaps[index]! - plainMs) <= 0.2 * plainMs + 50, `${gaps[index]} ms for ${plainMs}`);
  }
  assert.deepEqual(rig.outbox().entries, []);
});

test("the loop sleeps when there is nothing to do, and wakes for what comes", async () => {
  let waits = 0;
  const rig = courierRig(["s0"], { hook: () => OK });
  const wait = rig.clock.wait;
  rig.clock.wait = (ms, signal) => {
    waits++;
    return wait(ms, signal);
  };
  const stop = new AbortController();
  const running = rig.courier.run(stop.signal);
  await rig.clock.advance(3_600_000);
  assert.ok(waits <= 62, `${waits} times in an hour`);
  rig.see(["s0"]);
  void rig.courier.flush();
  await rig.clock.settle();
  assert.deepEqual(rig.newsTo("hook"), ["s0 DOWN"]);
  stop.abort();
  await running;
});

test("an alert for a sink that is no longer configured is a dead letter, and its lane ends", async () => {
  const rig = courierRig(["s0"], { gone: () => OK, kept: () => OK });
  rig.see(["s0"]);
  rig.see([]);
  rig.sinks.delete("gone");
  await rig.courier.flush();
  assert.deepEqual(
    rig.outbox().dead.map(({ id, lastReason }) => [id.split(":")[1], lastReason]),
    [1, 2].map(() => ["gone", "the sink is no longer configured"]),
  );
  assert.deepEqual(rig.newsTo("kept").slice(0, 2), ["s0 DOWN", "s0 RECOVERED"]);
});

test("each alert is tried once and saved few times, however many arrive at once", async () => {
  const rig = courierRig(names(200), { hook: () => rig.clock.wait(10).then(() => OK) });
  rig.disk.wait = () => rig.clock.wait(5);
  rig.see(names(200));
  void rig.courier.flush();
  await rig.clock.advance(2000);
  assert.equal(rig.to("hook").length, 200);
  assert.equal(rig.outbox().sent, 200);
  assert.ok(rig.disk.saves <= 200 / 3, `${rig.disk.saves} saves`);
});
