import assert from "node:assert/strict";
import { test } from "node:test";
import { onAbort } from "../../plugins/network/aborts.ts";
import { createAlarms } from "../../plugins/network/alarms.ts";
import { createPlaces, type Leave, QUIET_MS } from "../../plugins/network/places.ts";
import type { Clock } from "../../src/plugin.ts";

/** A clock that a test moves; `waits` counts the timers that are set. */
function movedClock() {
  let nowMs = 0;
  const waiting = new Set<{ at: number; resolve: () => void }>();
  const clock: Clock = {
    now: () => nowMs,
    monotonicMs: () => nowMs,
    wait: (ms, signal) =>
      new Promise((resolve) => {
        const wait = { at: nowMs + ms, resolve };
        waiting.add(wait);
        signal?.addEventListener("abort", () => {
          waiting.delete(wait);
          resolve();
        });
      }),
  };
  async function advance(ms: number): Promise<void> {
    nowMs += ms;
    for (const wait of waiting) {
      if (wait.at > nowMs) continue;
      waiting.delete(wait);
      wait.resolve();
    }
    await settled();
  }
  return { clock, advance, waits: () => waiting.size };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
const never = new AbortController().signal;

test("alarms ring in the order of their ends, on one timer, and say how late they are", async () => {
  const { clock, advance, waits } = movedClock();
  const alarms = createAlarms(clock);
  const rung: string[] = [];
  for (const [name, ms] of [
    ["b", 200],
    ["a", 100],
    ["c", 200],
  ] as const) {
    alarms.after(ms, (lateMs) => rung.push(`${name}+${lateMs}`));
  }
  assert.equal(waits(), 1);
  await advance(100);
  assert.deepEqual(rung, ["a+0"]);
  await advance(150);
  assert.deepEqual(rung, ["a+0", "b+50", "c+50"]);
  assert.equal(waits(), 0);
});

test("an alarm that is called off does not ring, and the last one leaves no timer", async () => {
  const { clock, advance, waits } = movedClock();
  const alarms = createAlarms(clock);
  const rung: string[] = [];
  const callOff = alarms.after(100, () => rung.push("off"));
  const other = alarms.after(100, () => rung.push("on"));
  callOff();
  await advance(100);
  assert.deepEqual(rung, ["on"]);
  other();
  alarms.after(5000, () => {})();
  assert.equal(waits(), 0, "a timer would keep the process alive");
});

function world(count: number) {
  const moved = movedClock();
  const places = createPlaces(count, createAlarms(moved.clock), moved.clock.monotonicMs, setImmediate);
  const begun: Leave[] = [];
  const take = (signal = never) =>
    places.take(signal).then((leave) => {
      if (leave) begun.push(leave);
      return leave;
    });
  const leave = (index: number, short?: boolean) => begun[index]!(short);
  return { ...moved, begun, take, leave };
}

test("no more checks begin than there are places", async () => {
  const { begun, take } = world(2);
  for (let i = 0; i < 5; i++) take();
  await settled();
  assert.equal(begun.length, 2);
  begun[0]!();
  await settled();
  assert.equal(begun.length, 3);
});

test("a check that hangs yields its place to one that waits, up to 8 times the places", async () => {
  const { begun, take, advance, waits } = world(2);
  for (let i = 0; i < 100; i++) take();
  await advance(QUIET_MS - 1);
  assert.equal(begun.length, 2, "it may still answer");
  await advance(1);
  assert.equal(begun.length, 4);
  for (let i = 0; i < 50; i++) await advance(QUIET_MS);
  assert.equal(begun.length, 2 + 16, "sockets and memory stay bounded when everything hangs");
  assert.equal(waits(), 0, "nothing is left to watch for");
  begun[0]!();
  await settled();
  await advance(QUIET_MS);
  assert.equal(begun.length, 2 + 16 + 1, "the end of a hanging one lets the next begin");
});

test("a check that has just begun keeps its place", async () => {
  const { begun, take, advance } = world(2);
  take();
  await advance(QUIET_MS - 10);
  for (let i = 0; i < 3; i++) take();
  await settled();
  await advance(10);
  assert.equal(begun.length, 3, "the older one yields, the younger does not");
});

test("when sockets run short so do the places, until nobody holds one", async () => {
  const { begun, take, leave } = world(4);
  for (let i = 0; i < 6; i++) take();
  await settled();
  assert.equal(begun.length, 4);
  leave(0, true);
  leave(1, true);
  await settled();
  assert.equal(begun.length, 4, "two places fewer: the two that wait go on waiting");
  leave(2);
  leave(3);
  await settled();
  assert.equal(begun.length, 6);
  leave(4);
  leave(5);
  for (let i = 0; i < 6; i++) take();
  await settled();
  assert.equal(begun.length, 10, "all four are there again");
});

test("a check that waits for a place gives up when its signal aborts", async () => {
  const { begun, take } = world(1);
  await take();
  const stopping = new AbortController();
  const waits = take(stopping.signal);
  take();
  stopping.abort();
  assert.equal(await waits, undefined);
  begun[0]!();
  await settled();
  assert.equal(begun.length, 2, "the place goes to the next");
});

test("many may listen to one signal without a warning, and be called once", () => {
  const stopping = new AbortController();
  const called: number[] = [];
  const stops = [1, 2, 3].map((n) => onAbort(stopping.signal, () => called.push(n)));
  stops[1]!();
  stopping.abort();
  onAbort(stopping.signal, () => called.push(4));
  assert.deepEqual(called, [1, 3, 4]);
});
