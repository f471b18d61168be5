/**
 * What is needed when a service fails (a client to restart it, a sender for its alert) is first needed then. It
 * must be there when descriptors are short, and when the program on the disk is another one.
 */
import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openWorkshop, type Workshop } from "./workshop.ts";

const OPEN_FILES = 256;
const CROWD = 1500;
const skip =
  "Deno" in globalThis
    ? "Deno's server has no such bounds"
    : process.platform !== "linux" && "open files are counted in /proc";

/** Receivers that do not answer, each of which needs a part of its own to find that out. */
const NOBODY = {
  SMTP_URL: "smtp://127.0.0.1:9",
  EMAIL_FROM: "watchdog@example.org",
  EMAIL_TO: "ops@example.org",
  REDIS_URL: "redis://127.0.0.1:9",
};

let shop: Workshop;
const servers: Server[] = [];

before(async () => {
  shop = await openWorkshop({ toBreak: true });
});

after(async () => {
  for (const server of servers) server.closeAllConnections();
  for (const server of servers) server.close();
  await shop.close();
});

async function listening(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A docker client that finds one container, and heals its service when it is told to restart it. */
async function fakeDocker(folder: string, healUrl: string): Promise<string> {
  const container = {
    Id: "c0ffee".padEnd(64, "0"),
    Name: "/executor-c",
    Image: "sha256:1",
    Created: "2026-01-01T00:00:00Z",
    State: { Status: "running", Running: true, StartedAt: "2026-01-01T00:00:00Z" },
    Config: { Labels: {} },
    HostConfig: { NetworkMode: "bridge" },
  };
  await mkdir(folder);
  await writeFile(
    join(folder, "docker"),
    `#!/bin/sh
echo "$*" >>'${folder}/calls'
case "$*" in
  *inspect*) echo '${JSON.stringify([container])}';;
  restart*) '${process.execPath}' -e 'fetch("${healUrl}")';;
esac
`,
  );
  await chmod(join(folder, "docker"), 0o755);
  return folder;
}

async function until(what: string, seen: () => boolean | Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + 20_000; !(await seen()); ) {
    assert.ok(Date.now() < endMs, `not in 20 s: ${what}`);
    await new Promise((soon) => setTimeout(soon, 50));
  }
}

async function openFiles(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}

function crowd(url: string): Socket[] {
  const { port, hostname } = new URL(url);
  return Array.from({ length: CROWD }, () =>
    connect(Number(port), hostname)
      .on("error", () => {})
      .resume(),
  );
}

/** A service that a restart heals, and a receiver of its alerts. */
async function troubled(name: string) {
  let healthy = true;
  const seen = { checks: 0 };
  const service = createServer((request, response) => {
    if (request.url === "/heal") healthy = true;
    else seen.checks++;
    response.writeHead(healthy ? 200 : 500).end();
  });
  const url = await listening(service);
  const alerts: { event_type: string; params: { action: string } }[] = [];
  const receiver = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    alerts.push(JSON.parse(body));
    response.end();
  });
  const bin = await fakeDocker(join(shop.folder, `${name}-bin`), `${url}/heal`);
  const changes = { url: `${url}/`, container: "executor-c", interval: "100ms" };
  const env = {
    WATCHDOG_CONFIG: await shop.config(name, changes),
    WEBHOOK_URL: await listening(receiver),
    PATH: `${bin}:${process.env.PATH}`,
  };
  /** Breaks the service, and waits until it is restarted, and people are told that this helped. */
  async function ordeal(): Promise<void> {
    healthy = false;
    await until("an alert of a restart", () => alerts.some(({ params }) => params.action === "restart"));
    assert.equal(alerts.at(-1)!.event_type, "COMPONENT_RECOVERED", JSON.stringify(alerts));
    assert.match(await readFile(join(bin, "calls"), "utf8"), /^restart /m);
  }
  return { env, seen, ordeal };
}

test("1,500 silent connections stop no check, no restart and no alert", {
  skip,
  timeout: 60_000,
}, async () => {
  const { env, seen, ordeal } = await troubled("crowd");
  const server = await shop.serving("crowd", { ...env, OPEN_FILES: String(OPEN_FILES) });
  await until("a first check", () => seen.checks > 2);
  const pid = server.child.pid!;
  const calm = await openFiles(pid);
  const sockets = crowd(server.url);
  await until("the crowd is there", () => sockets.every((socket) => !socket.connecting));
  const crowded = await openFiles(pid);
  assert.ok(crowded > calm + 32 && crowded < calm + 128, `${calm} open files, ${crowded} with the crowd`);
  await ordeal();
  const { checks } = seen;
  await until("checks go on", () => seen.checks > checks + 3);
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
  assert.doesNotMatch(server.err(), /EMFILE|too many open files/);
  await until("silent connections are closed", async () => (await openFiles(pid)) < calm + 16);
  for (const socket of sockets) socket.destroy();
  server.signal("SIGTERM");
  assert.equal(await server.exit, 0, server.err());
});

test("300 services that hang leave descriptors for the rest", { skip, timeout: 60_000 }, async () => {
  const silent = createServer(() => {});
  const url = await listening(silent);
  const path = join(shop.folder, "silent.json");
  const names = Array.from({ length: 300 }, (_, i) => `service-${i}`);
  const services = Object.fromEntries(names.map((name) => [name, { url, interval: "1s", timeout: "1s" }]));
  await writeFile(path, JSON.stringify({ services }));
  const env = { WATCHDOG_CONFIG: path, WATCHDOG_CRON: "false", OPEN_FILES: String(OPEN_FILES) };
  const server = await shop.serving("silent", env);
  let ended = false;
  const tick = fetch(`${server.url}/tick`).finally(() => {
    ended = true;
  });
  let most = 0;
  while (!ended) {
    most = Math.max(most, await openFiles(server.child.pid!));
    assert.equal((await fetch(`${server.url}/livez`, { headers: { connection: "close" } })).status, 200);
    await new Promise((soon) => setTimeout(soon, 50));
  }
  assert.ok(most < OPEN_FILES - 64, `${most} open files of ${OPEN_FILES}`);
  const { counts } = (await (await tick).json()) as { counts: { checked: number; unhealthy: number } };
  assert.deepEqual([counts.checked, counts.unhealthy], [300, 300]);
  server.signal("SIGTERM");
  assert.equal(await server.exit, 0, server.err());
});

test("whichever part of the program is missing, a tick does not begin, or tells and loses no alert", {
  skip,
  timeout: 120_000,
}, async () => {
  const receiver = createServer((_, response) => response.end());
  const env = {
    WATCHDOG_CONFIG: await shop.config("parts", { url: "http://127.0.0.1:9/", failureThreshold: 1 }),
    WEBHOOK_URL: await listening(receiver),
    ...NOBODY,
  };
  const folder = join(shop.folder, "built/chunks");
  const began: string[] = [];
  // What the parts have in common goes by the name of chunk, and is missed together with them.
  const parts = (await readdir(folder)).filter((name) => !name.startsWith("chunk-"));
  for (const name of ["none", ...parts]) {
    const path = join(folder, name);
    const text = name === "none" ? "" : await readFile(path, "utf8");
    await rm(path, { force: true });
    const stateFile = join(shop.folder, `${name}-state.json`);
    const run = shop.run(["tick"], { ...env, STATE_FILE: stateFile });
    const status = await run.exit;
    if (name !== "none") await writeFile(path, text);
    if (run.out() === "") {
      assert.notEqual(status, 0, name);
      assert.notEqual(run.err(), "", name);
      await assert.rejects(readFile(stateFile), { code: "ENOENT" }, name);
      continue;
    }
    began.push(name);
    const { outbox } = JSON.parse(run.out());
    assert.match(run.err(), /Executor is down/, name);
    assert.deepEqual([outbox.sent + outbox.pending, outbox.dead], [3, 0], `${name}: ${run.err()}`);
  }
  for (const part of [/^none/, /^send-/, /^smtp-connection-/, /^mail-composer-/, /^dist-/])
    assert.ok(
      began.some((name) => part.test(name)),
      `${part}`,
    );
});

test("nothing is loaded from the disk when a service fails: the program may be gone by then", {
  skip,
}, async () => {
  const { env, seen, ordeal } = await troubled("gone");
  const server = await shop.serving("gone", { ...env, ...NOBODY });
  await until("a first check", () => seen.checks > 2);
  await rm(join(shop.folder, "built"), { recursive: true });
  await ordeal();
  await server.says(/to email: retry, .*(refused|connect)/);
  await server.says(/to redis: retry, .*(refused|connect)/);
  server.signal("SIGTERM");
  assert.equal(await server.exit, 0, server.err());
  assert.doesNotMatch(server.err(), /cannot find|ENOENT/i);
});
