import assert from "node:assert/strict";
import { test } from "node:test";
import { dueServices, nextDueInMs } from "../../src/core/due.ts";
import { backoffMs } from "../../src/core/restart.ts";
import { draw } from "../../src/core/seeded-random.ts";
import { drive, policy, said } from "./drive.ts";

const BACKOFF = { baseMs: 10_000, capMs: 300_000, jitter: 0 };

test("the first restart waits for nothing, then 10 s doubling to 300 s", () => {
  const waits = [0, 1, 2, 3, 4, 5, 6, 7, 50].map((level) => backoffMs(BACKOFF, level, "seed") / 1000);
  assert.deepEqual(waits, [0, 10, 20, 40, 80, 160, 300, 300, 300]);
});

test("jitter moves a wait by at most its share, both ways, and never the same for all", () => {
  const waits = Array.from({ length: 1000 }, (_, i) => backoffMs({ ...BACKOFF, jitter: 0.2 }, 3, `s${i}`));
  assert.ok(Math.min(...waits) >= 32_000 && Math.min(...waits) < 33_000);
  assert.ok(Math.max(...waits) <= 48_000 && Math.max(...waits) > 47_000);
});

test("draws are spread evenly over [0, 1), also for near seeds", () => {
  const buckets = new Array(10).fill(0);
  for (let i = 0; i < 10_000; i++) buckets[Math.floor(draw(`service-${i}`) * 10)]++;
  for (const count of buckets) assert.ok(count > 850 && count < 1150, `a bucket holds ${count}`);
});

/** Heals and falls again for ever: 3 failures, a restart that helps, 2 passes. */
function flap(rounds: number, changes = {}) {
  const d = drive(policy("executor", changes));
  const restarts: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < 5; i++) {
      d.wait(15_000);
      const effects = i < 3 ? d.fail() : d.pass();
      if (said(effects).includes("restart")) {
        restarts.push(d.now);
        d.settle("executor", "restarted");
      }
    }
  }
  return { d, restarts };
}

test("a flapping service trips the budget, and people are told once that it is held", () => {
  const { d, restarts } = flap(20);
  for (const at of restarts) {
    const window = restarts.filter((other) => other > at - 600_000 && other <= at);
    assert.ok(window.length <= 5, `${window.length} restarts in 10 min`);
  }
  assert.equal(restarts.length, 5);
  const { hold, budgetSpentAt } = d.state.services.executor!;
  assert.ok(budgetSpentAt > 0);
  assert.equal(hold, null, "it is healthy at the end of a round, so nothing is held just now");
});

test("without a budget the backoff's cap is the only limit", () => {
  const { restarts } = flap(20, { budget: null });
  assert.ok(restarts.length > 5);
});

test("backoff and budget are forgotten after a stable time, and not before", () => {
  const { d } = flap(8);
  const passes = (seconds: number) => {
    for (let i = 0; i < seconds; i += 15) {
      d.wait(15_000);
      d.pass();
    }
  };
  passes(540);
  assert.ok(d.state.services.executor!.budgetSpentAt > 0);
  passes(75);
  const { budgetSpentAt, backoffLevel } = d.state.services.executor!;
  assert.deepEqual({ budgetSpentAt, backoffLevel }, { budgetSpentAt: 0, backoffLevel: 0 });
});

test("a crash loop that nothing heals is told once as DOWN and once as given up", () => {
  const d = drive(policy("executor"));
  for (let i = 0; i < 120; i++) {
    d.wait(15_000);
    if (said(d.fail()).includes("restart")) d.settle("executor", "restarted");
  }
  const alerts = said(d.effects).filter((word) => word !== "restart");
  assert.deepEqual(alerts, ["DOWN/restart/3", "FAILURE/restart/3"]);
  assert.equal(d.state.services.executor!.hold?.kind, "budget");
});

test("budget and backoff outlive the watchdog's own restart", () => {
  const { d } = flap(8);
  const before = d.state.services.executor!;
  d.state = JSON.parse(JSON.stringify(d.state));
  d.send({ type: "loaded" });
  assert.deepEqual(d.state.services.executor, before);
});

test("an impatient scheduler does not make three failures of one", () => {
  const d = drive(policy("executor"));
  const policies = new Map([["executor", policy("executor")]]);
  d.fail();
  assert.deepEqual(dueServices(d.state, policies, d.now + 50), []);
  assert.equal(nextDueInMs(d.state, policies, d.now + 50), 13_950);
  assert.deepEqual(dueServices(d.state, policies, d.now + 14_000), ["executor"]);
});

test("a clock that was set back an hour does not put the next check off for an hour", () => {
  const d = drive(policy("executor"));
  const policies = new Map([["executor", policy("executor")]]);
  d.pass();
  assert.ok(nextDueInMs(d.state, policies, d.now - 3_600_000) <= 15_000);
});

test("the first checks of many are spread over the first interval, and each keeps its own time", () => {
  const many = Array.from({ length: 1000 }, (_, i) => policy(`service-${i}`));
  const policies = new Map(many.map((one) => [one.name, one]));
  const d = drive(...many);
  const perSlice: number[] = [];
  for (let slice = 0; slice < 20; slice++) {
    const due = dueServices(d.state, policies, d.now, true);
    perSlice.push(due.length);
    if (due.length > 0) d.pass(...due);
    d.wait(1500);
  }
  const [first, ...rest] = perSlice.slice(0, 10);
  assert.ok(first! < 10, `${first} at once`);
  for (const count of rest) assert.ok(count > 60 && count < 140, `${count} in one slice`);
  const total = perSlice.slice(0, 11).reduce((sum, count) => sum + count, 0);
  assert.ok(total >= 1000, `only ${total} in the first interval`);
});

test("a faster interval holds while in doubt, and only then", () => {
  const quick = policy("executor", { fastIntervalMs: 2000 });
  const d = drive(quick);
  const policies = new Map([["executor", quick]]);
  d.pass();
  assert.deepEqual(dueServices(d.state, policies, d.now + 2000), []);
  d.fail();
  assert.deepEqual(dueServices(d.state, policies, d.now + 2000), ["executor"]);
});

test("a restarter that cannot work is the watchdog's trouble: told once, and once when it is over", () => {
  const d = drive(policy("executor"), policy("monitor"));
  for (let i = 0; i < 3; i++) d.fail();
  d.settle("executor", "failed", "engine_unreachable");
  d.settle("monitor", "failed", "engine_unreachable");
  assert.deepEqual(Object.keys(d.state.troubles), ["restarter"]);
  d.wait(60_000);
  d.fail("executor");
  d.settle("executor", "restarted");
  assert.deepEqual(Object.keys(d.state.troubles), []);
  const failures = d.effects.flatMap((e) =>
    e.type === "alert" && e.alert.event_type === "WATCHDOG_FAILURE" ? [e.alert.params.success] : [],
  );
  assert.deepEqual(failures, [false, true]);
});

test("every alert id is its own, and fit for a signature", () => {
  const { d } = flap(20);
  const ids = d.effects.flatMap((effect) => (effect.type === "alert" ? [effect.alert.id] : []));
  assert.ok(ids.length > 10);
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^evt_[a-z0-9]+$/);
});

test("incidents of one moment have ids of their own", () => {
  const d = drive(...["a", "b", "c"].map((name) => policy(name)));
  d.fail();
  const ids = Object.values(d.state.services).map(({ outage }) => outage!.id);
  assert.equal(new Set(ids).size, 3);
});

test("a container that started after the order tells that a restart was made whose end nobody saw", () => {
  const d = drive(policy("executor"));
  for (let i = 0; i < 3; i++) d.fail();
  d.settle("executor", "unknown");
  d.wait(15_000);
  d.around = { containers: { executor: { id: "aaa", build: "", startedAt: d.now - 5000 } } };
  assert.deepEqual(said(d.pass()), ["RECOVERED/restart/3"]);
});

test("a transition changes nothing in place", () => {
  const d = drive(policy("executor"));
  const freeze = (value: unknown): void => {
    if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
    Object.freeze(value);
    for (const one of Object.values(value)) freeze(one);
  };
  for (let i = 0; i < 4; i++) {
    freeze(d.state);
    d.fail();
  }
  freeze(d.state);
  d.settle("executor", "restarted");
  freeze(d.state);
  d.pass();
  assert.equal(d.state.services.executor!.status, "healthy");
});
