import assert from "node:assert/strict";
import { test } from "node:test";
import type { Delivery } from "../../src/core/outbox.ts";
import { shiftTimes } from "../../src/core/shift-times.ts";
import { BUSY, courierRig, names, OK } from "./courier-rig.ts";

const never = () => new Promise<never>(() => {});

test("a sink that hangs takes nothing from another, also of what comes later", async () => {
  const rig = courierRig(names(30), { slow: never, fast: () => OK });
  await rig.see(names(30));
  void rig.courier.flush();
  await rig.clock.settle();
  assert.equal(rig.newsTo("fast").length, 30);
  await rig.see([]);
  void rig.courier.flush();
  await rig.clock.settle();
  assert.equal(rig.newsTo("fast").length, 60);
  assert.equal(rig.outbox().sent, 60);
  assert.equal(rig.to("slow").length, 8, "and no more is asked of the slow one than it has places for");
});

test("one service's news arrive in order: the next is not tried before the first has arrived", async () => {
  let answer: Delivery = BUSY;
  const rig = courierRig(["s0", "s1"], { hook: ({ news }) => (news[0]!.startsWith("s0") ? answer : OK) });
  await rig.see(["s0", "s1"]);
  await rig.see([]);
  await rig.see(["s0"]);
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
  await rig.see(["s0"]);
  await rig.courier.flush();
  await rig.clock.advance(60_000);
  stop.abort();
  await running;
  assert.deepEqual(rig.attempts.map(({ sink }) => sink).sort(), ["a", "a", "a", "b"]);
  assert.equal(new Set(rig.attempts.map(({ alerts }) => alerts[0]!.id)).size, 1);
});

test("without any tick, an entry is tried when it is due", async () => {
  let failures = 3;
  const rig = courierRig(["s0"], { hook: () => (failures-- > 0 ? BUSY : OK) });
  const stop = new AbortController();
  await rig.see(["s0"]);
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

for (const [what, jumpMs] of [
  ["a clock that is set by a year", 365 * 86_400_000],
  ["a machine that sleeps for a weekend", 2.5 * 86_400_000],
  ["a clock that is set back by a day", -86_400_000],
] as const) {
  test(`${what} makes no alert old: it is tried by its schedule, and arrives`, async () => {
    let answer = BUSY;
    const rig = courierRig(["s0"], { hook: () => answer });
    await rig.see(["s0"]);
    const over = new AbortController();
    const running = rig.courier.run(over.signal);
    await rig.clock.advance(100);
    rig.clock.jump(jumpMs);
    await rig.clock.advance(120_000);
    const { length } = rig.to("hook");
    assert.ok(length >= 2 && length <= 4, `${length} attempts in two minutes`);
    assert.deepEqual(rig.outbox().dead, []);
    answer = OK;
    await rig.clock.advance(600_000);
    assert.deepEqual([rig.outbox().entries, rig.outbox().sent], [[], 1]);
    over.abort();
    await running;
  });
}

test("what waited while the machine was off for days is tried as before, and not given up", async () => {
  const before = courierRig(["s0"], { hook: () => BUSY });
  await before.see(["s0"]);
  await before.courier.flush();
  const days = 3 * 86_400_000;
  const state = shiftTimes(before.ledger.state, -days);
  const rig = courierRig(["s0"], { hook: () => BUSY }, { state });
  await rig.courier.flush();
  assert.equal(rig.to("hook").length, 1, "it is due at once");
  assert.deepEqual([rig.outbox().entries.length, rig.outbox().dead.length], [1, 0]);
});

test("while it is unsure who owns the state nothing is sent; then it is", async () => {
  let owner = false;
  let asked = 0;
  const rig = courierRig(
    ["s0"],
    { hook: () => OK },
    {
      store: {
        async isOwner() {
          asked++;
          return owner;
        },
      },
    },
  );
  await rig.see(["s0"]);
  const over = new AbortController();
  const running = rig.courier.run(over.signal);
  await rig.clock.advance(10_000);
  assert.equal(rig.attempts.length, 0);
  assert.ok(asked <= 11, `asked ${asked} times in 10 s`);
  owner = true;
  await rig.clock.advance(1100);
  assert.equal(rig.to("hook").length, 1);
  over.abort();
  await running;
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
  await rig.see(["s0"]);
  void rig.courier.flush();
  await rig.clock.settle();
  assert.deepEqual(rig.newsTo("hook"), ["s0 DOWN"]);
  stop.abort();
  await running;
});

test("an alert for a sink that is no longer configured is a dead letter, and its lane ends", async () => {
  const rig = courierRig(["s0"], { gone: () => OK, kept: () => OK });
  await rig.see(["s0"]);
  await rig.see([]);
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
  await rig.see(names(200));
  rig.disk.wait = () => rig.clock.wait(5);
  void rig.courier.flush();
  await rig.clock.advance(2000);
  assert.equal(rig.to("hook").length, 200);
  assert.equal(rig.outbox().sent, 200);
  assert.ok(rig.disk.saves <= 200 / 3, `${rig.disk.saves} saves`);
});

test("nobody is told of an alert that is not stored yet: a crash would raise it again under another id", async () => {
  const saves: (() => void)[] = [];
  let answer = () => {};
  const waiting = new Promise<Delivery>((resolve) => {
    answer = () => resolve(OK);
  });
  const rig = courierRig(["s0", "s1"], { hook: ({ news }) => (news[0] === "s0 DOWN" ? waiting : OK) });
  await rig.see(["s0"]);
  const flushed = rig.courier.flush();
  rig.disk.wait = () => new Promise((resolve) => saves.push(resolve));
  answer();
  await rig.clock.settle();
  const seen = rig.see(["s0", "s1"]);
  assert.equal(saves.length, 2, "the first is of the delivery, the second of what was seen since");
  rig.disk.wait = async () => {};
  saves[0]!();
  await rig.clock.settle();
  assert.deepEqual(rig.newsTo("hook"), ["s0 DOWN"]);
  saves[1]!();
  await seen;
  await rig.courier.flush();
  await flushed;
  assert.deepEqual(rig.newsTo("hook"), ["s0 DOWN", "s1 DOWN"]);
});

test("nor of one that stands behind another in its lane", async () => {
  const saves: (() => void)[] = [];
  let answer: Delivery = BUSY;
  const rig = courierRig(["s0"], { hook: () => answer });
  await rig.see(["s0"]);
  await rig.courier.flush();
  answer = OK;
  await rig.clock.advance(10_000);
  rig.disk.wait = () => new Promise((resolve) => saves.push(resolve));
  const seen = rig.see([]);
  const flushed = rig.courier.flush();
  await rig.clock.settle();
  assert.deepEqual(rig.newsTo("hook"), ["s0 DOWN", "s0 DOWN"]);
  rig.disk.wait = async () => {};
  for (const end of saves) end();
  await Promise.all([seen, flushed]);
  await rig.courier.flush();
  assert.deepEqual(rig.newsTo("hook"), ["s0 DOWN", "s0 DOWN", "s0 RECOVERED"]);
});

test("an entry of a fast sink is tried when it is due, whatever a slow one still has to do", async () => {
  let busy = true;
  const rig = courierRig(names(20), {
    slow: never,
    fast: ({ news }) => (news[0] === "s3 DOWN" && busy ? BUSY : OK),
  });
  const stop = new AbortController();
  const running = rig.courier.run(stop.signal);
  await rig.see(names(20));
  void rig.courier.flush();
  await rig.clock.advance(1000);
  busy = false;
  await rig.clock.advance(6000);
  assert.equal(rig.to("fast").length, 21);
  stop.abort();
  await running;
});

test("a sink is told what came of earlier attempts at the alert", async () => {
  const rig = courierRig(["s0"], { hook: ({ earlier }) => (earlier.attempts < 2 ? BUSY : OK) });
  const stop = new AbortController();
  const running = rig.courier.run(stop.signal);
  await rig.see(["s0"]);
  await rig.courier.flush();
  await rig.clock.advance(120_000);
  assert.deepEqual(
    rig.to("hook").map(({ earlier }) => earlier),
    [
      { attempts: 0, lastReason: "" },
      { attempts: 1, lastReason: BUSY.reason },
      { attempts: 2, lastReason: BUSY.reason },
    ],
  );
  stop.abort();
  await running;
});
