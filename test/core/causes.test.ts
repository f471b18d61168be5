import assert from "node:assert/strict";
import { test } from "node:test";
import type { KnownContainer } from "../../src/core/container.ts";
import type { Effect } from "../../src/core/event.ts";
import { dependencyOrder } from "../../src/core/topology.ts";
import { type Drive, drive, policy, said } from "./drive.ts";

const container = (id: string, changes: Partial<KnownContainer> = {}): KnownContainer => ({
  id,
  build: "image:1",
  startedAt: 1,
  ...changes,
});

const restartsOf = (effects: readonly Effect[]) =>
  effects.flatMap((effect) => (effect.type === "restart" ? [effect.order.service] : []));

const toldOf = (d: Drive) =>
  d.effects.flatMap((effect) =>
    effect.type === "alert"
      ? [`${effect.alert.event_type.replace("COMPONENT_", "")} ${effect.alert.params.component_name}`]
      : [],
  );

function rounds(d: Drive, count: number, down: string[]): Effect[] {
  const effects: Effect[] = [];
  for (let i = 0; i < count; i++) {
    d.wait(15_000);
    effects.push(...d.see(down));
  }
  return effects;
}

test("a database falls, three services follow: one restart heals all four, and one outage is told", () => {
  const services = ["api", "web", "jobs"].map((name) => policy(name, { dependsOn: ["database"] }));
  const d = drive(...services, policy("database"));
  rounds(d, 1, []);
  const effects = rounds(d, 4, ["database", "api", "web", "jobs"]);
  assert.deepEqual(restartsOf(effects), ["database"]);
  for (const name of ["api", "web", "jobs"]) {
    const { hold, outage } = d.state.services[name]!;
    assert.equal(hold?.kind, "dependency");
    assert.match(hold!.reason, /waiting for Database, which is restarting/);
    assert.equal(outage?.cause, "database");
  }
  d.settle("database", "restarted");
  rounds(d, 1, ["api", "web", "jobs"]);
  rounds(d, 1, []);
  assert.deepEqual(toldOf(d), ["RECOVERED database"]);
  for (const { status } of Object.values(d.state.services)) assert.equal(status, "healthy");
});

test("once the cause is healthy, dependents count afresh, and those that still fail get their turn", () => {
  const d = drive(policy("database"), policy("api", { dependsOn: ["database"] }));
  rounds(d, 3, ["database", "api"]);
  d.settle("database", "restarted");
  rounds(d, 1, ["api"]);
  assert.equal(d.state.services.database!.status, "healthy");
  assert.deepEqual(restartsOf(rounds(d, 2, ["api"])), []);
  assert.deepEqual(restartsOf(rounds(d, 1, ["api"])), ["api"]);
});

test("a dependency in doubt holds its dependents, before it has reached its own threshold", () => {
  const d = drive(policy("database", { failureThreshold: 5 }), policy("api", { dependsOn: ["database"] }));
  assert.deepEqual(restartsOf(rounds(d, 4, ["database", "api"])), []);
  assert.equal(d.state.services.api!.hold?.kind, "dependency");
});

test("the root cause is named, however long the chain", () => {
  const d = drive(
    policy("web", { dependsOn: ["api"] }),
    policy("api", { dependsOn: ["database"] }),
    policy("database", { container: "" }),
  );
  rounds(d, 3, ["web", "api", "database"]);
  assert.match(d.state.services.web!.hold!.reason, /waiting for Database, which is down/);
  assert.deepEqual(toldOf(d), ["DOWN database"]);
});

test("a dependent that falls by itself is restarted as ever", () => {
  const d = drive(policy("database"), policy("api", { dependsOn: ["database"] }));
  assert.deepEqual(restartsOf(rounds(d, 3, ["api"])), ["api"]);
});

test("a service is judged after what it depends on, in a chain of thousands too", () => {
  const chain = Array.from({ length: 5000 }, (_, i) =>
    policy(`s${i}`, { dependsOn: i < 4999 ? [`s${i + 1}`] : [] }),
  );
  const order = dependencyOrder(new Map(chain.map((one) => [one.name, one])));
  assert.equal(order[0], "s4999");
  assert.equal(order.at(-1), "s0");
});

test("a child in a parent's network namespace is restarted after it, even if it looks well", () => {
  const d = drive(policy("vpn"), policy("torrent"));
  d.around = {
    containers: { vpn: container("aaa"), torrent: container("bbb", { networkParent: "aaa" }) },
  };
  rounds(d, 1, []);
  assert.deepEqual(restartsOf(rounds(d, 3, ["vpn"])), ["vpn"]);
  assert.deepEqual(restartsOf(d.settle("vpn", "restarted")), ["torrent"]);
  assert.equal(d.state.services.torrent!.status, "restarting");
  assert.equal(d.state.services.torrent!.restart!.along, "vpn");
  d.settle("torrent", "restarted");
  rounds(d, 1, []);
  assert.equal(d.state.services.torrent!.status, "healthy");
  assert.deepEqual(toldOf(d), ["RECOVERED vpn"]);
});

test("a child that failed a check before it was restarted along recovers in silence", () => {
  const d = drive(policy("vpn"), policy("torrent"));
  d.around = {
    containers: { vpn: container("aaa"), torrent: container("bbb", { networkParent: "aaa" }) },
  };
  rounds(d, 1, []);
  rounds(d, 2, ["vpn"]);
  rounds(d, 1, ["vpn", "torrent"]);
  d.settle("vpn", "restarted");
  d.settle("torrent", "restarted");
  rounds(d, 1, []);
  assert.deepEqual(toldOf(d), ["RECOVERED vpn"]);
});

test("a child whose parent is down waits for it", () => {
  const d = drive(policy("torrent"), policy("vpn"));
  d.around = {
    containers: { vpn: container("aaa"), torrent: container("bbb", { networkParent: "aaa" }) },
  };
  assert.deepEqual(restartsOf(rounds(d, 3, ["vpn", "torrent"])), ["vpn"]);
});

test("restartWith names those restarted along, and two that name each other do not loop", () => {
  const d = drive(policy("a", { restartWith: ["b"] }), policy("b", { restartWith: ["a"] }));
  rounds(d, 1, []);
  rounds(d, 3, ["a"]);
  assert.deepEqual(restartsOf(d.settle("a", "restarted")), ["b"]);
  assert.deepEqual(restartsOf(d.settle("b", "restarted")), []);
});

test("a follower that is paused, or has spent its budget, is not restarted along", () => {
  const d = drive(policy("a", { restartWith: ["b"] }), policy("b"));
  rounds(d, 1, []);
  d.send({ type: "operator", request: { action: "pause", service: "b", origin: "anna" } });
  rounds(d, 3, ["a"]);
  assert.deepEqual(restartsOf(d.settle("a", "restarted")), []);
  assert.equal(d.state.services.b!.status, "healthy");
});

test("restarts made along count for the follower's budget", () => {
  const d = drive(
    policy("a", { restartWith: ["b"], budget: null }),
    policy("b", { budget: { restarts: 2, windowMs: 3_600_000 } }),
  );
  let along = 0;
  for (let round = 0; round < 4; round++) {
    rounds(d, 30, []);
    rounds(d, 3, ["a"]);
    along += restartsOf(d.settle("a", "restarted")).length;
    if (d.state.services.b!.restart) d.settle("b", "restarted");
  }
  assert.equal(along, 2);
});

test("a follower whose restart failed is left to its checks, and told only if they fail", () => {
  const d = drive(policy("a", { restartWith: ["b"] }), policy("b"));
  rounds(d, 1, []);
  rounds(d, 3, ["a"]);
  d.settle("a", "restarted");
  d.settle("b", "failed");
  assert.equal(d.state.services.b!.status, "verifying");
  rounds(d, 1, []);
  assert.deepEqual(toldOf(d), ["RECOVERED a"]);
});

test("said words of a chain are never empty", () => {
  const d = drive(policy("database"), policy("api", { dependsOn: ["database"] }));
  rounds(d, 3, ["database", "api"]);
  assert.deepEqual(said(d.effects), ["restart"]);
});

test("a parent restarted along with its own child takes the child's network away: the child is restarted again", () => {
  const d = drive(policy("vpn"), policy("torrent", { restartWith: ["vpn"] }));
  d.around = {
    containers: { vpn: container("aaa"), torrent: container("bbb", { networkParent: "aaa" }) },
  };
  rounds(d, 1, []);
  assert.deepEqual(restartsOf(rounds(d, 3, ["torrent"])), ["torrent"]);
  assert.deepEqual(restartsOf(d.settle("torrent", "restarted")), ["vpn"]);
  assert.deepEqual(restartsOf(d.settle("vpn", "restarted")), ["torrent"]);
  assert.deepEqual(restartsOf(d.settle("torrent", "restarted")), []);
});
