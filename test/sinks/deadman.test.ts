import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { after, before, beforeEach, describe, test } from "node:test";
import * as v from "valibot";
import deadman, { deadmanHook } from "../../plugins/deadman.ts";
import type { TickHook, Watchdog } from "../../src/plugin.ts";
import { saidBy } from "./declaration.ts";
import { type HookWorld, hookWorld, summary } from "./hooks.ts";
import { type Receiver, startReceiver } from "./receiver.ts";

const PATH = "/ping/planted-uuid?token=planted-query";
const FAIL_PATH = "/ping/planted-uuid/fail?token=planted-query";
const never = new AbortController().signal;

describe("the dead-man ping", () => {
  let receiver: Receiver;
  let world: HookWorld;
  let hook: TickHook;
  before(async () => {
    receiver = await startReceiver();
  });
  after(() => receiver.close());
  beforeEach(() => {
    world = hookWorld();
    hook = deadmanHook(`${receiver.url}${PATH}`, world, 1000);
    receiver.answers({ status: 200, body: "OK" });
  });
  const paths = () => receiver.received.map(({ path }) => path);

  async function minutes(count: number, ok = true): Promise<void> {
    for (let i = 0; i < count; i++) {
      await hook.ticked(summary([], ok), never);
      world.pass(60_000);
    }
  }

  test("is a GET of the whole URL after a completed tick", async () => {
    await minutes(1);
    assert.deepEqual(paths(), [PATH]);
    const [{ method, body, headers }] = receiver.received as [(typeof receiver.received)[0]];
    assert.deepEqual([method, body.length, headers["user-agent"]], ["GET", 0, "spreadpilot-watchdog"]);
  });

  test("says /fail after a tick that failed, before the query", async () => {
    await minutes(1, false);
    assert.deepEqual(paths(), [FAIL_PATH]);
  });

  test("is sent once a minute however often the ticks are, and not later for a tick that is a little early", async () => {
    for (let i = 0; i < 9; i++) {
      await hook.ticked(summary(), never);
      world.pass(14_990);
    }
    assert.equal(receiver.received.length, 3);
  });

  test("says at once that ticks fail, and that they do so no more", async () => {
    for (const ok of [true, false, false, false, true, true]) {
      await hook.ticked(summary([], ok), never);
      world.pass(2000);
    }
    assert.deepEqual(paths(), [PATH, FAIL_PATH, PATH]);
  });

  test("says news again at the next tick when it was not taken", async () => {
    const away = { status: 503 };
    receiver.answers({ status: 200, body: "OK" }, away, away, { status: 200, body: "OK" });
    for (const ok of [true, false, false, false, false]) {
      await hook.ticked(summary([], ok), never);
      world.pass(5000);
    }
    assert.deepEqual(paths(), [PATH, FAIL_PATH, FAIL_PATH, FAIL_PATH]);
  });

  test("is sent four times a minute at most, however ticks fail and pass", async () => {
    const pings: number[] = [];
    for (let second = 0; second < 180; second++) {
      const before = receiver.received.length;
      await hook.ticked(summary([], second % 2 === 0), never);
      if (receiver.received.length > before) pings.push(second);
      world.pass(1000);
    }
    const inMinuteFrom = (from: number) => pings.filter((at) => at >= from && at < from + 59).length;
    assert.equal(Math.max(...pings.map(inMinuteFrom)), 4);
  });

  test("tells the log of its failure once, and of its success once", async () => {
    const failing = { status: 503, body: "planted-answer" };
    receiver.answers(failing, failing, failing, { status: 200, body: "OK" });
    await minutes(6);
    assert.equal(receiver.received.length, 6);
    assert.deepEqual(world.lines, [
      `warn: the dead-man switch at ${receiver.url} is not pinged: HTTP 503`,
      `info: the dead-man switch at ${receiver.url} is pinged again`,
    ]);
  });

  for (const [what, answer, reason] of [
    ["a 200 for a check that is not there", { status: 200, body: "OK (not found)" }, "(not found)"],
    ["a 200 for a ping that was dropped", { status: 200, body: "OK (rate limited)" }, "(rate limited)"],
    ["404", { status: 404 }, "HTTP 404"],
    ["a redirect", { status: 302, headers: { location: "/elsewhere" } }, "HTTP 302"],
    ["a receiver that never answers", { play: "silent" }, "no answer in 1 s"],
    ["an answer that never ends", { play: "unfinished", status: 200, body: "" }, "no answer in 1 s"],
  ] as const) {
    test(`${what} is a ping that was not taken, and the next one is sent a minute later`, async () => {
      receiver.answers(answer, { status: 200, body: "OK" });
      await minutes(2);
      assert.equal(receiver.received.length, 2);
      assert.equal(world.lines.length, 2);
      const told = `warn: the dead-man switch at ${receiver.url} is not pinged: ${reason}`;
      assert.equal(world.lines[0], told);
    });
  }

  test("an endless answer is read no further than its beginning", async () => {
    receiver.answers({ play: "endless", status: 200 });
    await minutes(1);
    assert.deepEqual(world.lines, []);
    assert.ok(receiver.written() < 16 * 1024 * 1024);
  });

  test("a receiver that is not there is told in words, and no line shows the URL", async () => {
    const gone = await startReceiver();
    await gone.close();
    hook = deadmanHook(`${gone.url}${PATH}`, world, 1000);
    await minutes(2);
    assert.equal(world.lines.length, 1);
    assert.match(world.lines[0]!, /connection failed/);
    assert.doesNotMatch(world.lines.join(), /planted/);
  });

  test("ends when the watchdog stops, without a word and without a listener left behind", async () => {
    receiver.answers({ play: "silent" });
    const stop = new AbortController();
    const pinging = hook.ticked(summary(), stop.signal);
    stop.abort();
    await pinging;
    assert.deepEqual(world.lines, []);
    assert.equal(getEventListeners(stop.signal, "abort").length, 0);
  });
});

describe("the settings of deadman", () => {
  const read = (settings: unknown) => v.safeParse(deadman.options!, settings);

  test("are one URL, from the file or from DEADMAN_URL", () => {
    const url = "https://hc.example.com/uuid";
    assert.deepEqual(read({ url }).output, { url });
    assert.deepEqual(saidBy(deadman, { DEADMAN_URL: url }), { url });
    assert.deepEqual(saidBy(deadman, { DEADMAN_URL: "" }), {});
  });

  for (const settings of [{}, { url: "planted" }, { url: "ftp://planted.example" }, { url: 1 }]) {
    test(`${JSON.stringify(settings)} is refused without showing it`, () => {
      const { success, issues } = read(settings);
      assert.equal(success, false);
      assert.doesNotMatch(issues!.map(({ message }) => message).join(), /planted/);
    });
  }

  test("make a hook and no sink", () => {
    const hooks: TickHook[] = [];
    const watchdog = { ...hookWorld(), hook: (hook: TickHook) => hooks.push(hook) } as unknown as Watchdog;
    deadman({ url: "https://hc.example.com/uuid" }).setup(watchdog);
    assert.deepEqual(
      hooks.map(({ name }) => name),
      ["deadman"],
    );
  });
});
