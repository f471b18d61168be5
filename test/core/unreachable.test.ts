/** Services whose containers run and cannot be reached from where the watchdog is: no restart, one alert, an end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { KnownContainer, OutOfReach } from "../../src/core/container.ts";
import type { Effect } from "../../src/core/event.ts";
import { explain } from "../../src/core/explain.ts";
import type { ServicePolicy } from "../../src/core/policy.ts";
import type { Alert } from "../../src/plugin.ts";
import { type Drive, drive, policy, said, T0 } from "./drive.ts";

const SHOP: OutOfReach = {
  cause: "shop",
  reason:
    "the watchdog's container guard (network bridge) is not on the network shop: run `docker network connect shop guard`",
};
const LAN: OutOfReach = { cause: "lan", reason: "run `docker network connect lan guard`" };

type Shown = OutOfReach | "within reach" | "stopped" | "gone";

/** What the engine shows of each service's container. */
function shows(d: Drive, all: Record<string, Shown>, startedAt = T0 - 3_600_000): void {
  const containers: Record<string, KnownContainer> = {};
  for (const [name, shown] of Object.entries(all)) {
    const runs = shown === "stopped" ? {} : { runs: true as const };
    const why = typeof shown === "string" ? {} : { outOfReach: shown };
    if (shown !== "gone") containers[name] = { id: name, build: "", startedAt, ...runs, ...why };
  }
  d.around = { containers, gone: Object.keys(all).filter((name) => all[name] === "gone") };
}

const UNRESOLVED = { ok: false, reason: "unknown host executor", fault: "unresolved" } as const;

function unresolved(d: Drive, count: number, ...names: string[]): Effect[] {
  return Array.from({ length: count }).flatMap(() => {
    d.wait(15_000);
    return d.check(Object.fromEntries(names.map((name) => [name, UNRESOLVED])));
  });
}

const alerts = (effects: readonly Effect[]): Alert[] =>
  effects.flatMap((effect) => (effect.type === "alert" ? [effect.alert] : []));

test("one that runs is not restarted and not told down; one alert names the command, and one its end", () => {
  const d = drive(policy("executor"));
  shows(d, { executor: SHOP });
  assert.deepEqual(said(unresolved(d, 20, "executor")), ["FAILURE/check/0"]);
  const { hold } = d.state.services.executor!;
  assert.equal(hold?.kind, "unreachable");
  assert.match(
    hold!.reason,
    /^spreadpilot-executor is running but cannot be reached from here: .*connect shop guard`$/,
  );
  d.wait(15_000);
  assert.deepEqual(said(d.pass()), ["FAILURE/check/0"]);
  const [began, ended] = alerts(d.effects);
  assert.match(
    began!.message,
    /cannot do all of its job: Executor cannot be checked and is not restarted, because its container is running: .*`docker network connect shop guard`$/,
  );
  assert.deepEqual([began!.params.success, ended!.params.success], [false, true]);
  assert.equal(began!.params.incident_id, ended!.params.incident_id);
  assert.deepEqual(Object.keys(d.state.troubles), []);
  assert.equal(d.state.services.executor!.status, "healthy");
});

test("one that does not run is started as before, and then held without a word of being down", () => {
  const d = drive(policy("executor"));
  shows(d, { executor: "stopped" });
  assert.deepEqual(said(unresolved(d, 3, "executor")), ["restart"]);
  d.settle("executor", "restarted");
  shows(d, { executor: SHOP }, d.now);
  assert.deepEqual(said(unresolved(d, 10, "executor")), ["FAILURE/check/0"]);
  d.wait(15_000);
  assert.deepEqual(said(d.pass()), ["RECOVERED/restart/3", "FAILURE/check/0"]);
});

test("one that stops while it is held is started at its next failed check, and the trouble is over", () => {
  const d = drive(policy("executor"));
  shows(d, { executor: SHOP });
  unresolved(d, 5, "executor");
  shows(d, { executor: "stopped" });
  assert.deepEqual(said(unresolved(d, 1, "executor")), ["restart", "FAILURE/check/0"]);
});

test("one that is removed while it is held has nothing to restart, and is told down", () => {
  const d = drive(policy("executor"));
  shows(d, { executor: SHOP });
  unresolved(d, 5, "executor");
  shows(d, { executor: "gone" });
  assert.deepEqual(said(unresolved(d, 1, "executor")), ["DOWN/none/6", "FAILURE/check/0"]);
  assert.equal(d.state.services.executor!.hold?.kind, "missing");
});

test("one command is one alert, however many services need it", () => {
  const names = ["executor", "monitor", "dashboard", "feed"];
  const d = drive(...names.map((name) => policy(name)));
  shows(d, { executor: SHOP, monitor: SHOP, dashboard: LAN, feed: SHOP });
  assert.deepEqual(said(unresolved(d, 9, ...names)), ["FAILURE/check/0", "FAILURE/check/0"]);
  const [shop, lan] = alerts(d.effects).map(({ message }) => message);
  assert.match(
    shop!,
    /: Executor, Monitor and Feed cannot be checked and are not restarted, because their containers are running: .*connect shop/,
  );
  assert.match(lan!, /: Dashboard cannot be checked.*connect lan/);
  d.wait(15_000);
  assert.deepEqual(said(d.pass("executor", "monitor")), [], "one is still out of reach");
  d.wait(15_000);
  const [ended] = alerts(d.pass("feed"));
  assert.match(ended!.message, /can do its job again .* The cause was: Executor, Monitor and Feed/);
  assert.deepEqual(Object.keys(d.state.troubles), ["unreachable:lan"]);
});

test("what started or was joined between the check and the look is held, and told of only if that stays so", () => {
  const d = drive(policy("executor"));
  shows(d, { executor: "stopped" });
  unresolved(d, 2, "executor");
  shows(d, { executor: SHOP });
  assert.deepEqual(said(unresolved(d, 1, "executor")), []);
  assert.equal(d.state.services.executor!.hold?.kind, "unreachable");
  assert.deepEqual(said(unresolved(d, 1, "executor")), ["FAILURE/check/0"]);
  // The network is joined: a check that was made before finds a name that should resolve.
  shows(d, { executor: LAN });
  const [ended, ...others] = alerts(unresolved(d, 1, "executor"));
  assert.deepEqual([ended!.params.success, others], [true, []]);
  assert.match(d.state.services.executor!.hold!.reason, /connect lan/);
  d.wait(15_000);
  assert.deepEqual(said(d.pass()), []);
});

test("a check that came to the service speaks of the service, whatever was known of its networks", () => {
  const d = drive(policy("executor"));
  shows(d, { executor: SHOP });
  unresolved(d, 5, "executor");
  shows(d, { executor: "within reach" });
  d.wait(15_000);
  assert.deepEqual(
    said(d.fail()),
    ["FAILURE/check/0"],
    "the end of the trouble; HTTP 503 is the first failure",
  );
  assert.equal(d.state.services.executor!.failures, 1);
  d.wait(15_000);
  assert.deepEqual(said(d.fail()), []);
  d.wait(15_000);
  assert.deepEqual(said(d.fail()), ["restart"]);
});

test("so it does where the look is late", () => {
  const d = drive(policy("executor"));
  shows(d, { executor: SHOP });
  unresolved(d, 5, "executor");
  d.around = { late: true };
  d.wait(15_000);
  assert.deepEqual(said(d.fail()), ["FAILURE/check/0"]);
  assert.equal(d.state.services.executor!.failures, 0);
});

test("a check that was made before the network was joined does not count against the service", () => {
  for (const before of [1, 2, 3, 9]) {
    const d = drive(policy("executor"));
    shows(d, { executor: SHOP });
    unresolved(d, before, "executor");
    shows(d, { executor: "within reach" });
    assert.equal(said(unresolved(d, 1, "executor")).includes("restart"), false, `after ${before}`);
    assert.equal(d.state.services.executor!.failures, 1);
  }
});

test("a look that is late, and a check that could not be made, change nothing of what is known", () => {
  const d = drive(policy("executor"));
  shows(d, { executor: SHOP });
  unresolved(d, 4, "executor");
  d.around = { late: true };
  assert.deepEqual(said(unresolved(d, 1, "executor")), []);
  d.wait(15_000);
  assert.deepEqual(said(d.check({ executor: { ok: null, reason: "no socket" } })), []);
  assert.deepEqual(said(unresolved(d, 1, "executor")), []);
  assert.equal(d.state.services.executor!.hold?.kind, "unreachable");
  assert.deepEqual(Object.keys(d.state.troubles), ["unreachable:shop"]);
});

test("what cannot be reached closes no brake", () => {
  const names = ["a", "b", "c", "d"];
  const d = drive(...names.map((name) => policy(name)));
  d.brake = { share: 0.5, min: 2, windowMs: 60_000 };
  shows(d, { a: SHOP, b: SHOP, c: SHOP, d: "stopped" });
  assert.deepEqual(said(unresolved(d, 4, ...names)), ["restart", "FAILURE/check/0"]);
  assert.equal(d.state.brake, null);
});

test("what cannot be reached is nobody's cause: a dependent is judged by its own checks", () => {
  const d = drive(policy("database"), policy("executor", { dependsOn: ["database"] }));
  shows(d, { database: SHOP, executor: "stopped" });
  for (let n = 0; n < 4; n++) {
    d.wait(15_000);
    d.check({ database: UNRESOLVED, executor: { ok: false, reason: "HTTP 500" } });
  }
  assert.deepEqual(said(d.effects), ["restart", "FAILURE/check/0"]);
  const both = drive(policy("database"), policy("executor", { dependsOn: ["database"] }));
  shows(both, { database: SHOP, executor: SHOP });
  assert.deepEqual(said(unresolved(both, 9, "database", "executor")), ["FAILURE/check/0"]);
});

test("one in the network of another is restarted along with it: that does help", () => {
  const d = drive(policy("gate"), policy("executor"));
  d.around = {
    containers: {
      gate: { id: "gate", build: "", startedAt: 1 },
      executor: { id: "executor", build: "", startedAt: 1, networkParent: "gate", outOfReach: SHOP },
    },
  };
  for (let n = 0; n < 3; n++) {
    d.wait(15_000);
    d.check({ gate: { ok: false, reason: "HTTP 500" }, executor: UNRESOLVED });
  }
  assert.equal(d.state.services.executor!.hold?.kind, "unreachable");
  const along = d.settle("gate", "restarted").filter((effect) => effect.type === "restart");
  assert.deepEqual(
    along.map(({ order }) => order.service),
    ["executor"],
  );
});

const ask = (d: Drive, force: boolean) =>
  d.send({
    type: "operator",
    request: { action: "restart", service: "executor", origin: "anna", force },
    around: d.around,
  });

test("a person is refused with the reason, and heeded when it is forced", () => {
  const d = drive(policy("executor"));
  shows(d, { executor: SHOP });
  unresolved(d, 4, "executor");
  const refused = ask(d, false);
  const answer = refused.find((effect) => effect.type === "answer");
  assert.match(
    answer!.text,
    /Executor is not restarted: spreadpilot-executor is running but cannot be reached from here/,
  );
  assert.deepEqual(said(refused), []);
  assert.deepEqual(said(ask(d, true)), ["restart"]);
});

const SILENT: [what: string, changes: Partial<ServicePolicy>][] = [
  ["notify", { action: "notify" }],
  ["stop", { action: "stop" }],
  ["a dry run", { dryRun: true }],
];
for (const [what, changes] of SILENT) {
  test(`with ${what}, too, it is the watchdog's trouble and nobody is down`, () => {
    const d = drive(policy("executor", changes));
    shows(d, { executor: SHOP });
    assert.deepEqual(said(unresolved(d, 9, "executor")), ["FAILURE/check/0"]);
  });
}

test("a pause comes before it, and only what people see is told", () => {
  const d = drive(policy("executor"));
  d.send({ type: "operator", request: { action: "pause", service: "executor", origin: "anna" } });
  shows(d, { executor: SHOP });
  assert.deepEqual(said(unresolved(d, 5, "executor")), []);
  d.send({ type: "operator", request: { action: "resume", service: "executor", origin: "anna" } });
  assert.deepEqual(said(unresolved(d, 2, "executor")), ["FAILURE/check/0"]);
});

test("the explanation says that nothing is known of it, and what to do", () => {
  const one = policy("executor");
  const d = drive(one);
  shows(d, { executor: SHOP });
  unresolved(d, 4, "executor");
  const { why, nextRestartAt } = explain(one, d.state.services.executor!, d.now);
  assert.match(
    why,
    /^Executor cannot be checked and is not restarted \(spreadpilot-executor is running.*connect shop guard`\): 4 failed/,
  );
  assert.equal(nextRestartAt, null);
});

test("it outlives the watchdog: what was told once is not told again", () => {
  const d = drive(policy("executor"));
  shows(d, { executor: SHOP });
  unresolved(d, 4, "executor");
  d.state = JSON.parse(JSON.stringify(d.state));
  d.send({ type: "loaded" });
  assert.deepEqual(said(unresolved(d, 4, "executor")), []);
  d.wait(15_000);
  assert.deepEqual(said(d.pass()), ["FAILURE/check/0"]);
});
