import assert from "node:assert/strict";
import test from "node:test";
import { parseInspect } from "../../plugins/docker/facts.ts";
import { deadParent, faultOf, oneLine, showS } from "../../plugins/docker/fault.ts";
import { hintOf } from "../../plugins/docker/hint.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";

const redact = createRedactor();
const fail = (stderr: string, code: number | null = 1) =>
  faultOf({ end: "failed", code, stdout: "", stderr }, "app", redact);

/** What docker 20.10, 28 and 29 and their neighbours really say. */
const SAID: [name: string, stderr: string, code: number | null, fault: string, reason: RegExp][] = [
  [
    "missing",
    "Error response from daemon: No such container: app\n",
    1,
    "no_such_container",
    /no container named app.*docker ps -a/,
  ],
  ["missing, old inspect", "Error: No such container: app", 1, "no_such_container", /docker ps -a/],
  ["missing, old object", "Error: No such object: app", 1, "no_such_container", /docker ps -a/],
  [
    "refused",
    "Cannot connect to the Docker daemon at tcp://127.0.0.1:1. Is the docker daemon running?",
    1,
    "engine_unreachable",
    /tcp:\/\/127\.0\.0\.1:1.*DOCKER_HOST/,
  ],
  [
    "refused, docker 29",
    "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct and if the daemon is running: dial unix /var/run/docker.sock: connect: no such file or directory",
    1,
    "engine_unreachable",
    /systemctl start docker/,
  ],
  [
    "unknown host",
    'error during connect: Post "http://h:2375/v1.24/x": dial tcp: lookup h on 10.0.0.1:53: no such host',
    1,
    "engine_unreachable",
    /lookup h/,
  ],
  [
    "socket",
    'WARNING: Error loading config file: open /root/.docker/config.json: permission denied\npermission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get "http://x": dial unix /var/run/docker.sock: connect: permission denied',
    1,
    "permission_denied",
    /--group-add/,
  ],
  [
    "socket, docker 29",
    "permission denied while trying to connect to the docker API at unix:///var/run/docker.sock",
    1,
    "permission_denied",
    /--group-add/,
  ],
  [
    "only the client's configuration is unreadable",
    "WARNING: Error loading config file: open /root/.docker/config.json: permission denied\nError response from daemon: No such container: app",
    1,
    "no_such_container",
    /no container named/,
  ],
  [
    "proxy",
    "Error response from daemon: <html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>",
    1,
    "permission_denied",
    /ALLOW_RESTARTS=1/,
  ],
  ["client missing", "/bin/sh: 1: docker: not found", 127, "client_missing", /install it/],
  [
    "client not executable",
    "/bin/sh: 1: docker: Permission denied",
    126,
    "client_missing",
    /cannot be executed/,
  ],
  [
    "context",
    'unable to resolve docker endpoint: context "nope" does not exist',
    1,
    "engine_unreachable",
    /DOCKER_CONTEXT/,
  ],
  [
    "certificates",
    "Failed to initialize: unable to resolve docker endpoint: open /nope/ca.pem: no such file or directory",
    1,
    "engine_unreachable",
    /DOCKER_CERT_PATH/,
  ],
  [
    "TLS",
    "error during connect: Get https://h:2376/x: x509: certificate signed by unknown authority",
    1,
    "engine_unreachable",
    /DOCKER_TLS_VERIFY/,
  ],
  [
    "TLS asked in plain words",
    'Get "http://h:2376/v1.50/x": net/http: HTTP/1.x transport connection broken: malformed HTTP response "\\x15". * Are you trying to connect to a TLS-enabled daemon without TLS?',
    1,
    "engine_unreachable",
    /DOCKER_TLS_VERIFY/,
  ],
  [
    "version",
    "Error response from daemon: client version 1.99 is too new. Maximum supported API version is 1.41",
    1,
    "other",
    /DOCKER_API_VERSION/,
  ],
  [
    "removal",
    "Error response from daemon: removal of container app is already in progress",
    1,
    "other",
    /being removed/,
  ],
  [
    "dead parent",
    `Error response from daemon: Cannot restart container app: No such container: ${"f7".repeat(32)}`,
    1,
    "other",
    /f7f7f7f7f7f7, which no longer exists: recreate it/,
  ],
  [
    "stopped parent",
    "Error response from daemon: Cannot restart container app: cannot join network of a non running container: f7",
    1,
    "other",
    /restart the parent first/,
  ],
  [
    "port",
    "Error response from daemon: Cannot restart container app: driver failed: Bind for 0.0.0.0:80 failed: port is already allocated",
    1,
    "other",
    /ss -ltnp/,
  ],
  [
    "permission inside a container",
    'Error response from daemon: Cannot restart container app: exec: "/x": permission denied: unknown',
    1,
    "other",
    /Cannot restart container app/,
  ],
  ["nothing", "", 5, "other", /status 5/],
];

/** Here the engine had the command, and something may have been done: all others could not even be tried. */
const TRIED = new Set([
  "removal",
  "dead parent",
  "stopped parent",
  "port",
  "permission inside a container",
  "nothing",
]);

for (const [name, stderr, code, fault, reason] of SAID) {
  test(`what the docker client says is understood: ${name}`, () => {
    const found = fail(stderr, code);
    assert.equal(found.fault, fault);
    assert.match(found.reason, reason);
    assert.equal(found.unknown, undefined);
    assert.equal(found.untried, TRIED.has(name) ? undefined : true);
  });
}

test("a connection that ends in the middle leaves the outcome unknown", () => {
  assert.equal(fail('error during connect: Post "http://x/restart": EOF').untried, undefined);
  const headers =
    'error during connect: Post "http://x/restart": net/http: timeout awaiting response headers';
  assert.equal(fail(headers).untried, undefined, "the engine may have had it");
  assert.equal(fail('error during connect: Post "http://x/restart": EOF').unknown, true);
  assert.equal(fail("read tcp 127.0.0.1:2375: connection reset by peer").unknown, true);
});

test("an expiry and a stuck client name the engine, and only the expiry is unknown", () => {
  const expired = faultOf({ end: "expired", afterMs: 10_000 }, "app", redact);
  assert.deepEqual([expired.fault, expired.unknown], ["engine_unreachable", true]);
  assert.match(expired.reason, /no answer in 10 s/);
  const stuck = faultOf({ end: "stuck", waiting: 8 }, "app", redact);
  assert.deepEqual([stuck.fault, stuck.unknown], ["engine_unreachable", undefined]);
  assert.deepEqual([expired.untried, stuck.untried], [undefined, true]);
});

test("what the engine says is bounded and without secrets", () => {
  const { reason } = fail(`Cannot connect to tcp://me:hunter2@h:2375 ${"x".repeat(5000)}: dial tcp`);
  assert.ok(reason.length < 600, String(reason.length));
  assert.doesNotMatch(reason, /hunter2/);
});

test("a dead network parent is explained with the command that mends it", () => {
  assert.match(
    deadParent("f7".repeat(32), "vpn-client").reason,
    /docker compose up -d --force-recreate vpn-client/,
  );
});

test("times are shown as people read them", () => {
  assert.deepEqual([showS(340), showS(2000), showS(41_234)], ["0.3 s", "2 s", "41 s"]);
});

const HINTS: [string, Parameters<typeof hintOf>[0], RegExp | undefined][] = [
  [
    "out of memory, before all else",
    { oomKilled: true, exitCode: 137, texts: ["no space left on device"] },
    /^OOMKilled: raise the memory limit$/,
  ],
  ["exit 127", { exitCode: 127, texts: [] }, /^exit 127: bad command or image$/],
  [
    "exit 126",
    { exitCode: 126, texts: ["x: executable file not found in $PATH"] },
    /^exit 126: bad command or image$/,
  ],
  ["killed", { exitCode: 137, texts: [] }, /^exit 137: killed/],
  ["disk", { exitCode: 1, texts: ["a", "write /x: No space left on device"] }, /^no space left on device/],
  ["port allocated", { texts: ["Bind failed: port is already allocated"] }, /^port already in use/],
  [
    "address in use",
    { exitCode: 1, texts: ["listen EADDRINUSE: address already in use :::80"] },
    /^port already in use/,
  ],
  ["parent", { texts: ["cannot join network of a non running container: x"] }, /restart the parent first/],
  ["crashed", { exitCode: 139, texts: [] }, /segmentation fault/],
  ["paused", { status: "paused", texts: [] }, /^paused/],
  [
    "its own check",
    { texts: [], failedHealth: "exit 1: no database" },
    /its own health check says: exit 1: no database/,
  ],
  [
    "its own check says nothing",
    { texts: [], failedHealth: "exit 1" },
    /^its own health check fails with no output \(exit 1\)$/,
  ],
  ["nothing", { exitCode: 1, texts: ["bye"] }, undefined],
];

test("no hint ends in a colon with nothing after it, whatever a health check prints", () => {
  for (const Output of ["", " ", "\n", "\u0000", "\u0007\u0008", ":", ": :", "\u2028", undefined, 5]) {
    for (const ExitCode of [1, -1, 137, undefined]) {
      const Health = { Log: [{ ExitCode: ExitCode ?? 2, Output }] };
      const failed = parseInspect([{ Id: "1", State: { Health } }])[0]!.failedHealth!;
      const hint = hintOf({ texts: [], failedHealth: oneLine(failed, 500) });
      assert.match(hint ?? "", /^its own health check .*[^\s:]$/, JSON.stringify(Output));
    }
  }
});

for (const [name, clues, expected] of HINTS) {
  test(`the hint fits the evidence: ${name}`, () => {
    const hint = hintOf(clues);
    if (expected) assert.match(hint ?? "", expected);
    else assert.equal(hint, undefined);
  });
}
