import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effect } from "../../src/core/event.ts";
import type { KnownContainer } from "../../src/core/state.ts";
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
