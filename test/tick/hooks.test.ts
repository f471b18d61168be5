/** What hooks are told of a tick, and when. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gapsBefore } from "../../src/core/due.ts";
import type { TickHook, TickSummary } from "../../src/plugin.ts";
import { policy } from "../core/drive.ts";
import { rig } from "./harness.ts";

const listening = (told: TickSummary[]): TickHook => ({
  name: "listener",
  ticked: async (summary) => void told.push(summary),
});

test("a hook learns how far apart ticks really are, also those of processes before this one", async () => {
  const told: TickSummary[] = [];
  const first = rig([policy("executor")], { hooks: [listening(told)] });
  for (const gapMs of [0, 330_000, 320_000]) {
    await first.clock.advance(gapMs);
    await first.ticker.tick();
  }
  const next = rig([policy("executor")], { hooks: [listening(told)], state: first.saves.at(-1)! });
  await next.clock.advance(15_000);
  await next.ticker.tick();
  assert.deepEqual(
    told.map(({ gapMs }) => gapMs),
    [0, 330_000, 330_000, 330_000],
  );
});

test("a long gap is forgotten after a few ticks", () => {
  let lastTick = { id: "", startedAt: 0, completedAt: 0, durationMs: 0, gapsMs: [] as number[] };
  for (const startedAt of [900_000, 915_000, 930_000, 945_000, 960_000, 975_000]) {
    lastTick = { ...lastTick, startedAt, gapsMs: gapsBefore(lastTick, startedAt) };
  }
  assert.deepEqual(lastTick.gapsMs, Array(5).fill(15_000));
  assert.deepEqual(gapsBefore(null, 5), []);
  assert.deepEqual(gapsBefore({ ...lastTick, gapsMs: [] }, 5), [0], "a clock that was set back");
});

test("a tick that could not run is told as one that failed", async () => {
  const told: TickSummary[] = [];
  const { ticker } = rig([policy("executor")], {
    hooks: [listening(told)],
    around: () => {
      throw new Error("no engine");
    },
  });
  assert.equal((await ticker.tick()).ok, false);
  await ticker.idle();
  assert.deepEqual(
    told.map(({ ok }) => ok),
    [false],
  );
});

test("a process is not idle before its hooks are done", async () => {
  let pinged = () => {};
  const ping = new Promise<void>((resolve) => {
    pinged = resolve;
  });
  const { ticker, clock } = rig([policy("executor")], { hooks: [{ name: "slow", ticked: () => ping }] });
  await ticker.tick();
  let idle = false;
  const done = ticker.idle().then(() => {
    idle = true;
  });
  await clock.settle();
  assert.equal(idle, false);
  pinged();
  await done;
});
