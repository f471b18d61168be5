/** What the docker plugin finds out before a restart: the engine's own policy, replacements, backups, a full disk. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Client, Outcome } from "../../plugins/docker/client.ts";
import { createDisk } from "../../plugins/docker/disk.ts";
import { type Inspected, parseInspect } from "../../plugins/docker/facts.ts";
import { faultOf } from "../../plugins/docker/fault.ts";
import { findReplacements } from "../../plugins/docker/replaced.ts";
import { engineRestarts, remedyOf, stopsFor } from "../../plugins/docker/upkeep.ts";
import { never } from "./docker.setup.ts";

const ID = "ab".repeat(32);
const OTHER = "cd".repeat(32);
const plain = (text: string) => text;

function container(policy: string, labels: Record<string, string> = {}, state: object = {}): Inspected {
  const raw = {
    Id: ID,
    Name: "/web",
    RestartCount: 7,
    State: { Status: "running", ExitCode: 0, Error: "", ...state },
    Config: { Labels: labels },
    HostConfig: { RestartPolicy: { Name: policy } },
  };
  return parseInspect([raw])[0]!;
}

test("the engine's own policy, with how the container ended last; none for jobs", () => {
  const due = { Status: "restarting", ExitCode: 127 };
  assert.deepEqual(engineRestarts(container("on-failure", {}, due), plain), {
    policy: "on-failure",
    count: 7,
    isDue: true,
    ended: "exit code 127: exit 127: bad command or image",
    advice: "read `docker logs web`, and correct its configuration, its image or its memory limit",
  });
  const killed = { Status: "restarting", ExitCode: 137, OOMKilled: true };
  assert.match(
    engineRestarts(container("always", {}, killed), plain)!.ended!,
    /OOMKilled: raise the memory limit/,
  );
  assert.equal(engineRestarts(container("always"), plain)!.ended, undefined);
  assert.equal(engineRestarts(container("no"), plain), undefined);
  assert.equal(engineRestarts(container(""), plain), undefined);
  assert.equal(
    engineRestarts(container("always", { "com.docker.compose.oneoff": "True" }), plain),
    undefined,
  );
});

test("the engine's error is told without secrets", () => {
  const failed = { Status: "restarting", ExitCode: 1, Error: "cannot mount s3cret" };
  const hidden = (text: string) => text.replaceAll("s3cret", "[redacted]");
  assert.match(engineRestarts(container("always", {}, failed), hidden)!.ended!, /cannot mount \[redacted\]/);
});

test("the command that brings a container back, where it is known, and never a label's own words", () => {
  const compose = (service: string) => container("no", { "com.docker.compose.service": service });
  assert.equal(remedyOf(compose("web")), "docker compose up -d web");
  assert.equal(remedyOf(compose("web; rm -rf /")), undefined);
  assert.equal(remedyOf(container("no")), undefined);
  assert.equal(remedyOf(container("no", {}, { Status: "created" })), "docker start web");
});

test("the labels of a backup, with any value that does not switch them off", () => {
  const label = "docker-volume-backup.stop-during-backup";
  for (const value of ["true", "TRUE", "nightly"]) {
    assert.match(
      stopsFor(container("no", { [label]: value }))!,
      /label docker-volume-backup\.stop-during-backup says/,
    );
  }
  for (const value of ["false", "False", "", " no "])
    assert.equal(stopsFor(container("no", { [label]: value })), undefined);
  assert.match(stopsFor(container("no", { [`${label}-no-restart`]: "true" }))!, /-no-restart says/);
});

function client(stdout: string): { client: Client; asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    async client({ words }): Promise<Outcome> {
      asked.push(words[0]!);
      return { end: "ok", stdout };
    },
  };
}

const identity = (service: string) => ({
  "com.docker.compose.project": "shop",
  "com.docker.compose.service": service,
  "com.docker.compose.container-number": "1",
});

test("a created container with the same project, service and number takes the place of one that has ended", async () => {
  const list = [`${OTHER}\tcd_web\tshop\tweb\t1`, `${OTHER}\tother\tshop\tweb\t2`, "garbage"].join("\n");
  const { client: ask, asked } = client(list);
  const ended = container("no", identity("web"), { Status: "exited" });
  assert.deepEqual([...(await findReplacements(ask, new Map([["web", ended]]), never))], [["web", "cd_web"]]);
  const second = container("no", identity("api"), { Status: "exited" });
  assert.equal((await findReplacements(ask, new Map([["web", second]]), never)).size, 0);
  // Nobody is asked about one that runs, or that Compose did not make.
  const others = new Map([
    ["web", container("no", identity("web"))],
    ["x", container("no", {}, { Status: "exited" })],
  ]);
  assert.equal((await findReplacements(ask, others, never)).size, 0);
  assert.equal(asked.length, 2);
});

const MIB = 1024 * 1024;
const HOST = { name: "moon", memoryBytes: 4096 };
const INFO = '"/var/lib/docker" "moon" 4096\n';
const ON_HOST = { isInContainer: false, id: "", hostname: "moon", addresses: [] };

function disk(info: string, freeBytes: number, ffree = 5) {
  const paths: string[] = [];
  const { client: ask, asked } = client(info);
  const fault = createDisk({
    client: ask,
    redact: plain,
    look: () => ON_HOST,
    host: HOST,
    async statfs(path) {
      paths.push(path);
      return { bavail: freeBytes / 4096, bsize: 4096, files: 100, ffree };
    },
  });
  return { fault, paths, asked };
}

test("the engine's disk is seen where the engine runs on this host, and asked for its place once", async () => {
  const full = disk(INFO, MIB / 2);
  assert.match(
    (await full.fault(never, false))!,
    /is full \(\/var\/lib\/docker: 512 KiB are free\): .*`docker system df`/,
  );
  await full.fault(never, false);
  assert.deepEqual(full.paths, ["/var/lib/docker", "/var/lib/docker"]);
  assert.deepEqual(full.asked, ["info"]);
  assert.equal(await disk(INFO, 2 * MIB).fault(never, false), null);
  assert.match((await disk(INFO, 2 * MIB).fault(never, true))!, /is full/);
  assert.equal(await disk(INFO, 20 * MIB).fault(never, true), null);
  assert.match((await disk(INFO, 20 * MIB, 0).fault(never, false))!, /no inode is free/);
});

test("of an engine elsewhere, nothing is known", async () => {
  for (const info of [
    '"/var/lib/docker" "mars" 4096\n',
    '"/var/lib/docker" "moon" 8192\n',
    "",
    "C:\\docker",
  ]) {
    const remote = disk(info, 0);
    assert.equal(await remote.fault(never, false), undefined, info);
    await remote.fault(never, false);
    assert.deepEqual([remote.paths, remote.asked], [[], ["info"]]);
  }
});

test("a restart for which the engine has no space is told as such, with what to do", () => {
  const stderr =
    "Error response from daemon: Cannot restart container web: write /var/lib/docker/x: no space left on device\n";
  const fault = faultOf({ end: "failed", code: 1, stdout: "", stderr }, "web", plain);
  assert.equal(fault.fault, "disk_full");
  assert.match(fault.reason, /no space left on device\): .*`docker system prune`/);
  assert.equal(fault.untried, undefined);
});
