/** The check `docker`, against a client of the test's own. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import * as v from "valibot";
import { createLoops } from "../../plugins/docker/crash-loop.ts";
import docker, { dockerOptions } from "../../plugins/docker.ts";
import type { Check, CheckResult, Watchdog } from "../../src/plugin.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";
import { clock, type FakeClient, fakeClient, never, service } from "./docker.setup.ts";

interface Asked {
  client: FakeClient;
  logged: string[];
  run(names: readonly string[], options?: object, timeoutMs?: number): Promise<CheckResult[]>;
}

/** The check over a client that prints what the script does. */
async function asking(t: TestContext, script: string): Promise<Asked> {
  const client = fakeClient(t, script);
  const logged: string[] = [];
  const keep = (message: string) => void logged.push(message);
  let check: Check | undefined;
  const log = { debug: keep, info: keep, warn: keep, error: keep };
  const env = { ...process.env, ...client.env };
  const watchdog = {
    clock,
    log,
    random: () => 0.5,
    redact: createRedactor(),
    env,
    restarter() {},
    discoverer() {},
    check: (one: Check) => (check = one),
  };
  await docker(v.parse(dockerOptions, {})).setup(watchdog as unknown as Watchdog);
  return {
    client,
    logged,
    run: (names, options = {}, timeoutMs = 5000) =>
      Promise.all(names.map((name) => check!.run({ ...service(name, options), timeoutMs }, never))),
  };
}

const state = (said: object, more: object = {}) =>
  `printf '%s\\n' '${JSON.stringify({
    Id: "ab".repeat(32),
    Name: "/app",
    RestartCount: 0,
    State: { Status: "running", StartedAt: "2026-01-01T00:00:00Z", ...said },
    ...more,
  })}'\n`;
const health = (status: string, ...outputs: string[]) => ({
  Health: { Status: status, Log: outputs.map((Output) => ({ ExitCode: Output === "" ? 0 : 1, Output })) },
});

const passes = (reason: string) => ({ ok: true, reason });
const fails = (reason: string) => ({ ok: false, reason });
const unknown = (reason: string) => ({ ok: false, unknown: true, reason });

const STATES: [what: string, said: object, options: object, result: object][] = [
  ["it runs", {}, {}, passes("running")],
  ["it is healthy", health("healthy", ""), {}, passes("healthy by its HEALTHCHECK")],
  [
    "it is unhealthy",
    health("unhealthy", "", "no database\n"),
    {},
    fails("unhealthy by its HEALTHCHECK: exit 1: no database"),
  ],
  ["it is starting", health("starting"), {}, unknown("its HEALTHCHECK is still starting")],
  ["it is starting and need only run", health("starting"), { require: "running" }, passes("running")],
  ["it is unhealthy and need only run", health("unhealthy", "x"), { require: "running" }, passes("running")],
  [
    "it must be healthy and has no HEALTHCHECK",
    health("none"),
    { require: "healthy" },
    unknown("it has no HEALTHCHECK to be healthy by: give it one, or set docker.require to running"),
  ],
  ["it has exited", { Status: "exited", ExitCode: 3 }, {}, fails("exited with code 3")],
  [
    "it ran out of memory",
    { Status: "exited", ExitCode: 137, OOMKilled: true },
    {},
    fails("exited with code 137: OOMKilled: raise the memory limit"),
  ],
  [
    "it could not be started",
    { Status: "created", ExitCode: 127, Error: "exec: no such file" },
    {},
    fails("created, and not started: exec: no such file"),
  ],
  ["it is dead", { Status: "dead", ExitCode: 1 }, {}, fails("dead: exited with code 1")],
  ["it is paused", { Status: "paused" }, {}, fails("paused (`docker unpause` ends it)")],
  [
    "it waits for the engine to restart it",
    { Status: "restarting", ExitCode: 1 },
    {},
    fails("the engine is about to restart it, for the 1st time: exited with code 1"),
  ],
  [
    "it was healthy before it exited",
    { Status: "exited", ...health("healthy") },
    {},
    fails("exited with code 0"),
  ],
];

for (const [what, said, options, expected] of STATES) {
  test(`the state is the verdict: ${what}`, async (t) => {
    const { run } = await asking(t, state(said));
    assert.deepEqual(await run(["app"], options), [expected]);
  });
}

test("a container that does not exist fails, and is named", async (t) => {
  const { run } = await asking(t, "echo 'Error: No such object: gone' >&2; exit 1\n");
  const [result] = await run(["gone"]);
  assert.match(result!.reason, /^no container named gone: compare "container"/);
  assert.deepEqual(Object.keys(result!), ["ok", "reason"]);
});

test("what a container says is told without its secrets, on one line, cut", async (t) => {
  const said = health("unhealthy", `login hunter2secret\u001b[31m\nrefused ${"so ".repeat(300)}`);
  const { run } = await asking(t, state(said, { Config: { Env: ["DB_PASSWORD=hunter2secret"] } }));
  const [{ reason }] = (await run(["app"])) as [CheckResult];
  assert.match(reason, /^unhealthy by its HEALTHCHECK: exit 1: login \[redacted\] refused (so ?)+…$/);
  assert.equal(reason.length, 300);
});

test("an engine that cannot be asked is unknown, told once, and once when it is back", async (t) => {
  const away = "Cannot connect to the Docker daemon at tcp://127.0.0.1:1.";
  const { client, logged, run } = await asking(
    t,
    `[ -e "$0.back" ] || { echo '${away}' >&2; exit 1; }\n${state({})}`,
  );
  for (let i = 0; i < 2; i++) {
    for (const result of await run(["app", "other"])) {
      assert.equal(!result.ok && result.unknown, true);
      assert.match(result.reason, /^the Docker engine does not answer/);
    }
  }
  writeFileSync(join(client.env.PATH.split(":")[0]!, "docker.back"), "");
  assert.deepEqual((await run(["app"]))[0], passes("running"));
  assert.equal(logged.length, 2, logged.join("\n"));
  assert.match(logged[0]!, /^docker checks cannot be made: the Docker engine does not answer/);
  assert.match(logged[1]!, /can be asked again/);
});

test("an engine that hangs is unknown when the check's time is up", async (t) => {
  const { run } = await asking(t, "hang\n");
  const begunMs = performance.now();
  const [long, short] = await Promise.all([run(["app"], {}, 600), run(["other"], {}, 150)]);
  for (const [result] of [long, short]) assert.equal(!result!.ok && result!.unknown, true);
  assert.match(short[0]!.reason, /^the Docker engine gave no answer in 0\.2 s/);
  assert.match(long[0]!.reason, /^the Docker engine gave no answer in 0\.6 s/);
  assert.ok(performance.now() - begunMs < 5000);
});

const EACH = `shift 5
for name in "$@"; do
  printf '{"Id":"of-%s","Name":"/%s","RestartCount":0,"State":{"Status":"running"}}\\n' "$name" "$name"
done
`;

test("500 checks of one turn are one look, and each gets its own container", async (t) => {
  const { client, run } = await asking(t, EACH);
  const names = Array.from({ length: 500 }, (_, n) => `c${n + 1}`);
  const results = await run([...names, "c1"]);
  assert.ok(results.every((result) => result.ok && result.reason === "running"));
  assert.equal(client.calls().length, 1);
  assert.equal(client.calls()[0]!.match(/ c\d+/g)!.length, 500, "each name once");
  await run(["c1"]);
  assert.equal(client.calls().length, 2, "a later check looks again");
});

test("a command line holds no more than a shell takes", async (t) => {
  const { client, run } = await asking(t, EACH);
  const names = Array.from({ length: 600 }, (_, n) => `c${n}${"x".repeat(240)}`);
  const results = await run(names);
  assert.ok(
    results.every(({ ok }) => ok),
    String(results.find(({ ok }) => !ok)?.reason),
  );
  assert.equal(client.calls().length, 3);
});

const T0 = Date.UTC(2026, 0, 1);
/** What is seen of a container that is started anew at each of `startsS`, when it is looked at every `everyS`. */
function watch(startsS: readonly number[], everyS: number, untilS: number, skewMs = 0) {
  const loops = createLoops();
  const seen: string[] = [];
  for (let s = 0; s <= untilS; s += everyS) {
    const past = startsS.filter((start) => start <= s);
    const facts = {
      id: "a",
      restartCount: past.length,
      startedAt: T0 + 1000 * (past.at(-1) ?? -3600) + skewMs,
    };
    const loop = loops.see("app", facts, { at: T0 + s * 1000, monotonicMs: s * 1000 });
    seen.push(loop ? `${s}: ${loop.restarts} in ${loop.withinMs / 1000}` : `${s}:`);
  }
  return seen;
}
const looped = (seen: string[]) => seen.filter((one) => !one.endsWith(":"));
const every = (s: number, untilS: number) =>
  Array.from({ length: Math.floor(untilS / s) }, (_, i) => (i + 1) * s);

test("a container that the engine restarts again and again is in a loop at every look", () => {
  for (const period of [11, 25, 40]) {
    for (const skewMs of [0, 600_000, -600_000]) {
      const seen = watch(every(period, 600), 15, 600, skewMs);
      const first = seen.findIndex((one) => !one.endsWith(":"));
      assert.ok(first * 15 <= 3 * period + 15, `every ${period} s: first seen after ${first * 15} s`);
      assert.equal(looped(seen).length, seen.length - first, `every ${period} s: ${seen}`);
    }
  }
});

test("a single crash, few ones, and a container that has come out of it are no loop", () => {
  assert.deepEqual(looped(watch([100], 15, 600)), []);
  assert.deepEqual(looped(watch([100, 110], 15, 600)), []);
  assert.deepEqual(looped(watch(every(400, 4000), 15, 4000)), []);
  const burst = looped(watch([100, 104, 108, 112], 15, 600));
  assert.ok(burst.length >= 1 && burst.length <= 3, String(burst));
});

test("a restart by a person, and another container of the name, count anew", () => {
  const loops = createLoops();
  const see = (id: string, restartCount: number, s: number) =>
    loops.see(
      "app",
      { id, restartCount, startedAt: T0 + s * 1000 - 1 },
      { at: T0 + s * 1000, monotonicMs: s * 1000 },
    );
  see("a", 0, 0);
  assert.deepEqual(see("a", 4, 15), { restarts: 4, withinMs: 15_000 });
  assert.equal(see("a", 0, 30), undefined);
  assert.equal(see("b", 7, 45), undefined);
  loops.forget("app");
  assert.equal(see("b", 12, 60), undefined);
});

test("a crash loop is told before what the HEALTHCHECK says", async (t) => {
  const script = `n=$(cat "$0.n" 2>/dev/null || echo 0); echo $((n + 4)) >"$0.n"
printf '{"Id":"a","Name":"/app","RestartCount":%d,"State":{"Status":"running","ExitCode":1,"StartedAt":"2099-01-01T00:00:00Z","Health":{"Status":"starting"}}}\\n' "$n"
`;
  const { run } = await asking(t, script);
  assert.deepEqual(await run(["app"]), [unknown("its HEALTHCHECK is still starting")]);
  const [{ ok, reason }] = (await run(["app"])) as [CheckResult];
  assert.equal(ok, false);
  assert.match(
    reason,
    /^restarted by the engine 4 times in [\d.]+ s: a crash loop; last time it exited with code 1$/,
  );
});
