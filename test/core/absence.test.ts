/** An engine that is away is told once, whoever finds out first. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { draw } from "../../src/core/seeded-random.ts";
import { type Drive, drive, policy } from "./drive.ts";

const failed = (d: Drive, reason: string | null) =>
  told(d.send({ type: "trouble", trouble: "discovery", reason, tried: "find services" }));
const told = (effects: Drive["effects"]) =>
  effects.flatMap((effect) => (effect.type === "alert" ? [effect.alert.params.success] : []));

test("containers that cannot be listed are told at the second look, and their end once", () => {
  const d = drive(policy("executor"));
  assert.deepEqual(failed(d, "no engine"), []);
  assert.deepEqual(failed(d, "no engine"), [false]);
  assert.deepEqual(failed(d, "no engine"), []);
  assert.deepEqual(failed(d, null), [true]);
});

test("a look that failed once is told to nobody, and neither is its end", () => {
  const d = drive(policy("executor"));
  assert.deepEqual([...failed(d, "no engine"), ...failed(d, null)], []);
});

test("where the brake has told that the engine is away, the looks that fail tell nothing until it opens", () => {
  const d = drive(policy("executor"));
  failed(d, "no engine");
  d.around = { engineFault: "connection refused" };
  assert.deepEqual(told(d.fail("executor")), [false]);
  assert.deepEqual([...failed(d, "no engine"), ...failed(d, "no engine")], []);
  d.around = { engineFault: null };
  assert.deepEqual(told(d.pass("executor")), [true]);
  assert.deepEqual(failed(d, null), []);
});

test("the next process goes on with what the one before found out", () => {
  const d = drive(policy("executor"));
  failed(d, "no engine");
  failed(d, "no engine");
  assert.deepEqual(told(d.send({ type: "loaded" })), []);
  assert.deepEqual(failed(d, "no engine"), []);
  assert.deepEqual(failed(d, null), [true]);
});

const BLOCKED = { ok: null, reason: "the engine does not answer", blocked: true } as const;

test("in whatever order checks, looks and the brake find out, people know of it once at a time, and at last of its end", () => {
  let draws = 0;
  const random = () => draw(`absence ${draws++}`);
  for (let world = 0; world < 300; world++) {
    const d = drive(policy("web"), policy("executor"));
    d.pass();
    let known = 0;
    const hear = (alerts: boolean[]) => {
      for (const success of alerts) known += success ? -1 : 1;
      assert.ok(known === 0 || known === 1, `world ${world}: ${known} are told at once`);
    };
    for (let step = 0; step < 30; step++) {
      d.wait(15_000);
      const isLast = step >= 28;
      const [looks, asks, fails] = [random(), random(), random()].map((x) => !isLast && x < 0.6);
      hear(failed(d, looks ? "no engine" : null));
      d.around = fails ? { engineFault: "connection refused" } : { engineFault: null };
      const executor = fails ? { ok: false, reason: "HTTP 503" } : { ok: true, reason: "HTTP 200" };
      hear(told(d.check({ web: asks ? BLOCKED : { ok: true, reason: "HTTP 200" }, executor })));
    }
    assert.equal(known, 0, `world ${world}: an end is missing`);
    assert.equal(d.state.brake, null);
  }
});
