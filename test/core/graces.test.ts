import assert from "node:assert/strict";
import { test } from "node:test";
import type { KnownContainer } from "../../src/core/container.ts";
import type { Effect } from "../../src/core/event.ts";
import { shiftTimes } from "../../src/core/shift-times.ts";
import { type Drive, drive, policy, said, T0 } from "./drive.ts";

const container: KnownContainer = { id: "aaa", build: "image:1", startedAt: 1 };

function fails(d: Drive, count: number): Effect[] {
  const effects: Effect[] = [];
  for (let i = 0; i < count; i++) {
    d.wait(15_000);
    effects.push(...d.fail());
  }
  return effects;
}

test("a slow starter is not killed: failures in the start period of its container do not count", () => {
  const d = drive(policy("executor", { startPeriodMs: 60_000 }));
  d.around = { containers: { executor: { ...container, startedAt: T0 } } };
  fails(d, 3);
  assert.equal(d.state.services.executor!.failures, 0);
  assert.deepEqual(said(fails(d, 3)), ["restart"]);
});

test("the image's own start period holds where none is set", () => {
  const d = drive(policy("executor"));
  d.around = { containers: { executor: { ...container, startedAt: T0, startPeriodMs: 60_000 } } };
  fails(d, 3);
  assert.equal(d.state.services.executor!.failures, 0);
});

test("a start that lies ahead, by a clock that is ahead or after ours was set back, earns one start period", () => {
  for (const aheadMs of [60_000, 3_600_000, 365 * 86_400_000]) {
    const d = drive(policy("executor", { startPeriodMs: 60_000 }));
    d.around = { containers: { executor: { ...container, startedAt: T0 + aheadMs } } };
    fails(d, 4);
    assert.equal(d.state.services.executor!.failures, 0, `${aheadMs} ms ahead`);
    assert.deepEqual(said(fails(d, 4)), ["restart"], `${aheadMs} ms ahead`);
  }
});

test("one that had passed before the clock was set back earns none", () => {
  const d = drive(policy("executor", { startPeriodMs: 600_000 }));
  d.around = { containers: { executor: { ...container, startedAt: T0 } } };
  d.fail();
  d.wait(15_000);
  d.pass();
  d.state = shiftTimes(d.state, -86_400_000);
  d.now -= 86_400_000;
  assert.deepEqual(said(fails(d, 3)), ["restart"]);
});

test("a container tells by its own start that a restart was made, whatever its clock says", () => {
  for (const aheadMs of [0, 86_400_000, -3_600_000]) {
    const d = drive(policy("executor"));
    const startedAt = T0 + aheadMs;
    d.around = { containers: { executor: { ...container, startedAt } } };
    fails(d, 3);
    d.settle("executor", "unknown");
    fails(d, 1);
    assert.equal(d.state.services.executor!.outage!.restarted, "unknown", `${aheadMs} ms ahead`);
    d.around = { containers: { executor: { ...container, startedAt: startedAt + 60_000 } } };
    fails(d, 1);
    assert.equal(d.state.services.executor!.outage!.restarted, "yes", `${aheadMs} ms ahead`);
  }
});

test("another container that takes the name does not tell that a restart was made", () => {
  const d = drive(policy("executor"));
  d.around = { containers: { executor: { ...container, startedAt: T0 } } };
  fails(d, 3);
  d.settle("executor", "unknown");
  d.around = { containers: { executor: { ...container, id: "other", startedAt: T0 + 60_000 } } };
  fails(d, 1);
  assert.equal(d.state.services.executor!.outage!.restarted, "unknown");
});

test("the first passed check ends the start period", () => {
  const d = drive(policy("executor", { startPeriodMs: 600_000 }));
  d.around = { containers: { executor: { ...container, startedAt: T0 - 1000 } } };
  d.pass();
  assert.deepEqual(said(fails(d, 3)), ["restart"]);
});

test("after our own restart there is at least the start period", () => {
  const d = drive(policy("executor", { startPeriodMs: 60_000 }));
  fails(d, 3);
  d.settle("executor", "restarted");
  fails(d, 3);
  assert.equal(d.state.services.executor!.failures, 0);
  assert.equal(d.state.services.executor!.status, "verifying");
});
