/** Restarts that could not even be tried: told and spaced as others, and not taken from the budget. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { explain } from "../../src/core/explain.ts";
import { budgetLeft } from "../../src/core/holds.ts";
import { boundRecords } from "../../src/core/restart.ts";
import type { RestartRecord } from "../../src/core/state.ts";
import { restoreState } from "../../src/state/restore.ts";
import { type Drive, drive, policy, said } from "./drive.ts";

const REASON = "permission denied on the Docker socket";

/** Fails for so many checks; every restart ends as `end` says. Answers when restarts were ordered. */
function failing(
  d: Drive,
  checks: number,
  end: { outcome: "failed" | "restarted"; untried?: true },
): number[] {
  const ordered: number[] = [];
  for (let n = 0; n < checks; n++) {
    d.wait(15_000);
    if (!said(d.fail()).includes("restart")) continue;
    ordered.push(d.now);
    d.send({ type: "settled", outcomes: { executor: { ...end, reason: REASON } } });
  }
  return ordered;
}

const untried = { outcome: "failed", untried: true } as const;
const of = (d: Drive) => d.state.services.executor!;

test("an hour of restarts that could not be tried costs no budget, is spaced by the backoff and told once", () => {
  const one = policy("executor");
  const d = drive(one);
  const ordered = failing(d, 240, untried);
  const gaps = ordered.slice(1).map((at, n) => Math.round((at - ordered[n]!) / 1000));
  assert.deepEqual(gaps.slice(0, 6), [15, 30, 45, 90, 165, 300], "10 s doubling, at the next check");
  assert.ok(gaps.slice(6).every((gap) => gap === 300) && gaps.length > 10, gaps.join(" "));
  assert.equal(explain(one, of(d), d.now).budgetLeft, 5);
  assert.equal(of(d).budgetSpentAt, 0);
  assert.deepEqual(
    said(d.effects).filter((word) => word !== "restart"),
    ["DOWN/restart/3"],
  );
  const [down] = d.effects.flatMap((effect) => (effect.type === "alert" ? [effect.alert.message] : []));
  assert.match(down!, /the restart of spreadpilot-executor failed: permission denied/);
});

test("when it can be tried again, the whole budget is there", () => {
  const d = drive(policy("executor", { budget: { restarts: 5, windowMs: 3_600_000 } }));
  failing(d, 100, untried);
  const ordered = failing(d, 400, { outcome: "restarted" });
  assert.equal(ordered.length, 5);
  assert.equal(of(d).hold?.kind, "budget");
});

test("those in between do not make the budget forget the ones that were made", () => {
  const d = drive(policy("executor", { backoff: { baseMs: 1000, capMs: 1000, jitter: 0 } }));
  const made = failing(d, 12, { outcome: "restarted" }).length;
  assert.equal(made, 4);
  failing(d, 10, untried);
  assert.equal(budgetLeft({ restarts: 5, windowMs: 600_000 }, of(d), d.now), 1);
  assert.equal(failing(d, 12, { outcome: "failed" }).length, 1);
  assert.equal(of(d).hold?.kind, "budget");
});

test("in any order, the last that count outlive those that do not, and the record stays short", () => {
  for (let seed = 0; seed < 1 << 12; seed++) {
    let records: readonly RestartRecord[] = [];
    const tried: number[] = [];
    for (let n = 0; n < 12; n++) {
      const ordered: RestartRecord = { at: n, outcome: "pending", reason: "" };
      records = boundRecords([...records, ordered], 5);
      if ((seed >> n) & 1) tried.push(n);
      else records = records.with(-1, { ...ordered, outcome: "failed", untried: true });
      const kept = records.filter((record) => !record.untried).map(({ at }) => at);
      assert.equal(records.length, Math.min(n + 1, 5));
      assert.equal(records.at(-1)!.at, n, "the newest is always kept");
      // With five that count there is no further order; the last four of them must not be forgotten.
      assert.deepEqual(kept.slice(-4), tried.slice(-4), `seed ${seed}, ${n}`);
    }
  }
});

test("people are told of no restart that was not made", () => {
  const d = drive(policy("executor", { remindEveryMs: 60_000 }));
  failing(d, 20, untried);
  d.pass();
  const messages = d.effects.flatMap((effect) => (effect.type === "alert" ? [effect.alert.message] : []));
  assert.match(messages.at(-2)!, /still down after .*, 0 restarts tried/);
  assert.match(messages.at(-1)!, /recovered by itself after 20 failed checks/);
});

test("a state of 0.1.0, which knows no such mark, counts as it did", () => {
  const d = drive(policy("executor"));
  failing(d, 200, { outcome: "failed" });
  const loaded = JSON.parse(JSON.stringify({ ...d.state, version: 1 }));
  assert.equal(JSON.stringify(loaded).includes("untried"), false);
  const { state } = restoreState({ loaded });
  assert.deepEqual(state.services.executor!.restarts, of(d).restarts);
  assert.equal(of(d).hold?.kind, "budget");
});
