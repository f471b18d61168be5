/** A docker client that prints without measure: what is read of it is bounded, and its outcome is still understood. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { bounded } from "../../plugins/docker/bounded.ts";
import { dockerRestarter, fakeClient, never, service } from "./docker.setup.ts";

const CONTAINER = { Id: "ab".repeat(32), Name: "/app", State: { Status: "running" } };
const INSPECT = `[ "$1" = inspect ] && { echo '${JSON.stringify([CONTAINER])}'; exit 0; }\n`;
/** 100 MB without a line's end. */
const FLOOD = "head -c 100000000 /dev/zero | tr '\\0' x";
const DENIED =
  "echo 'permission denied while trying to connect to the Docker daemon socket at unix:///x: dial unix /x: connect: permission denied' >&2";

/** The longest time for which nothing else could run. A busy machine has its share in it. */
async function longestGapMs(work: Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 10);
  await work;
  clearInterval(timer);
  return Math.max(longest, performance.now() - last);
}

const FLOODS: [what: string, script: string, ok: boolean, reason: RegExp][] = [
  ["errors, then the reason", `${INSPECT}${FLOOD} >&2; ${DENIED}; exit 1`, false, /--group-add/],
  ["the reason, then errors", `${INSPECT}${DENIED}; ${FLOOD} >&2; exit 1`, false, /--group-add/],
  ["errors, and does its work", `${INSPECT}${FLOOD} >&2; exit 0`, true, /^restarted in/],
  ["an answer that nobody asked for", `${INSPECT}${FLOOD}; exit 0`, true, /^restarted in/],
  ["an answer, which ends it", `${INSPECT}${FLOOD}`, false, /printed more than 16 MiB/],
  ["errors when it is asked what there is", `${FLOOD} >&2; ${DENIED}; exit 1`, false, /--group-add/],
  ["garbage when it is asked what there is", `${FLOOD}; exit 0`, false, /printed more than 16 MiB/],
];

for (const [what, script, ok, reason] of FLOODS) {
  test(`100 MB of ${what} do not stop the watchdog, and the outcome is the client's`, async (t) => {
    const client = fakeClient(t, script);
    const docker = await dockerRestarter({}, client.env);
    const restart = docker.restart(service("app"), never);
    const gapMs = await longestGapMs(restart);
    const result = await restart;
    assert.equal(result.ok, ok, result.reason);
    assert.match(result.reason, reason);
    assert.ok(result.reason.length < 600, `${result.reason.length} characters`);
    assert.ok(gapMs < 1500, `nothing else ran for ${Math.round(gapMs)} ms`);
  });
}

test("a client that never stops complaining is ended", async (t) => {
  const client = fakeClient(t, `${INSPECT}exec yes >&2`);
  const docker = await dockerRestarter({}, client.env);
  const result = await docker.restart(service("app"), never);
  assert.equal(result.ok, false);
});

test("garbage instead of containers is said to be garbage", async (t) => {
  const client = fakeClient(t, "echo 'Emulate Docker CLI using podman'\n");
  const docker = await dockerRestarter({}, client.env);
  const look = await docker.inspect(["app"], never);
  assert.match(
    look.ok ? "" : look.reason,
    /no list of containers \(Emulate Docker CLI using podman\): is the/,
  );
  const silent = await dockerRestarter({}, fakeClient(t, "exit 0\n").env);
  assert.match((await silent.restart(service("app"), never)).reason, /printed nothing/);
});

/** Any text is one word for the client, and the status and both streams are its own, in each shell that is here. */
test("the shell hands on words, streams and status as they are", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "watchdog-shell-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(
    join(folder, "docker"),
    `#!/bin/sh\nfor word; do printf '%s\\n' "<$word>"; done\necho "to stderr" >&2\nexit 37\n`,
  );
  chmodSync(join(folder, "docker"), 0o755);
  const env = { PATH: `${folder}:${process.env.PATH}` };
  const words = ["a b", "'", '"', "$(touch x)", "`touch x`", "\\", "*", "", "; exit 9", "--", "a\n!"];
  const expected = words.map((word) => `<${word}>\n`).join("");
  const all: [string, ...string[]][] = [["sh"], ["bash"], ["busybox", "sh"]];
  const here = all.filter(([name]) => spawnSync(name, ["--help"]).error === undefined);
  for (const [shell, ...rest] of here) {
    const run = (lastBytes?: number) =>
      spawnSync(shell, [...rest, "-c", `docker  ${bounded(words, lastBytes)}`], {
        env,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
      });
    const { stdout, stderr, status } = run();
    assert.deepEqual([stdout, stderr, status], [expected, "to stderr\n", 37], shell);
    const merged = run(20);
    assert.deepEqual([merged.stdout.length, merged.stderr, merged.status], [20, "", 37], shell);
    assert.match(merged.stdout, /to stderr\n$/);
  }
});
