/** The table of holds: its order, what it says, and what the documentation says about it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { openDraft } from "../../src/core/context.ts";
import type { Surroundings, World } from "../../src/core/event.ts";
import { explain } from "../../src/core/explain.ts";
import { followerHold, HOLDS, holdNow, silentHold, standingHold } from "../../src/core/holds.ts";
import type { ServicePolicy } from "../../src/core/policy.ts";
import type { Outage, ServiceState, WatchdogState } from "../../src/core/state.ts";
import { emptyState, newService } from "../../src/core/state.ts";
import { drive, policy, said, T0 } from "./drive.ts";

const HOUR_MS = 3_600_000;

test("docs/healing.md has the rows of the table, in its order", () => {
  const text = readFileSync(new URL("../../docs/healing.md", import.meta.url), "utf8");
  const lines = text.slice(text.indexOf("| hold |")).split("\n");
  const rows = lines.slice(
    2,
    lines.findIndex((line) => !line.startsWith("|")),
  );
  const documented = rows.map((row) => {
    const cells = row.split("|").map((cell) => cell.trim());
    return { kind: cells[1]!.replaceAll("`", ""), told: cells[4]!.startsWith("yes") };
  });
  assert.deepEqual(
    documented,
    HOLDS.map(({ kind, told }) => ({ kind, told })),
  );
});

/** A world in which every rule holds the service, and how each of them ends, in the order of the table. */
interface Held {
  state: WatchdogState;
  world: World;
  around: Surroundings;
  policy: ServicePolicy;
  service: ServiceState;
}

function heldByAll(): Held {
  const held = policy("executor", {
    respectManualStop: true,
    dependsOn: ["database"],
    dryRun: true,
    budget: { restarts: 1, windowMs: HOUR_MS },
  });
  const service: ServiceState = {
    ...newService(T0 - HOUR_MS),
    lastCheck: { at: T0, ok: false, reason: "no such host", fault: "unresolved" },
    pause: { sinceAt: T0, origin: "anna" },
    container: {
      id: "aaa",
      build: "image:1",
      startedAt: 1,
      stoppedByHand: "stopped by docker stop",
      outOfReach: { cause: "lan", reason: "it is on the network lan" },
      stoppedFor: "stopped by docker stop, for a backup",
      absence: "created",
      engineRestarts: { policy: "always", count: 7, isDue: true, advice: "read its log" },
      restartSeries: { fromCount: 2, count: 7, sinceAt: T0 - 60_000, grewAt: T0, seenAt: T0 },
    },
    restarts: [{ at: T0, outcome: "unknown", reason: "its time was up" }],
    notBeforeAt: T0 + 60_000,
  };
  const policies = new Map([held, policy("database")].map((one) => [one.name, one]));
  return {
    state: { ...emptyState(), brake: { kind: "engine", sinceAt: T0, reason: "connection refused" } },
    world: { policies, moment: { now: T0, id: "" }, maintenance: { executor: T0 + HOUR_MS } },
    around: {},
    policy: held,
    service,
  };
}

const OUTAGE: Outage = {
  id: "inc_1",
  startedAt: T0,
  failures: 3,
  firstReason: "HTTP 503",
  lastReason: "HTTP 503",
  restarts: 0,
  restarted: "no",
  toldAt: 0,
  toldAs: "",
  remindedAt: 0,
  log: [],
};

const ENDS: ((held: Held) => void)[] = [
  ({ service }) => Object.assign(service, { pause: null }),
  ({ world }) => Object.assign(world, { maintenance: {} }),
  ({ service }) => delete service.container!.stoppedByHand,
  ({ service }) => delete service.container!.stoppedFor,
  ({ service }) => delete service.lastCheck!.fault,
  // Its time is up; it goes on as missing.
  ({ service }) => Object.assign(service, { outage: { ...OUTAGE, startedAt: T0 - 120_000 } }),
  ({ policy }) => Object.assign(policy, { dependsOn: [] }),
  ({ state }) => Object.assign(state, { brake: null }),
  ({ service }) => delete service.container!.absence,
  ({ service }) => delete service.container!.engineRestarts,
  ({ policy }) => Object.assign(policy, { budget: null }),
  ({ service }) => Object.assign(service.restarts[0]!, { outcome: "restarted" }),
  ({ service }) => Object.assign(service, { notBeforeAt: 0 }),
  ({ policy }) => Object.assign(policy, { dryRun: false }),
];

test("the first rule that applies is the reason, and each question asks only some of the rules", () => {
  const held = heldByAll();
  assert.equal(ENDS.length, HOLDS.length);
  for (const [index, end] of ENDS.entries()) {
    const services = { executor: held.service, database: newService(T0) };
    const draft = openDraft({ ...held.state, services }, held.world, held.around);
    const left = HOLDS.slice(index);
    const answers: [typeof holdNow, (typeof left)[number] | undefined][] = [
      [holdNow, left[0]],
      [silentHold, left.find(({ told }) => !told)],
      [standingHold, left.find(({ told, holdsFollowers }) => !told && holdsFollowers)],
      [followerHold, left.find(({ holdsFollowers }) => holdsFollowers)],
    ];
    for (const [ask, rule] of answers) {
      assert.equal(ask(draft, held.policy, held.service)?.rule, rule, `${index}`);
    }
    end(held);
  }
  const draft = openDraft({ ...held.state, services: { executor: held.service } }, held.world, held.around);
  assert.equal(holdNow(draft, held.policy, held.service), null);
});

test("rules of one kind differ only in what they find", () => {
  for (const { find: _, holdsFollowers: __, ...rest } of HOLDS) {
    const { find: ___, holdsFollowers: ____, ...first } = HOLDS.find(({ kind }) => kind === rest.kind)!;
    assert.deepEqual(rest, first, rest.kind);
  }
});

test("a service with nothing to restart is held by its cause before the brake, as every other", () => {
  const d = drive(policy("database"), policy("executor", { container: "", dependsOn: ["database"] }));
  d.around = { engineFault: "connection refused" };
  for (let i = 0; i < 4; i++) {
    d.wait(15_000);
    d.fail();
  }
  assert.equal(d.state.services.database!.hold?.kind, "brake");
  assert.equal(d.state.services.executor!.hold?.kind, "dependency");
});

test("a budget that was spent holds nothing once the configuration has none", () => {
  const limited = policy("executor", { budget: { restarts: 1, windowMs: HOUR_MS } });
  const d = drive(limited);
  const fail = () => {
    d.wait(15_000);
    return d.fail();
  };
  for (let i = 0; i < 3; i++) fail();
  d.settle("executor", "restarted");
  for (let i = 0; i < 4; i++) fail();
  assert.equal(d.state.services.executor!.hold?.kind, "budget");
  limited.budget = null;
  assert.deepEqual(said(fail()), ["restart"]);
  assert.equal(explain(limited, d.state.services.executor!, d.now).budgetLeft, null);
  d.settle("executor", "restarted");
  d.pass();
  assert.match(explain(limited, d.state.services.executor!, d.now).why, /healthy for/);
});
