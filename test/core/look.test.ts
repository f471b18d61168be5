/** Where a restart cannot mend it, none is made: crash loops, containers that are missing, backups, a full disk. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineRestarts, SeenContainer } from "../../src/core/container.ts";
import type { Effect } from "../../src/core/event.ts";
import { type Drive, drive, policy, said, T0 } from "./drive.ts";

const CONTAINER: SeenContainer = { id: "aaa", build: "image:1", startedAt: T0 - 3_600_000, runs: true };
const STOPPED: SeenContainer = { id: "aaa", build: "image:1", startedAt: T0 - 3_600_000 };
const ADVICE = "read its log";

const engine = (count: number, more: Partial<EngineRestarts> = {}): EngineRestarts => ({
  policy: "always",
  count,
  advice: ADVICE,
  ...more,
});

const shows = (d: Drive, container: SeenContainer | "gone") => {
  d.around = container === "gone" ? { gone: ["web"] } : { containers: { web: container } };
};

function fails(d: Drive, times: number, afterMs = 15_000): Effect[] {
  return Array.from({ length: times }).flatMap(() => {
    d.wait(afterMs);
    return d.fail("web");
  });
}

const hold = (d: Drive) => d.state.services.web!.hold;
const reasonOf = (effects: readonly Effect[]) =>
  effects.flatMap((effect) => (effect.type === "alert" ? [effect.alert.message] : [])).join("\n");

/** Each look shows the next count; a bare number is a container that runs. */
function loops(d: Drive, looks: (number | EngineRestarts)[], container = CONTAINER): Effect[] {
  return looks.flatMap((look) => {
    const { runs: _, ...ended } = container;
    shows(
      d,
      typeof look === "number"
        ? { ...container, engineRestarts: engine(look) }
        : { ...ended, engineRestarts: look },
    );
    return fails(d, 1);
  });
}

const due = (count: number, ended = "exit code 3") => engine(count, { isDue: true, ended });

test("a container that the engine restarts again and again is not restarted, and told once with what to do", () => {
  const d = drive(policy("web"));
  const effects = loops(d, [40, 41, 42, 43, due(44), 45, 46]);
  assert.deepEqual(said(effects), ["DOWN/none/3"]);
  assert.equal(hold(d)?.kind, "crash-loop");
  assert.match(
    reasonOf(effects),
    /^Web is down and is not restarted \(crash loop: the engine itself restarts spreadpilot-web whenever it ends \(restart policy always\): 2 restarts in 30 s; a restart by the watchdog would only add to it: read its log\)/,
  );
  assert.match(hold(d)!.reason, /6 restarts in 1 min 30 s, last ended with exit code 3;/);
});

test("one that the engine is about to restart is held at the first look", () => {
  const d = drive(policy("web", { failureThreshold: 1 }));
  assert.deepEqual(said(loops(d, [due(1, "exit 127: bad command or image")])), ["DOWN/none/1"]);
  assert.match(hold(d)!.reason, /restart 1, last ended with exit 127: bad command or image;/);
});

test("it ends by itself: 2 min after the last restart by the engine, ours is made", () => {
  const d = drive(policy("web"));
  loops(d, [5, 6, 7]);
  assert.equal(hold(d)?.kind, "crash-loop");
  assert.deepEqual(said(loops(d, [7, 7, 7, 7, 7, 7, 7])), []);
  assert.deepEqual(said(loops(d, [7])), ["restart"]);
});

test("another container, even of the same build, begins without the loop of the last one", () => {
  const d = drive(policy("web"));
  loops(d, [5, 6, 7]);
  assert.deepEqual(said(loops(d, [9], { ...CONTAINER, id: "bbb" })), ["restart"]);
});

test("no loop: a count from long ago, one restart that hangs, no policy, and one whose retries are used up", () => {
  for (const looks of [
    [47, 47, 47],
    [47, 48, 48],
    [1, 2, engine(3, { policy: "on-failure", ended: "exit code 1" })],
  ]) {
    const d = drive(policy("web"));
    assert.deepEqual(said(loops(d, looks)), ["restart"], JSON.stringify(looks));
  }
  const d = drive(policy("web"));
  shows(d, CONTAINER);
  assert.deepEqual(said(fails(d, 3)), ["restart"]);
});

test("what was seen in an earlier outage does not count", () => {
  const d = drive(policy("web"));
  loops(d, [5, 5]);
  d.wait(15_000);
  d.pass("web");
  d.wait(86_400_000);
  assert.deepEqual(said(loops(d, [9, 9, 9])), ["restart"]);
});

test("after our restart, which sets the count to 0, what the engine adds is a loop again", () => {
  const d = drive(policy("web"));
  assert.deepEqual(said(loops(d, [9, 9, 9])), ["restart"]);
  d.settle("web", "restarted");
  assert.deepEqual(said(loops(d, [2, 4, 6])), ["DOWN/restart/3"]);
  assert.equal(hold(d)?.kind, "crash-loop");
});

test("what the restarter saw by itself is enough for the first look", () => {
  const d = drive(policy("web", { failureThreshold: 1 }));
  const recentRestarts = { restarts: 4, withinMs: 60_000 };
  shows(d, { ...CONTAINER, engineRestarts: engine(44), recentRestarts });
  assert.deepEqual(said(fails(d, 1)), ["DOWN/none/1"]);
  assert.match(hold(d)!.reason, /4 restarts in 1 min;/);
  assert.equal(Object.hasOwn(d.state.services.web!.container!, "recentRestarts"), false);
});

test("the saved state is enough: each tick may be another process", () => {
  const d = drive(policy("web"));
  const effects = [5, 6, 7].flatMap((count) => {
    d.state = JSON.parse(JSON.stringify(d.state));
    d.send({ type: "loaded" });
    return loops(d, [count]);
  });
  assert.deepEqual(said(effects), ["DOWN/none/3"]);
});

test("a container that is gone for a moment is being updated: nobody is told, and it starts afresh", () => {
  const d = drive(policy("web", { failureThreshold: 2 }));
  d.pass("web");
  shows(d, "gone");
  assert.deepEqual(said(fails(d, 2)), []);
  assert.equal(hold(d)?.kind, "recreating");
  assert.equal(hold(d)?.untilAt, T0 + 15_000 + 30_000);
  shows(d, { ...CONTAINER, id: "bbb" });
  assert.deepEqual(said(fails(d, 1)), []);
  assert.equal(d.state.services.web!.failures, 0);
  d.wait(15_000);
  assert.deepEqual(said(d.pass("web")), []);
});

for (const [absence, silentChecks, remedy, expected] of [
  [
    "created",
    8,
    "docker compose up -d web",
    /was created and never started \(port is taken\): run `docker compose up -d web`\)/,
  ],
  ["removing", 2, undefined, /is being removed: create and start it, or correct/],
] as const) {
  test(`one that stays ${absence} is told down after a while, and never restarted`, () => {
    const d = drive(policy("web"));
    const error = absence === "created" ? { error: "port is taken" } : {};
    shows(d, { ...STOPPED, absence, ...error, ...(remedy ? { remedy } : {}) });
    assert.deepEqual(said(fails(d, silentChecks)), []);
    const effects = fails(d, 20);
    assert.deepEqual(said(effects), [`DOWN/none/${silentChecks + 1}`]);
    assert.match(reasonOf(effects), expected);
    assert.equal(hold(d)?.kind, "missing");
  });
}

test("one that is gone for longer is told down, and not restarted", () => {
  const d = drive(policy("web", { failureThreshold: 2 }));
  d.pass("web");
  shows(d, "gone");
  assert.deepEqual(said(fails(d, 3)), ["DOWN/none/3"]);
  assert.equal(hold(d)?.kind, "missing");
});

test("one that vanishes keeps the command that brings it back", () => {
  const d = drive(policy("web"));
  shows(d, { ...STOPPED, remedy: "docker compose up -d web" });
  fails(d, 2);
  shows(d, "gone");
  assert.match(reasonOf(fails(d, 10)), /does not exist: run `docker compose up -d web`/);
  // A look that comes too late does not make it come back.
  d.around = { late: true };
  assert.deepEqual(said(fails(d, 3)), []);
});

test("a name that never had a container is told at once", () => {
  const d = drive(policy("web"));
  shows(d, "gone");
  const effects = fails(d, 3);
  assert.deepEqual(said(effects), ["DOWN/none/3"]);
  assert.match(
    reasonOf(effects),
    /spreadpilot-web does not exist: create and start it, or correct the container's name/,
  );
});

test("one that ended while another takes its place waits 2 min, and is then better than none", () => {
  const d = drive(policy("web"));
  shows(d, { ...STOPPED, absence: "replaced" });
  assert.deepEqual(said(fails(d, 8)), []);
  assert.equal(hold(d)?.kind, "recreating");
  assert.deepEqual(said(fails(d, 1)), ["restart"]);
});

test("a new container of the same build keeps backoff and budget", () => {
  const d = drive(policy("web"));
  shows(d, CONTAINER);
  fails(d, 3);
  d.settle("web", "restarted");
  shows(d, { ...CONTAINER, id: "bbb", startedAt: d.now });
  fails(d, 1);
  const { backoffLevel, restarts, budgetFromAt } = d.state.services.web!;
  assert.deepEqual([backoffLevel, restarts.length, budgetFromAt], [1, 1, 0]);
});

test("one that is stopped for a backup is left alone without a word, for an hour at most", () => {
  const d = drive(policy("web"));
  shows(d, { ...STOPPED, stoppedFor: "stopped by docker stop, for a backup" });
  assert.deepEqual(said(fails(d, 3)), []);
  assert.equal(hold(d)?.kind, "backup");
  assert.match(
    hold(d)!.reason,
    /^stopped by docker stop, for a backup: spreadpilot-web is left alone until it is started/,
  );
  // The engine has forgotten who stopped it.
  shows(d, STOPPED);
  assert.deepEqual(said(fails(d, 237)), []);
  assert.deepEqual(said(fails(d, 1)), ["restart"]);
});

test("once it was started after its backup, it counts from zero as any other", () => {
  const d = drive(policy("web"));
  shows(d, { ...STOPPED, stoppedFor: "stopped by docker stop, for a backup" });
  fails(d, 3);
  shows(d, { ...CONTAINER, startedAt: d.now });
  assert.deepEqual(said(fails(d, 3)), []);
  assert.deepEqual(said(fails(d, 1)), ["restart"]);
});

test("a container that somebody starts while it is down gets its start period", () => {
  const d = drive(policy("web", { startPeriodMs: 60_000 }));
  shows(d, STOPPED);
  fails(d, 3);
  d.settle("web", "failed");
  const startedAt = d.now + 15_000;
  shows(d, { ...CONTAINER, startedAt });
  assert.deepEqual(said(fails(d, 4)), []);
  assert.deepEqual(said(fails(d, 1)), ["restart"]);
});

const FULL = "the disk is full: free space";

test("a full disk holds all restarts, is told once, and ends when there is room", () => {
  const d = drive(policy("web"), policy("database"));
  fails(d, 2);
  d.around = { containers: { web: CONTAINER }, engineFault: null, diskFault: FULL };
  const effects = fails(d, 4);
  assert.deepEqual(said(effects), ["FAILURE/none/0"]);
  assert.match(reasonOf(effects), /^All restarts are held: the disk is full: free space\. Down: web/);
  assert.equal(d.state.brake?.kind, "disk");
  // Where nobody looked, nothing is known.
  d.around = { containers: { web: CONTAINER }, engineFault: null };
  assert.deepEqual(said(fails(d, 3)), []);
  d.around = { containers: { web: CONTAINER }, engineFault: null, diskFault: null };
  assert.deepEqual(said(fails(d, 1)), ["FAILURE/none/0"]);
  assert.deepEqual(said(fails(d, 3)), ["restart"]);
});

test("a restart that found the disk full closes the brake; where it cannot be seen, it opens after 30 min", () => {
  const d = drive(policy("web"), policy("database"));
  d.around = { containers: { web: CONTAINER }, engineFault: null };
  fails(d, 3);
  assert.deepEqual(said(d.settle("web", "failed", "disk_full")), ["DOWN/restart/3", "FAILURE/none/0"]);
  assert.equal(d.state.brake?.kind, "disk");
  assert.deepEqual(said(fails(d, 119)), []);
  assert.deepEqual(said(fails(d, 1)), ["FAILURE/none/0"]);
  assert.equal(d.state.brake, null);
});

const BLOCKED = { ok: null, reason: "the engine does not answer", blocked: true } as const;

function blocked(d: Drive, times: number, ...names: string[]): Effect[] {
  return Array.from({ length: times }).flatMap(() => {
    d.wait(15_000);
    return d.check(Object.fromEntries(names.map((name) => [name, BLOCKED])));
  });
}

test("checks that cannot be made are told once, for all services, and once when they are made again", () => {
  const d = drive(policy("web"), policy("database"));
  d.pass();
  assert.deepEqual(said(blocked(d, 1, "web", "database")), []);
  const effects = blocked(d, 9, "web", "database");
  assert.deepEqual(said(effects), ["FAILURE/check/0"]);
  assert.match(
    reasonOf(effects),
    /Web and Database cannot be checked: the engine does not answer\. Nothing is known of them/,
  );
  assert.equal(d.state.services.web!.status, "healthy");
  d.wait(15_000);
  assert.deepEqual(said(d.pass("web")), []);
  assert.deepEqual(said(d.pass("database")), ["FAILURE/check/0"]);
  assert.deepEqual(d.state.troubles, Object.create(null));
});

test("a check that could not be made for another reason is told to nobody, and ends the row", () => {
  const d = drive(policy("web"));
  d.pass();
  blocked(d, 1, "web");
  d.check({ web: { ok: null, reason: "no socket" } });
  assert.deepEqual(said(blocked(d, 1, "web")), []);
});

test("where the brake holds all for the same engine, one alert is enough", () => {
  const d = drive(policy("web"), policy("database"));
  d.pass();
  d.around = { engineFault: "the engine does not answer" };
  const effects = Array.from({ length: 5 }).flatMap(() => {
    d.wait(15_000);
    return d.check({ web: BLOCKED, database: { ok: false, reason: "HTTP 503" } });
  });
  assert.deepEqual(said(effects), ["FAILURE/none/0"]);
});

test("a restart by a person sets the count back, and what the engine adds to it is the same loop", () => {
  const d = drive(policy("web"));
  loops(d, [5, 6, 7]);
  assert.deepEqual(said(loops(d, [3])), []);
  assert.equal(hold(d)?.kind, "crash-loop");
});
