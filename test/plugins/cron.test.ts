import assert from "node:assert/strict";
import { test } from "node:test";
import cron from "../../plugins/cron.ts";
import type { Trigger, Watchdog } from "../../src/plugin.ts";
import { createFakeClock } from "../simulation/clock.ts";

const quiet = () => {};

function cronOn(options: { every?: number }) {
  const clock = createFakeClock(Date.UTC(2026, 10, 23));
  let trigger: Trigger | undefined;
  const watchdog = {
    clock,
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    random: Math.random,
    redact: (text) => text,
    env: {},
    intervalMs: 15_000,
    ending: new AbortController().signal,
    check: quiet,
    restarter: quiet,
    sink: quiet,
    hook: quiet,
    discoverer: quiet,
    trigger: (given: Trigger) => {
      trigger = given;
    },
  } satisfies Watchdog;
  cron(options).setup(watchdog);
  return { clock, trigger: trigger! };
}

function started(options: { every?: number } = {}, tickMs: (tick: number) => number = () => 0) {
  const { clock, trigger } = cronOn(options);
  const ticks: number[] = [];
  let open = 0;
  let most = 0;
  const over = new AbortController();
  const ended = trigger.run(async () => {
    ticks.push(clock.monotonicMs());
    most = Math.max(most, ++open);
    await clock.wait(tickMs(ticks.length));
    open--;
  }, over.signal);
  return { clock, ticks, over, ended, most: () => most };
}

test("it ticks at once and then at a fixed rate", async () => {
  const { clock, ticks } = started();
  await clock.advance(60_000);
  assert.deepEqual(ticks, [0, 15_000, 30_000, 45_000, 60_000]);
});

test("it does not drift by what a tick takes", async () => {
  const { clock, ticks } = started({ every: 1000 }, () => 700);
  await clock.advance(5000);
  assert.deepEqual(ticks, [0, 1000, 2000, 3000, 4000, 5000]);
});

test("a long tick is never overlapped, and what it missed is not made up for", async () => {
  const { clock, ticks, most } = started({ every: 1000 }, (tick) => (tick === 2 ? 3500 : 0));
  await clock.advance(7000);
  assert.deepEqual(ticks, [0, 1000, 5000, 6000, 7000]);
  assert.equal(most(), 1);
});

test("a wall clock that is set moves nothing", async () => {
  const { clock, ticks } = started({ every: 1000 });
  await clock.advance(1500);
  clock.jump(-3_600_000);
  await clock.advance(1000);
  clock.jump(86_400_000);
  await clock.advance(1000);
  assert.deepEqual(ticks, [0, 1000, 2000, 3000]);
});

test("it ends when it is told to, and not before its tick has", async () => {
  const { clock, ticks, over, ended } = started({ every: 1000 }, () => 500);
  await clock.advance(100);
  let over500 = 0;
  void ended.then(() => {
    over500 = clock.monotonicMs();
  });
  over.abort();
  await clock.advance(5000);
  await ended;
  assert.equal(over500, 500);
  assert.deepEqual(ticks, [0]);
});
