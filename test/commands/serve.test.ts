import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openWorkshop, type Workshop } from "./workshop.ts";

let shop: Workshop;

before(async () => {
  shop = await openWorkshop();
});

after(() => shop.close());

test("SIGTERM ends the running tick, saves, and exits 0", async () => {
  const server = await shop.serving("sigterm", { WATCHDOG_CRON: "false" });
  shop.slow(400);
  const answer = fetch(`${server.url}/tick`);
  await once(shop.service, "request");
  server.signal("SIGTERM");
  const report = (await (await answer).json()) as { status: string };
  assert.equal(report.status, "completed");
  assert.equal(await server.exit, 0);
  shop.slow(0);
  const state = JSON.parse(await readFile(join(shop.folder, "sigterm-state.json"), "utf8"));
  assert.equal(state.services.executor.status, "healthy");
});

test("a second signal ends at once", async () => {
  const server = await shop.serving("second", { WATCHDOG_CRON: "false" });
  shop.slow(900);
  fetch(`${server.url}/tick`).catch(() => {});
  await once(shop.service, "request");
  server.signal("SIGINT");
  await server.says(/a second signal ends at once/);
  server.signal("SIGINT");
  assert.equal(await server.exit, 1);
  shop.slow(0);
});

test("with a startDelay it is ready, checks nothing until then, and ends at once when asked to", async () => {
  const path = await shop.config("delayed", { interval: "200ms" });
  const file = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, JSON.stringify({ ...file, startDelay: "1500ms" }));
  const server = await shop.serving("delayed", { WATCHDOG_CONFIG: path });
  const ask = async () => ({
    ready: (await fetch(`${server.url}/readyz`)).status,
    status: (await (await fetch(`${server.url}/status`)).json()) as { last_tick: unknown },
  });
  const beganMs = Date.now();
  let found = await ask();
  // Longer than the three intervals after which a watchdog that does not tick is not ready.
  while (Date.now() - beganMs < 900) found = await ask();
  assert.deepEqual([found.ready, found.status.last_tick], [200, null]);
  while (found.status.last_tick === null) found = await ask();
  assert.equal(found.ready, 200);
  server.signal("SIGTERM");
  assert.equal(await server.exit, 0);

  await writeFile(path, JSON.stringify({ ...file, startDelay: "1h" }));
  const later = await shop.serving("delayed", { WATCHDOG_CONFIG: path });
  await later.says(/the first checks are made in 1 h/);
  later.signal("SIGTERM");
  assert.equal(await later.exit, 0);
});

test("a client that hangs up does not stop the cycle", async () => {
  const server = await shop.serving("hangup", { WATCHDOG_CRON: "false" });
  shop.slow(300);
  const { port, hostname } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.write(`POST /tick HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  await once(shop.service, "request");
  socket.destroy();
  shop.slow(0);
  let status: { last_tick: unknown; services: { executor: { status: string } } };
  do {
    status = (await (await fetch(`${server.url}/status`)).json()) as typeof status;
  } while (status.last_tick === null);
  assert.equal(status.services.executor.status, "healthy");
  server.signal("SIGTERM");
  assert.equal(await server.exit, 0);
});

test("malformed and oversized requests are refused, and the watchdog goes on", async () => {
  const server = await shop.serving("hostile", { WATCHDOG_CRON: "false" });
  const { port, hostname } = new URL(server.url);
  for (const [bytes, status] of [
    ["this is not HTTP\r\n\r\n", "400"],
    [`GET /tick HTTP/1.1\r\nHost: x\r\nX-Big: ${"x".repeat(40_000)}\r\n\r\n`, "431"],
    ["GET /tick HTTP/1.1\r\n\r\n", "400"],
  ]) {
    const socket = connect(Number(port), hostname);
    socket.write(bytes!);
    const [answer] = (await once(socket, "data")) as [Buffer];
    assert.match(answer.toString(), new RegExp(`^HTTP/1.1 ${status}`));
    socket.destroy();
  }
  const big = await fetch(`${server.url}/tick`, { method: "POST", body: "x".repeat(1_000_000) });
  assert.ok([200, 413].includes(big.status));
  await big.text();
  assert.equal((await fetch(`${server.url}/livez`)).status, 200);
  server.signal("SIGTERM");
  assert.equal(await server.exit, 0);
});

test("no secret is printed, whatever the level", async () => {
  const secrets = ["sesame-open-1234", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "planted-path-5678"];
  const server = await shop.serving("secret", {
    WATCHDOG_TOKEN: secrets[0]!,
    WEBHOOK_URL: `http://127.0.0.1:9/${secrets[2]}`,
    WEBHOOK_SECRET: secrets[1]!,
    LOG_LEVEL: "debug",
    LOG_FORMAT: "json",
  });
  const headers = { authorization: `Bearer ${secrets[0]}` };
  const status = await (await fetch(`${server.url}/status`, { headers })).text();
  server.signal("SIGTERM");
  assert.equal(await server.exit, 0);
  for (const secret of secrets) {
    assert.ok(!`${server.err()}${server.out()}${status}`.includes(secret), `${secret} was printed`);
  }
  for (const line of server.err().trim().split("\n")) {
    assert.equal(typeof JSON.parse(line).message, "string");
  }
});

test("a scheduler's wrong token is logged once, and any of three headers opens with the right one", async () => {
  const server = await shop.serving("tokens", { WATCHDOG_TOKEN: "sesame-open-1234", WATCHDOG_CRON: "false" });
  const ask = async (headers: Record<string, string>) => {
    const answer = await fetch(`${server.url}/tick`, { method: "POST", headers });
    await answer.text();
    return answer.status;
  };
  for (let i = 0; i < 20; i++) assert.equal(await ask({ authorization: "Bearer planted-5678" }), 401);
  const basic = Buffer.from("cron:sesame-open-1234").toString("base64");
  for (const [name, value] of [
    ["authorization", "Bearer sesame-open-1234"],
    ["authorization", `Basic ${basic}`],
    ["x-api-key", "sesame-open-1234"],
  ] as const) {
    assert.equal(await ask({ [name]: value }), 200);
  }
  server.signal("SIGTERM");
  assert.equal(await server.exit, 0);
  const lines = server.err().match(/refused POST \/tick from 127\.0\.0\.1 with 401: its token .*/g);
  assert.equal(lines?.length, 1, server.err());
  assert.doesNotMatch(server.err(), /planted|sesame/);
});

/** A docker client that runs this, in a folder to be put in front of PATH. */
async function dockerClient(name: string, script: string): Promise<string> {
  const folder = join(shop.folder, name);
  await mkdir(folder);
  await writeFile(join(folder, "docker"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return `${folder}:${process.env.PATH}`;
}

test("what would else be learnt when a service fails is said at the start, in a few lines", async () => {
  const env = {
    DRY_RUN: "true",
    WATCHDOG_CRON: "false",
    WATCHDOG_CONFIG: await shop.config("told", { container: "exe" }),
  };
  const none = 'echo "[]"; echo "Error response from daemon: No such container: exe" >&2; exit 1';
  const server = await shop.serving("told", { ...env, PATH: await dockerClient("none", none) });
  await server.says(/this container does not exist, so nothing can be restarted: exe \(of executor\)/);
  server.signal("SIGTERM");
  assert.equal(await server.exit, 0);
  for (const line of [
    /dry run: no service is restarted/,
    /no receiver is configured/,
    /the internal cron is off/,
  ]) {
    assert.match(server.err(), line);
  }
  assert.ok(server.err().trim().split("\n").length <= 7, server.err());
});

test("an engine that hangs does not delay the start", async () => {
  const config = await shop.config("hanging", { container: "exe" });
  const env = { WATCHDOG_CONFIG: config, PATH: await dockerClient("hangs", "exec sleep 5") };
  const server = await shop.serving("hanging", env);
  assert.doesNotMatch(server.err(), /could not be inspected/);
  assert.equal((await fetch(`${server.url}/livez`)).status, 200);
  await server.says(/the containers could not be inspected in 2 s/);
  server.signal("SIGTERM");
  assert.equal(await server.exit, 0);
});

test("a port that is taken is said, with what to do", async () => {
  const { port } = shop.service.address() as AddressInfo;
  const { exit, err } = shop.run(["serve"], {
    PORT: String(port),
    WATCHDOG_CONFIG: await shop.config("taken"),
    STATE_FILE: join(shop.folder, "taken-state.json"),
  });
  assert.equal(await exit, 1);
  assert.match(err(), /set PORT/);
});
