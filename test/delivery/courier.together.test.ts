/** Chats get the alerts of one moment as one message. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Delivery } from "../../src/core/outbox.ts";
import { BUSY, courierRig, names, OK } from "./courier-rig.ts";

const downOf = (services: readonly string[]) => services.map((name) => `${name} DOWN`);

test("alerts of one moment are one message to a chat, and one by one elsewhere", async () => {
  const rig = courierRig(names(5), { chat: () => OK, plain: () => OK }, { chats: ["chat"] });
  await rig.see(names(5));
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
  await rig.see(names(45));
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
  await rig.see(names(3));
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
  await rig.see(names(2));
  await rig.see([]);
  await rig.courier.flush();
  assert.deepEqual(rig.to("chat")[0]!.news, downOf(names(2)));
  for (const name of names(2)) {
    const own = rig.newsTo("chat").filter((one) => one.startsWith(name));
    assert.deepEqual(own, [`${name} DOWN`, `${name} RECOVERED`]);
  }
});
