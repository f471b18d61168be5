import assert from "node:assert/strict";
import { test } from "node:test";
import type { Delivery } from "../../src/core/outbox.ts";
import { replay } from "../../src/core/outbox.ts";
import { BUSY, courierRig, names, OK } from "./courier-rig.ts";

test("a message of several that fails is one failure, and no reason to call the sink dead", async () => {
  let answer: Delivery = BUSY;
  const rig = courierRig(names(20), { chat: () => answer, plain: () => OK }, { chats: ["chat"] });
  await rig.see(names(20));
  await rig.courier.flush();
  assert.equal(rig.to("chat").length, 1);
  assert.equal(rig.outbox().sinks.chat!.failures, 1);
  assert.ok(!rig.newsTo("plain").includes("watchdog FAILURE"));
  answer = OK;
  await rig.clock.advance(6000);
  await rig.courier.flush();
  assert.deepEqual(rig.outbox().entries, []);
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
  await rig.see(names(30));
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
  assert.deepEqual(Object.keys(rig.outbox().sinks), []);
});

test("a sink that fails is told of through the others, once, and so is its end", async () => {
  let answer: Delivery = BUSY;
  const rig = courierRig(names(6), { bad: () => answer, good: () => OK });
  const stop = new AbortController();
  const running = rig.courier.run(stop.signal);
  await rig.see(names(6));
  void rig.courier.flush();
  await rig.clock.advance(1_200_000);
  const told = () =>
    rig.to("good").flatMap(({ alerts }) => alerts.filter((one) => one.event_type === "WATCHDOG_FAILURE"));
  assert.deepEqual(
    told().map(({ message, params }) => [message, params.success]),
    [["The watchdog cannot do all of its job: the sink bad does not accept alerts: HTTP 503", false]],
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
  await rig.see(["s0"]);
  await rig.see([]);
  await rig.see(["s0"]);
  await rig.courier.flush();
  await rig.see(["s0", "s1"]);
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
  await rig.see(names(30));
  await rig.see([]);
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

test("deliveries that a shutdown cuts off are no failures of the sink, and nothing more is begun", async () => {
  const calledOff: Delivery = { outcome: "retry", reason: "stopped before an answer came", calledOff: true };
  const rig = courierRig(names(20), { hook: () => calledOff });
  await rig.see(names(20));
  await rig.courier.flush();
  assert.ok(rig.to("hook").length <= 8, `${rig.to("hook").length} attempts`);
  assert.deepEqual(Object.keys(rig.outbox().sinks), []);
  assert.deepEqual(
    rig.outbox().entries.map(({ attempts }) => attempts),
    names(20).map(() => 0),
  );
});
