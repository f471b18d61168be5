import assert from "node:assert/strict";
import test from "node:test";
import * as v from "valibot";
import { deadlineOf } from "../../plugins/docker/act.ts";
import { isContainerName } from "../../plugins/docker/client.ts";
import { boundLines, readLog, redactLines } from "../../plugins/docker/evidence.ts";
import {
  identified,
  isOnlyAName,
  mistaken,
  named,
  parseInspect,
  parseTimeMs,
} from "../../plugins/docker/facts.ts";
import { oneLine } from "../../plugins/docker/fault.ts";
import { refuseSwarm } from "../../plugins/docker/refuse.ts";
import { dockerOptions } from "../../plugins/docker.ts";
import { dockerRestarter, fakeClient, never, service } from "./docker.setup.ts";

const ID = "ab".repeat(32);
const raw = {
  Id: ID,
  Name: "/app",
  Image: `sha256:${"0".repeat(64)}`,
  RestartCount: 2,
  State: {
    Status: "exited",
    ExitCode: 137,
    OOMKilled: true,
    Error: "",
    StartedAt: "2026-11-23T23:09:57.953726052Z",
    FinishedAt: "0001-01-01T00:00:00Z",
    Health: {
      Status: "unhealthy",
      Log: [
        { ExitCode: 0, Output: "fine\n" },
        { ExitCode: 1, Output: "no database" },
      ],
    },
  },
  Config: {
    Image: "app:1.4",
    Env: ["A=1"],
    Labels: { "com.docker.compose.config-hash": "h1" },
    StopTimeout: 120,
    Healthcheck: { Test: ["CMD", "true"], StartPeriod: 20_000_000_000 },
  },
  HostConfig: { NetworkMode: `container:${ID}` },
};

test("every fact is read from an inspect", () => {
  const [app] = parseInspect([raw]);
  assert.deepEqual(app?.facts, {
    id: ID,
    image: "app:1.4@sha256:000000000000",
    configHash: "h1",
    status: "exited",
    startedAt: Date.UTC(2026, 10, 23, 23, 9, 57, 953),
    finishedAt: 0,
    exitCode: 137,
    oomKilled: true,
    error: "",
    restartCount: 2,
    startPeriodMs: 20_000,
    stopTimeoutMs: 120_000,
    networkParent: ID,
  });
  assert.equal(app?.name, "app");
  assert.deepEqual(app?.healthLog, ["exit 0: fine", "exit 1: no database"]);
  assert.equal(app?.failedHealth, "exit 1: no database");
});

test("what a container does not have is absent, and what is not a container is left out", () => {
  const [bare] = parseInspect([{ Id: ID }, null, 7, { Name: "/no-id" }]);
  assert.equal(parseInspect([{ Id: ID }, null, 7, { Name: "/no-id" }]).length, 1);
  for (const key of ["startPeriodMs", "stopTimeoutMs", "networkParent"])
    assert.equal(key in bare!.facts, false);
  assert.equal(bare?.failedHealth, undefined);
  const [off] = parseInspect([{ Id: ID, Config: { Healthcheck: { Test: ["NONE"] } } }]);
  assert.equal("startPeriodMs" in off!.facts, false);
  assert.deepEqual(parseInspect("nonsense"), []);
});

test("a container is its exact name's, or its full id's, and nobody's else", () => {
  const containers = parseInspect([
    { Id: `de${ID.slice(2)}`, Name: "/other" },
    { Id: ID, Name: "/app" },
  ]);
  assert.equal(named(containers, "app")?.facts.id, ID);
  assert.equal(identified(containers, ID)?.name, "app");
  assert.equal(identified(containers, "app")?.name, "app", "what refers to a name has that");
  for (const wrong of ["de", ID, ID.slice(0, 12), "ap", "APP", "gone", ""]) {
    assert.equal(named(containers, wrong), undefined, wrong);
  }
  for (const wrong of ["de", ID.slice(0, 63), "gone"]) {
    assert.equal(identified(containers, wrong), undefined, wrong);
  }
  const posing = parseInspect([{ Id: `de${ID.slice(2)}`, Name: `/${ID}` }]);
  assert.equal(identified(posing, ID), undefined, "an id that is gone is no name");
  assert.equal(mistaken(containers, "de")?.name, "other");
  assert.equal(mistaken(containers, "app"), undefined);
});

test("only what no id begins with is sure to be taken for a name", () => {
  for (const name of ["spreadpilot-executor", "app", "a.b", "g", "de-", "0x", "face_1"])
    assert.equal(isOnlyAName(name), true, name);
  for (const name of ["a", "de", "cafe", "0123", "DE", "Feed", ID])
    assert.equal(isOnlyAName(name), false, name);
});

test("the engine's year 1 means never", () => {
  assert.equal(parseTimeMs("0001-01-01T00:00:00Z"), 0);
  assert.equal(parseTimeMs("nonsense"), 0);
  assert.equal(parseTimeMs(undefined), 0);
});

test("only Docker's own grammar is a container name", () => {
  for (const name of ["a", "spreadpilot-executor", "a.b_c-1", "0ab"])
    assert.equal(isContainerName(name), true, name);
  for (const name of [
    "",
    "; rm -rf /",
    "$(touch x)",
    "`x`",
    "-f",
    ".a",
    "a b",
    "a\n",
    "\na",
    'a"',
    "a'",
    "a|b",
    "a".repeat(256),
    7,
  ])
    assert.equal(isContainerName(name), false, String(name));
});

test("the deadline is longer than the container's own stop timeout", () => {
  const rows: [number | undefined, number | undefined, number][] = [
    [undefined, undefined, 40_000],
    [120, undefined, 150_000],
    [120, 2000, 32_000],
    [0, undefined, 30_000],
    [-1, undefined, 3_630_000],
  ];
  for (const [own, configuredMs, expected] of rows) {
    const [app] = parseInspect([{ Id: ID, Config: { StopTimeout: own } }]);
    assert.equal(deadlineOf(app!, configuredMs), expected, `${own} ${configuredMs}`);
  }
});

test("a task of a Swarm service is refused, with the command that heals it", () => {
  const labels = { "com.docker.swarm.task.id": "t1", "com.docker.swarm.service.name": "web" };
  const [task] = parseInspect([{ ...raw, Config: { Labels: labels } }]);
  const refused = refuseSwarm(task!, "restart");
  assert.equal(refused?.ok, false);
  assert.match(refused!.reason, /docker service update --force web/);
  assert.match(refuseSwarm(task!, "stop")!.reason, /docker service scale web=0/);
  assert.equal(refuseSwarm(parseInspect([raw])[0]!, "restart"), undefined);
});

test("the client's own words are told from the lines of a log", () => {
  const stamped = "2026-11-23T23:09:57.953726052Z Error: of the program";
  assert.deepEqual(readLog(`${stamped}\r\n\nError response from daemon: no reading\n`), {
    lines: [`${stamped}\r`],
    notes: ["Error response from daemon: no reading"],
  });
  const cut = readLog(`${"x".repeat(1_048_000)}\n${stamped}`);
  assert.equal(cut.lines.length, 2);
  assert.deepEqual(cut.notes, []);
});

test("lines are cut, freed of control characters, and bounded from the newest back", () => {
  const lines = redactLines([`\u001b[31mred\u001b[0m\ttab\r`, "y".repeat(9000)], (text) => text);
  assert.equal(lines[0], "red tab");
  assert.equal(lines[1]?.length, 500);
  assert.deepEqual(boundLines(["oldest", "older", "new"], 8), ["older", "new"]);
  assert.deepEqual(boundLines(["much too long"], 3), []);
});

test("a line is cut without half of a character", () => {
  assert.equal(oneLine("abc😀def", 5), "abc…");
  assert.equal(oneLine("short", 5), "short");
});

test("a wrong setting is refused", () => {
  const accepted = v.parse(dockerOptions, { stopTimeout: "5s", redact: ["customer-\\d+"] });
  assert.deepEqual(accepted, {
    stopTimeout: 5000,
    logLines: 50,
    evidenceTimeout: 2000,
    redact: ["customer-\\d+"],
    discover: false,
    label: "autoheal",
    onlyRunning: false,
  });
  const wrong = [
    { stopTimeout: "soon" },
    { logLines: -1 },
    { redact: ["("] },
    { redact: ["x*"] },
    { stopTimeout: "60s", commandTimeout: "10s" },
    { stopTimeuot: 5 },
  ];
  for (const settings of wrong)
    assert.equal(v.safeParse(dockerOptions, settings).success, false, JSON.stringify(settings));
});

test("what the settings call a secret, and what the container's variables hold, is in no evidence", async (t) => {
  const about = {
    Id: "0".repeat(64),
    Name: "/app",
    State: { Status: "running", StartedAt: "2020-01-01T00:00:00Z" },
    Config: { Env: ["DB_PASS=correct horse", "PORT=8080", "TOKEN=abc", "API_KEY=a=b=c=d"] },
  };
  const client = fakeClient(
    t,
    `case "$1" in
inspect) echo '${JSON.stringify([about])}' ;;
logs) echo "2020-01-01T00:00:00Z said correct horse and a=b=c=d to Customer-123 at 8080, abc" ;;
esac`,
  );
  const docker = await dockerRestarter({ redact: ["customer-\\d+"] }, client.env);
  const { logLines } = await docker.evidence(service("app"), never);
  assert.deepEqual(logLines, [
    "2020-01-01T00:00:00Z said [redacted] and [redacted] to [redacted] at 8080, abc",
  ]);
});
