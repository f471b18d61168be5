import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effect } from "../../src/core/event.ts";
import { type Drive, drive, policy, said } from "./drive.ts";

function fails(d: Drive, count: number): Effect[] {
  const effects: Effect[] = [];
  for (let i = 0; i < count; i++) {
    d.wait(15_000);
    effects.push(...d.fail());
  }
  return effects;
}

test("a hint of the evidence is in the alert, with the incident's id", () => {
  const d = drive(policy("executor"));
  fails(d, 3);
  d.send({
    type: "settled",
    outcomes: {
      executor: { outcome: "failed", reason: "no such image", hint: "exit 127: bad command or image" },
    },
  });
  const down = d.effects.find((effect) => effect.type === "alert");
  assert.equal(down?.type === "alert" && down.alert.params.hint, "exit 127: bad command or image");
  assert.equal(
    down?.type === "alert" && down.alert.params.incident_id,
    d.state.services.executor!.outage!.id,
  );
});

test("an outage that ends leaves an incident with what happened in it", () => {
  const d = drive(policy("executor"));
  fails(d, 3);
  d.settle("executor", "restarted");
  d.wait(15_000);
  d.pass();
  const ended = d.effects.find((effect) => effect.type === "incident");
  assert.ok(ended?.type === "incident", "there is an incident");
  const { durationMs, restarts, outcome, log } = ended.incident;
  assert.deepEqual({ durationMs, restarts }, { durationMs: 45_000, restarts: 1 });
  assert.match(outcome, /recovered after a restart/);
  assert.deepEqual(
    log.map(({ text }) => text.split(":")[0]),
    [
      "the first check failed",
      "restarting spreadpilot-executor",
      "restarted",
      "Executor recovered after a restart (down for 45 s). The failure was",
    ],
  );
});

test("an incident's record is bounded, and keeps its beginning and its end", () => {
  const d = drive(policy("executor", { budget: null, backoff: { baseMs: 0, capMs: 0, jitter: 0 } }));
  for (let i = 0; i < 100; i++) if (said(fails(d, 1)).includes("restart")) d.settle("executor", "failed");
  const { log } = d.state.services.executor!.outage!;
  assert.equal(log.length, 40);
  assert.match(log[0]!.text, /the first check failed/);
});
