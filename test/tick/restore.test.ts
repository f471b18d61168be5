import assert from "node:assert/strict";
import { test } from "node:test";
import { transition } from "../../src/core/transition.ts";
import { restoreState } from "../../src/state/restore.ts";
import { drive, policy, T0 } from "../core/drive.ts";

function troubled() {
  const d = drive(policy("executor"), policy("monitor", { container: "" }));
  for (let i = 0; i < 3; i++) d.fail();
  return d;
}

const JUNK: unknown[] = [null, 7, "x", true, [], {}, [7], [null], { at: "x" }];

test("a state that was saved is restored as it was", () => {
  const { state } = troubled();
  assert.deepEqual(restoreState({ loaded: JSON.parse(JSON.stringify({ version: 1, ...state })) }), { state });
});

test("whatever any one field of a state file holds, the watchdog starts and ticks", () => {
  const paths: (string | number)[][] = [];
  const walk = (value: unknown, path: (string | number)[]): void => {
    if (path.length > 0) paths.push(path);
    if (typeof value !== "object" || value === null) return;
    for (const key of Object.keys(value)) walk((value as Record<string, unknown>)[key], [...path, key]);
  };
  const { state } = troubled();
  walk(state, []);
  assert.ok(paths.length > 60, `only ${paths.length} fields`);
  const policies = new Map(["executor", "monitor"].map((name) => [name, policy(name)]));
  for (const path of paths) {
    for (const junk of JUNK) {
      const loaded = JSON.parse(JSON.stringify(state));
      let at = loaded;
      for (const key of path.slice(0, -1)) at = at[key];
      at[path.at(-1)!] = junk;
      let next = restoreState({ loaded }).state;
      const verdicts = { executor: { ok: false, reason: "x" }, monitor: { ok: true, reason: "x" } };
      for (const event of [
        { type: "loaded" },
        { type: "checked", verdicts },
        { type: "checked", verdicts },
      ] as const) {
        next = transition(next, event, { policies, moment: { now: T0, id: "x" } }).state;
      }
      const statuses = Object.values(next.services).map(({ status }) => status);
      assert.equal(statuses.length, 2, `${path.join(".")} = ${JSON.stringify(junk)}`);
    }
  }
});

test("records that make no sense are dropped, and said", () => {
  const { state, trouble } = restoreState({ loaded: { services: { a: 5, b: { status: "fine" } } } });
  assert.deepEqual(Object.keys(state.services), []);
  assert.match(trouble!, /records of a, b/);
});
