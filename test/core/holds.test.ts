import assert from "node:assert/strict";
import { test } from "node:test";
import type { KnownContainer } from "../../src/core/container.ts";
import type { Effect } from "../../src/core/event.ts";
import { explain } from "../../src/core/explain.ts";
import type { ServicePolicy } from "../../src/core/policy.ts";
import type { HoldKind } from "../../src/core/state.ts";
import { type Drive, drive, policy, said, T0 } from "./drive.ts";

const HOUR_MS = 3_600_000;
const container: KnownContainer = { id: "aaa", build: "image:1", startedAt: 1 };

function fails(d: Drive, count: number): Effect[] {
  const effects: Effect[] = [];
  for (let i = 0; i < count; i++) {
    d.wait(15_000);
    effects.push(...d.fail());
  }
  return effects;
}

const pause = (d: Drive, service: string, untilAt?: number) =>
  d.send({
    type: "operator",
    request: { action: "pause", service, origin: "anna", ...(untilAt === undefined ? {} : { untilAt }) },
  });

/** [kind, policy, what brings it about, whether DOWN is told, what the reason says] */
const HOLDS: [HoldKind, Partial<ServicePolicy>, (d: Drive) => void, boolean, RegExp][] = [
  [
    "paused",
    {},
    (d) => pause(d, "executor", T0 + HOUR_MS),
    false,
    /paused by anna until 2026-11-23 19:00 UTC/,
  ],
  ["paused", {}, (d) => pause(d, ""), false, /paused by anna, until "resume"/],
  [
    "maintenance",
    {},
    (d) => {
      d.maintenance = { executor: T0 + HOUR_MS };
    },
    false,
    /maintenance window until 2026-11-23 19:00 UTC/,
  ],
  [
    "paused",
    { respectManualStop: true },
    (d) => {
      d.around = { containers: { executor: { ...container, stoppedByHand: "stopped by docker stop" } } };
    },
    false,
    /stopped by docker stop, and respectManualStop is on: start spreadpilot-executor/,
  ],
  [
    "paused",
    { respectManualStop: true },
    (d) => {
      d.around = { late: true };
    },
    false,
    /took too long to say whether a person stopped spreadpilot-executor/,
  ],
  [
    "brake",
    {},
    (d) => {
      d.around = { engineFault: "connection refused" };
    },
    false,
    /the brake holds all restarts: the container engine does not answer/,
  ],
  [
    "brake",
    {},
    (d) => {
      d.around = { networkFault: "no answer in 2 s" };
    },
    false,
    /own network seems to be down/,
  ],
  ["dry-run", { dryRun: true }, () => {}, true, /dry run: spreadpilot-executor would be restarted now/],
];

for (const [kind, changes, bring, told, reason] of HOLDS) {
  test(`${kind} holds a restart and says why: ${reason.source.slice(0, 40)}`, () => {
    const d = drive(policy("executor", changes));
    bring(d);
    const effects = fails(d, 5);
    assert.ok(!said(effects).includes("restart"), "it was restarted");
    const service = d.state.services.executor!;
    assert.equal(service.hold?.kind, kind);
    assert.match(service.hold!.reason, reason);
    const downs = said(d.effects).filter((word) => word.startsWith("DOWN"));
    assert.equal(downs.length, told ? 1 : 0);
    const { why } = explain(policy("executor", changes), service, d.now);
    assert.match(why, reason, "the explanation is the same sentence");
  });
}

test("a pause ends at its time, and the service is then restarted", () => {
  const d = drive(policy("executor"));
  pause(d, "executor", T0 + 60_000);
  assert.ok(!said(fails(d, 3)).includes("restart"));
  assert.deepEqual(said(fails(d, 1)), ["restart"]);
});

test("resume ends a pause at once, for one or for all", () => {
  for (const service of ["executor", ""]) {
    const d = drive(policy("executor"));
    pause(d, service);
    fails(d, 4);
    d.send({ type: "operator", request: { action: "resume", service, origin: "anna" } });
    assert.deepEqual(said(fails(d, 1)), ["restart"]);
  }
});

test("a container that a person stopped and started again counts its failures afresh", () => {
  const d = drive(policy("executor", { respectManualStop: true }));
  d.around = { containers: { executor: { ...container, stoppedByHand: "stopped by docker stop" } } };
  fails(d, 6);
  d.around = { containers: { executor: container } };
  assert.deepEqual(said(fails(d, 2)), []);
  assert.deepEqual(said(fails(d, 1)), ["restart"]);
});

test("an outage in a maintenance window that ends by itself is not told", () => {
  const d = drive(policy("executor"));
  d.maintenance = { executor: T0 + HOUR_MS };
  fails(d, 4);
  d.pass();
  assert.deepEqual(said(d.effects), []);
});

test("an outage that outlives the window is acted upon and told", () => {
  const d = drive(policy("executor", { container: "" }));
  d.maintenance = { executor: T0 + 61_000 };
  fails(d, 4);
  d.maintenance = {};
  assert.deepEqual(said(fails(d, 1)), ["DOWN/none/5"]);
});

test("resume gives a new budget; so does a new image", () => {
  const ways: [string, (d: Drive) => void][] = [
    [
      "resume",
      (d) => d.send({ type: "operator", request: { action: "resume", service: "executor", origin: "anna" } }),
    ],
    [
      "new image",
      (d) => {
        d.around = { containers: { executor: { ...container, build: "image:2" } } };
      },
    ],
  ];
  for (const [name, way] of ways) {
    const d = drive(policy("executor", { budget: { restarts: 1, windowMs: HOUR_MS } }));
    d.around = { containers: { executor: container } };
    fails(d, 3);
    d.settle("executor", "restarted");
    assert.ok(!said(fails(d, 10)).includes("restart"), `${name}: the budget holds`);
    assert.equal(d.state.services.executor!.hold?.kind, "budget");
    way(d);
    assert.ok(said(fails(d, 1)).includes("restart"), `${name}: it is restarted again`);
  }
});

test("a restart that a person asks for follows the policy, unless it is forced", () => {
  const d = drive(policy("executor"));
  d.pass();
  pause(d, "executor");
  const ask = (force: boolean) =>
    d.send({ type: "operator", request: { action: "restart", service: "executor", origin: "anna", force } });
  const refused = ask(false);
  assert.deepEqual(said(refused), []);
  assert.match(JSON.stringify(refused), /is not restarted: paused by anna/);
  assert.deepEqual(said(ask(true)), ["restart"]);
  assert.match(JSON.stringify(ask(true)), /a restart is under way/);
  const asked = d.state.actions.map(({ action, origin, forced }) => [action, origin, forced]);
  assert.deepEqual(asked, [
    ["pause", "anna", undefined],
    ["restart", "anna", undefined],
    ["restart", "anna", true],
    ["restart", "anna", true],
  ]);
});

test("a restart of a healthy service by a person is verified, and tells nobody", () => {
  const d = drive(policy("executor"));
  d.pass();
  d.send({ type: "operator", request: { action: "restart", service: "executor", origin: "anna" } });
  d.settle("executor", "restarted");
  assert.equal(d.state.services.executor!.status, "verifying");
  d.pass();
  assert.deepEqual(said(d.effects), ["restart"]);
});

test("an unknown service is refused by its name", () => {
  const d = drive(policy("executor"));
  const effects = d.send({ type: "operator", request: { action: "pause", service: "exec", origin: "anna" } });
  assert.match(JSON.stringify(effects), /there is no service \\"exec\\"/);
});

test("the brake closes on correlated failure, tells it once, and counts afresh when it opens", () => {
  const names = ["a", "b", "c", "d"];
  const d = drive(...names.map((name) => policy(name)));
  d.brake = { share: 0.5, min: 3, windowMs: 60_000 };
  const all = (down: string[], times: number) => {
    const effects: Effect[] = [];
    for (let i = 0; i < times; i++) {
      d.wait(15_000);
      effects.push(...d.see(down));
    }
    return effects;
  };
  all([], 1);
  assert.deepEqual(said(all(["a", "b", "c"], 10)), ["FAILURE/none/0"]);
  assert.equal(d.state.brake?.kind, "correlated");
  assert.deepEqual(
    said(all(["a"], 1)).filter((word) => word.startsWith("FAILURE")),
    ["FAILURE/none/0"],
  );
  assert.equal(d.state.brake, null);
  assert.deepEqual(said(all(["a"], 2)), [], "what failed under the brake is counted afresh");
  assert.deepEqual(said(all(["a"], 1)), ["restart"]);
});

test("without the setting, many failures at once are healed as ever", () => {
  const d = drive(...["a", "b", "c"].map((name) => policy(name)));
  assert.deepEqual(said(fails(d, 3)), ["restart", "restart", "restart"]);
});

test("what follows from one cause does not close the brake", () => {
  const d = drive(
    policy("database"),
    ...["a", "b", "c"].map((name) => policy(name, { dependsOn: ["database"] })),
  );
  d.brake = { share: 0.5, min: 2, windowMs: 60_000 };
  assert.deepEqual(said(fails(d, 3)), ["restart"]);
  assert.equal(d.state.brake, null);
});

test("the engine's brake opens only when the engine was seen to answer", () => {
  const d = drive(policy("executor"));
  d.around = { engineFault: "connection refused" };
  fails(d, 3);
  d.around = {};
  fails(d, 3);
  assert.equal(d.state.brake?.kind, "engine");
  d.around = { engineFault: null };
  fails(d, 1);
  assert.equal(d.state.brake, null);
  assert.deepEqual(said(d.effects), ["FAILURE/none/0", "FAILURE/none/0"]);
});
