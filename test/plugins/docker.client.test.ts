/** What holds with any client: scripts stand in for docker, so these need no engine. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { dockerRestarter, fakeClient, never, service } from "./docker.setup.ts";

const ID = "ab".repeat(32);
const inspected = (more = "") =>
  `[{"Id":"${ID}","Name":"/app","State":{"Status":"running","StartedAt":"2026-01-01T00:00:00Z"}${more}}]`;
const INSPECT = `[ "$1" = inspect ] && { echo '${inspected()}'; exit 0; }\n`;
/** StartedAt moves as soon as a restart has made the file. */
const MOVING = `[ "$1" = inspect ] && {
  [ -e "$0.done" ] && echo '${inspected().replace("2026-01-01", "2026-01-02")}' || echo '${inspected()}'
  exit 0
}\n`;

test("without a docker client in PATH the reason says what to install", async () => {
  const docker = await dockerRestarter({}, { PATH: "/nonexistent" });
  // Often, because `head` is missing too: which of the shell's processes dies first is left to chance.
  for (let ask = 0; ask < 25; ask++) {
    const result = await docker.restart(service("app"), never);
    assert.equal(result.ok === false && result.fault, "client_missing", result.reason);
    assert.equal(result.ok === false && result.untried, true);
    assert.match(result.reason, /docker-ce-cli/);
  }
  const look = await docker.inspect(["app"], never);
  assert.equal(look.ok === false && look.fault, "client_missing");
});

test("hostile names never reach a shell", async (t) => {
  const client = fakeClient(t, INSPECT);
  const docker = await dockerRestarter({}, client.env);
  const folder = mkdtempSync(join(tmpdir(), "watchdog-hostile-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const mark = join(folder, "touched");
  const names = [
    `; touch ${mark}`,
    `$(touch ${mark})`,
    `\`touch ${mark}\``,
    `a\ntouch ${mark}`,
    `"; touch ${mark}; "`,
    "-f",
    "a b",
    "",
  ];
  for (const name of names) {
    for (const result of [
      await docker.restart(service(name), never),
      await docker.stop(service(name), never),
    ]) {
      assert.equal(result.ok, false);
      assert.match(result.reason, /is not a container name/);
    }
    assert.equal((await docker.evidence(service(name), never)).facts, undefined);
  }
  assert.deepEqual(await docker.inspect(names, never), { ok: true, containers: {} });
  assert.deepEqual(client.calls(), []);
  assert.equal(existsSync(mark), false);
});

test("DOCKER_HOST and its kin reach the client, and nothing else does", async (t) => {
  const passed = [
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CONFIG",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "DOCKER_API_VERSION",
  ];
  const env = Object.fromEntries(passed.map((name) => [name, `/of-${name}`]));
  const seen = fakeClient(t, `env | grep -E 'DOCKER_|WATCHDOG_' | sort >>"$HOME/seen"\n${INSPECT}`);
  const home = mkdtempSync(join(tmpdir(), "watchdog-home-"));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const docker = await dockerRestarter({}, { ...env, ...seen.env, HOME: home, WATCHDOG_TOKEN: "hunter2" });
  await docker.inspect(["app"], never);
  const lines = readFileSync(join(home, "seen"), "utf8").trim().split("\n");
  assert.deepEqual(lines, passed.map((name) => `${name}=/of-${name}`).sort());
});

test("two calls at once make one command, even when the engine has just carried it out", async (t) => {
  const client = fakeClient(t, `${MOVING}[ "$1" = restart ] && { touch "$0.done"; hang; }\nexit 0\n`);
  const docker = await dockerRestarter({}, client.env);
  const first = docker.restart(service("app"), never);
  const second = await docker.restart(service("app"), never);
  await client.called("restart");
  const third = await docker.stop(service("app"), never);
  const fourth = await docker.restart(service("app"), never);
  for (const result of [second, third, fourth]) {
    assert.equal(result.ok === false && result.unknown, true);
    assert.match(result.reason, /an earlier `docker restart`.*has not ended/);
  }
  client.open();
  assert.equal((await first).ok, true);
  assert.equal(client.calls().filter((call) => call.startsWith("restart")).length, 1);
  assert.equal((await docker.restart(service("app"), never)).ok, true);
});

test("no -t is given unless a stop timeout is configured, and the service's own comes first", async (t) => {
  const client = fakeClient(t, `${INSPECT}exit 0\n`);
  const plain = await dockerRestarter({}, client.env);
  await plain.restart(service("app"), never);
  const configured = await dockerRestarter({ stopTimeout: "20s" }, client.env);
  await configured.restart(service("app"), never);
  await configured.stop(service("app", { stopTimeout: 1500 }), never);
  const commands = client.calls().filter((call) => !/^(?:inspect|info) /.test(call));
  assert.deepEqual(commands, [`restart ${ID}`, `restart -t 20 ${ID}`, `stop -t 2 ${ID}`]);
});

test("an expiry is an unknown outcome, and no second command is started until the first has ended", async (t) => {
  const client = fakeClient(t, `${INSPECT}[ "$1" = restart ] && hang\necho 'Error: too late' >&2; exit 1\n`);
  const docker = await dockerRestarter({ commandTimeout: "200ms" }, client.env);
  const first = await docker.restart(service("app"), never);
  assert.equal(first.ok === false && first.unknown, true);
  assert.match(first.reason, /time was up after 0\.2 s; the engine has not finished it yet/);
  const second = await docker.restart(service("app"), never);
  assert.match(second.reason, /an earlier `docker restart`/);
  assert.equal(client.calls().filter((call) => call.startsWith("restart")).length, 1);
});

test("a client that hangs after the engine has finished is believed by StartedAt", async (t) => {
  const client = fakeClient(t, `${MOVING}[ "$1" = restart ] && { touch "$0.done"; hang; }\nexit 0\n`);
  const docker = await dockerRestarter({ commandTimeout: "300ms" }, client.env);
  const result = await docker.restart(service("app"), never);
  assert.deepEqual(result, {
    ok: true,
    reason: "restarted (the client's time was up after 0.3 s; the engine had finished it)",
  });
  const next = await docker.restart(service("app"), never);
  assert.doesNotMatch(next.reason, /an earlier/, "the hanging client holds its container no longer");
});

test("a call that is called off is unknown, at once", async (t) => {
  const client = fakeClient(t, `${INSPECT}hang\n`);
  const docker = await dockerRestarter({}, client.env);
  const off = new AbortController();
  const restart = docker.restart(service("app"), off.signal);
  await client.called("restart");
  await new Promise((r) => setTimeout(r, 10));
  off.abort();
  const result = await restart;
  assert.equal(result.ok === false && result.unknown, true);
  const early = await docker.restart(service("other"), off.signal);
  assert.equal(early.ok === false && early.unknown, true);
  assert.match(early.reason, /nothing was done/);
});

test("a container named like a docker command is restarted like any other", async (t) => {
  const client = fakeClient(
    t,
    `[ "$1" = inspect ] && echo '${inspected().replace("/app", "/inspect")}' || echo "$2"\n`,
  );
  const docker = await dockerRestarter({}, client.env);
  assert.equal((await docker.restart(service("inspect"), never)).ok, true);
});

test("many names are asked for in commands of a hundred", async (t) => {
  const client = fakeClient(t, "echo '[]'\n");
  const docker = await dockerRestarter({}, client.env);
  await docker.inspect(
    Array.from({ length: 250 }, (_, n) => `app-${n}`),
    never,
  );
  assert.equal(client.calls().length, 3);
});

test("evidence ends in its time, and clients that never end are not piled up", async (t) => {
  const client = fakeClient(t, "hang\n");
  const docker = await dockerRestarter({ evidenceTimeout: "150ms" }, client.env);
  for (let n = 0; n < 4; n += 1) {
    const begun = performance.now();
    const evidence = await docker.evidence(service("app"), never);
    assert.match(evidence.missing ?? "", /docker logs took longer than 0\.2 s/);
    assert.ok(performance.now() - begun < 2000);
  }
  const look = await docker.inspect(["app"], never);
  assert.equal(look.ok === false && look.fault, "engine_unreachable");
  assert.match(look.ok ? "" : look.reason, /8 docker clients still wait/);
  assert.equal((await docker.restart(service("app"), never)).ok, false);
});

const SAYS = (text: string) => `echo '${text}' >&2; exit 1\n`;
const DENIED = "permission denied while trying to connect to the docker API at unix:///var/run/docker.sock";
const ENDS: readonly (readonly [what: string, script: string, end: "untried" | "unknown" | "tried"])[] = [
  ["the look is denied", SAYS(DENIED), "untried"],
  ["the command is denied", INSPECT + SAYS(DENIED), "untried"],
  ["a proxy refuses the command", INSPECT + SAYS("Error response from daemon: Forbidden"), "untried"],
  ["the engine is away", SAYS("Cannot connect to the Docker daemon at tcp://127.0.0.1:1."), "untried"],
  [
    "the engine goes away before the command",
    `${INSPECT}${SAYS("dial tcp 127.0.0.1:1: refused")}`,
    "untried",
  ],
  ["the client says garbage", "echo '<html>'\n", "untried"],
  ["there is no such container", SAYS("Error: No such object: app"), "untried"],
  ["the container goes before the command", `${INSPECT}${SAYS("Error: No such container: app")}`, "untried"],
  [
    "it is a task of Swarm",
    `echo '${inspected(',"Config":{"Labels":{"com.docker.swarm.task.id":"t"}}')}'\n`,
    "untried",
  ],
  [
    "its network parent is gone",
    `[ "$4" = app ] && echo '${inspected(`,"HostConfig":{"NetworkMode":"container:${"cd".repeat(32)}"}`)}' || ${SAYS("Error: No such object: cd")}`,
    "untried",
  ],
  ["the engine cannot start it", INSPECT + SAYS("Cannot restart container app: port is already"), "tried"],
  ["the client dies in the middle", `${INSPECT}kill -9 $$\n`, "tried"],
  ["the connection is cut", INSPECT + SAYS('error during connect: Post "http://x/restart": EOF'), "unknown"],
];

for (const [what, script, end] of ENDS) {
  test(`whether anything was done is told: ${what}`, async (t) => {
    const docker = await dockerRestarter({}, fakeClient(t, script).env);
    const result = await docker.restart(service("app"), never);
    assert.ok(!result.ok, result.reason);
    const found = result.untried ? "untried" : result.unknown ? "unknown" : "tried";
    assert.equal(found, end, result.reason);
  });
}
