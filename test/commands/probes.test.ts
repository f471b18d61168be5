/** What load balancers send to ask whether a server is up, on the wire. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openWorkshop, type Workshop } from "./workshop.ts";

let shop: Workshop;

before(async () => {
  shop = await openWorkshop();
});

after(() => shop.close());

/** The whole answer to what is written, in the parts that it is written in. */
async function answerTo(url: string, ...parts: string[]): Promise<string> {
  const { port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.setNoDelay(true);
  let answer = "";
  socket.on("data", (bytes) => {
    answer += bytes;
  });
  const closed = once(socket, "close");
  for (const part of parts) await new Promise((written) => socket.write(part, written));
  await closed;
  return answer;
}

const PROBES = ["/livez", "/readyz", "/health"].flatMap((path) =>
  ["GET", "HEAD", "OPTIONS"].map((method) => `${method} ${path}`),
);

test("a probe of HTTP/1.0 without a Host is answered, with a token and without", async () => {
  for (const token of ["", "sesame-open-the-door"]) {
    const server = await shop.serving("probes", { WATCHDOG_TOKEN: token });
    for (const probe of [...PROBES, "OPTIONS /"]) {
      const answer = await answerTo(server.url, `${probe} HTTP/1.0\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/, probe);
      assert.equal(/\{"status":"ok"/.test(answer), !probe.startsWith("HEAD"), answer);
    }
    const bytes = [..."GET /readyz HTTP/1.0\r\n\r\n"];
    assert.match(await answerTo(server.url, ...bytes), /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(
      await answerTo(server.url, "GET /livez HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n"),
      /200/,
    );
    server.signal("SIGTERM");
    assert.equal(await server.exit, 0);
  }
});

test("without a Host the rest stays as it is: open on loopback without a token, shut with one", async () => {
  for (const [token, status] of [
    ["", 200],
    ["sesame-open-the-door", 401],
  ] as const) {
    const server = await shop.serving("rest", { WATCHDOG_TOKEN: token });
    for (const path of ["/status", "/tick"]) {
      assert.match(
        await answerTo(server.url, `GET ${path} HTTP/1.0\r\n\r\n`),
        new RegExp(`^\\S+ ${status} `),
      );
    }
    const fromAPage = "POST /tick HTTP/1.0\r\nOrigin: https://evil.test\r\n\r\n";
    assert.match(await answerTo(server.url, fromAPage), new RegExp(`^\\S+ ${token ? 401 : 403} `));
    server.signal("SIGTERM");
    assert.equal(await server.exit, 0);
  }
});

const missing = spawnSync("haproxy", ["-v"]).error !== undefined && "haproxy is not installed";

/** Every way to write the check without a version and a Host. */
const CHECKS = { bare: "", path: "/readyz", get: "GET /readyz", head: "HEAD /livez" };

test("HAProxy's own checks find a ready watchdog up, and an unready one down", {
  skip: missing,
}, async () => {
  const interval = { interval: "100ms", timeout: "100ms" };
  const ready = await shop.serving("ready", { WATCHDOG_CONFIG: await shop.config("ready", interval) });
  const idle = { WATCHDOG_CONFIG: await shop.config("idle", interval), WATCHDOG_CRON: "false" };
  const unready = await shop.serving("idle", idle);
  const socket = join(shop.folder, "haproxy.sock");
  const backends = Object.entries(CHECKS).map(
    ([name, check]) => `backend ${name}
  option httpchk ${check}
  server ready ${new URL(ready.url).host} check inter 100 rise 1 fall 1
  server unready ${new URL(unready.url).host} check inter 100 rise 1 fall 1`,
  );
  const text = `global
  stats socket ${socket} mode 600
defaults
  mode http
  timeout connect 2s
  timeout client 2s
  timeout server 2s
${backends.join("\n")}\n`;
  await writeFile(join(shop.folder, "haproxy.cfg"), text);
  const proxy = spawn("haproxy", ["-db", "-f", join(shop.folder, "haproxy.cfg")]);
  try {
    const wanted = Object.keys(CHECKS).flatMap((name) => [
      `${name}/ready UP L7OK`,
      `${name}/unready ${name === "head" ? "UP L7OK" : "DOWN L7STS"}`,
    ]);
    await untilShown(proxy, socket, wanted);
  } finally {
    proxy.kill("SIGKILL");
  }
  for (const server of [ready, unready]) {
    server.signal("SIGTERM");
    assert.equal(await server.exit, 0);
  }
});

/** Asks until HAProxy says this of its servers; what it said last when it never does. */
async function untilShown(proxy: ChildProcess, socket: string, wanted: string[]): Promise<void> {
  let shown: string[] = [];
  for (let tries = 0; tries < 100 && proxy.exitCode === null; tries++) {
    shown = await serversOf(socket).catch(() => []);
    if (wanted.every((line) => shown.includes(line))) return;
    await new Promise((soon) => setTimeout(soon, 100));
  }
  assert.deepEqual(shown, wanted);
}

async function serversOf(path: string): Promise<string[]> {
  const socket = connect(path);
  socket.write("show stat\n");
  let text = "";
  for await (const part of socket) text += part;
  const [head, ...rows] = text.trim().split("\n");
  const columns = head!.replace(/^# /, "").split(",");
  return rows
    .map((row) => Object.fromEntries(row.split(",").map((cell, i) => [columns[i]!, cell])))
    .filter(({ svname }) => svname !== "BACKEND")
    .map(
      ({ pxname, svname, status, check_status }) =>
        `${pxname}/${svname} ${status!.split(" ")[0]} ${check_status!.replace("* ", "")}`,
    );
}
