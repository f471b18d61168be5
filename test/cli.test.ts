import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../src/cli.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const RUNTIME =
  "Deno" in globalThis
    ? ["run", "-A", "--no-check", "--config", join(ROOT, "deno.json")]
    : ["--import", "tsx"];

let folder = "";
let healthMs = 0;
let service: Server;
const children = new Set<ChildProcess>();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "watchdog-cli-"));
  service = createServer((_, response) => {
    setTimeout(() => response.end("ok"), healthMs);
  });
  service.listen(0, "127.0.0.1");
  await once(service, "listening");
});

after(async () => {
  for (const child of children) child.kill("SIGKILL");
  service.closeAllConnections();
  service.close();
  await rm(folder, { recursive: true });
});

async function config(name: string, changes: object = {}): Promise<string> {
  const { port } = service.address() as AddressInfo;
  const path = join(folder, `${name}.json`);
  const services = {
    executor: { url: `http://127.0.0.1:${port}/health`, interval: "1s", timeout: "1s", ...changes },
  };
  await writeFile(path, JSON.stringify({ services }));
  return path;
}

interface Run {
  child: ChildProcess;
  out(): string;
  err(): string;
  exit: Promise<number | null>;
  says(pattern: RegExp): Promise<RegExpMatchArray>;
}

function run(args: string[], env: Record<string, string>): Run {
  const child = spawn(process.execPath, [...RUNTIME, CLI, ...args], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, STATE_FILE: join(folder, "state.json"), ...env },
  });
  children.add(child);
  let out = "";
  let err = "";
  child.stdout!.on("data", (part) => {
    out += part;
  });
  child.stderr!.on("data", (part) => {
    err += part;
  });
  const exit = once(child, "exit").then(([code]) => {
    children.delete(child);
    return code as number | null;
  });
  async function says(pattern: RegExp): Promise<RegExpMatchArray> {
    for (;;) {
      const found = pattern.exec(err);
      if (found) return found;
      const event = await Promise.race([once(child.stderr!, "data"), exit.then(() => "ended" as const)]);
      if (event === "ended" && !pattern.test(err))
        throw new Error(`it ended without saying ${pattern}: ${err}`);
    }
  }
  return { child, out: () => out, err: () => err, exit, says };
}

async function serving(name: string, env: Record<string, string> = {}) {
  const started = run(["serve"], {
    PORT: "0",
    STATE_FILE: join(folder, `${name}-state.json`),
    WATCHDOG_CONFIG: await config(name),
    ...env,
  });
  const [, url] = await started.says(/(http:\/\/127\.0\.0\.1:\d+)\/status/);
  return { ...started, url: url! };
}

test("a one-shot tick makes a whole cycle, prints its report, keeps its state and exits 0", async () => {
  const env = { WATCHDOG_CONFIG: await config("tick"), STATE_FILE: join(folder, "tick-state.json") };
  const first = run(["tick"], env);
  assert.equal(await first.exit, 0, first.err());
  const report = JSON.parse(first.out());
  assert.deepEqual(report.counts, { checked: 1, healthy: 1, unhealthy: 0, restarted: 0, restart_failed: 0 });
  const second = run(["tick"], env);
  assert.equal(await second.exit, 0);
  assert.match(JSON.parse(second.out()).status, /completed|skipped/);
});

test("a one-shot tick finds a dead service over three runs: the state carries the count", async () => {
  const path = join(folder, "dead.json");
  const url = "http://127.0.0.1:9/health";
  const executor = { url, interval: "100ms", timeout: "100ms" };
  await writeFile(path, JSON.stringify({ services: { executor } }));
  const seen: string[] = [];
  for (const _ of [1, 2, 3]) {
    const { exit, out, err } = run(["tick"], {
      WATCHDOG_CONFIG: path,
      STATE_FILE: join(folder, "dead-state.json"),
    });
    assert.equal(await exit, 0, err());
    seen.push(JSON.parse(out()).services.executor.status);
  }
  assert.deepEqual(seen, ["failing", "failing", "down"]);
});

test("a one-shot tick beside a running watchdog is told that the state is held, and exits 75", async () => {
  const server = await serving("held");
  const tick = run(["tick"], {
    WATCHDOG_CONFIG: await config("held"),
    STATE_FILE: join(folder, "held-state.json"),
  });
  assert.equal(await tick.exit, 75, tick.err());
  const report = JSON.parse(tick.out());
  assert.equal(report.reason, "locked");
  assert.match(report.detail, new RegExp(`${server.child.pid}`));
  server.child.kill("SIGTERM");
  assert.equal(await server.exit, 0);
});

test("SIGTERM ends the running tick, saves, and exits 0", async () => {
  const server = await serving("sigterm", { WATCHDOG_CRON: "false" });
  healthMs = 400;
  const answer = fetch(`${server.url}/tick`);
  await once(service, "request");
  server.child.kill("SIGTERM");
  const report = (await (await answer).json()) as { status: string };
  assert.equal(report.status, "completed");
  assert.equal(await server.exit, 0);
  healthMs = 0;
  const state = JSON.parse(await readFile(join(folder, "sigterm-state.json"), "utf8"));
  assert.equal(state.services.executor.status, "healthy");
});

test("a second signal ends at once", async () => {
  const server = await serving("second", { WATCHDOG_CRON: "false" });
  healthMs = 900;
  fetch(`${server.url}/tick`).catch(() => {});
  await once(service, "request");
  server.child.kill("SIGINT");
  await server.says(/a second signal ends at once/);
  server.child.kill("SIGINT");
  assert.equal(await server.exit, 1);
  healthMs = 0;
});

test("a client that hangs up does not stop the cycle", async () => {
  const server = await serving("hangup", { WATCHDOG_CRON: "false" });
  healthMs = 300;
  const { port, hostname } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.write(`POST /tick HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  await once(service, "request");
  socket.destroy();
  healthMs = 0;
  let status: { last_tick: unknown; services: { executor: { status: string } } };
  do {
    status = (await (await fetch(`${server.url}/status`)).json()) as typeof status;
  } while (status.last_tick === null);
  assert.equal(status.services.executor.status, "healthy");
  server.child.kill("SIGTERM");
  assert.equal(await server.exit, 0);
});

test("malformed and oversized requests are refused, and the watchdog goes on", async () => {
  const server = await serving("hostile", { WATCHDOG_CRON: "false" });
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
  server.child.kill("SIGTERM");
  assert.equal(await server.exit, 0);
});

test("a wrong configuration is refused with every fault, exit 2, and nothing is started", async () => {
  const path = join(folder, "wrong.json");
  const executor = { url: "ftp://x", intervall: "15s", failureThreshold: 0 };
  await writeFile(path, JSON.stringify({ services: { executor } }));
  const { exit, err } = run(["serve"], { WATCHDOG_CONFIG: path, HOST: "0.0.0.0", PORT: "0" });
  assert.equal(await exit, 2);
  for (const fault of [/services\.executor\.url/, /intervall.*\n?.*interval/, /failureThreshold/, /token/i]) {
    assert.match(err(), fault);
  }
});

test("a wrong command line says what there is, and exits 2", async () => {
  for (const args of [["sreve"], ["tick", "now"], ["--loud"]]) {
    const { exit, err } = run(args, {});
    assert.equal(await exit, 2);
    assert.match(err(), /spreadpilot-watchdog tick/);
  }
});

test("status says of every service why, in one line", async () => {
  const server = await serving("status");
  const env = { WATCHDOG_CONFIG: await config("status"), PORT: new URL(server.url).port };
  const { exit, out, err } = run(["status"], env);
  assert.equal(await exit, 0, err());
  assert.match(out(), /^executor {2}(healthy|unknown) +Executor has /);
  server.child.kill("SIGTERM");
  assert.equal(await server.exit, 0);
  const gone = run(["status"], env);
  assert.equal(await gone.exit, 1);
  assert.match(gone.err(), /no watchdog answers/);
});

test("alert test sends a marked alert, and prints what the receiver answered", async () => {
  const bodies: string[] = [];
  const receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (part) => {
      body += part;
    });
    request.on("end", () => {
      bodies.push(body);
      response.statusCode = request.url === "/bad" ? 403 : 200;
      response.end();
    });
  });
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
  const { port } = receiver.address() as AddressInfo;
  const env = {
    WATCHDOG_CONFIG: await config("alert"),
    WEBHOOK_URL: `http://127.0.0.1:${port}/good,http://127.0.0.1:${port}/bad`,
  };
  const both = run(["alert", "test"], env);
  assert.equal(await both.exit, 1, both.err());
  assert.match(both.out(), /^webhook \(.*\): delivered, HTTP 200$/m);
  assert.match(both.out(), /^webhook-2 \(.*\): rejected, HTTP 403$/m);
  const one = run(["alert", "test", "webhook"], env);
  assert.equal(await one.exit, 0, one.err());
  const unknown = run(["alert", "test", "slack"], env);
  assert.equal(await unknown.exit, 2);
  assert.match(unknown.err(), /there are: webhook, webhook-2/);
  assert.equal(bodies.length, 3);
  assert.equal(JSON.parse(bodies[0]!).params.test, true);
  receiver.closeAllConnections();
  receiver.close();
});

test("no secret is printed, whatever the level", async () => {
  const secrets = ["sesame-open-1234", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "planted-path-5678"];
  const server = await serving("secret", {
    WATCHDOG_TOKEN: secrets[0]!,
    WEBHOOK_URL: `http://127.0.0.1:9/${secrets[2]}`,
    WEBHOOK_SECRET: secrets[1]!,
    LOG_LEVEL: "debug",
    LOG_FORMAT: "json",
  });
  const headers = { authorization: `Bearer ${secrets[0]}` };
  const status = await (await fetch(`${server.url}/status`, { headers })).text();
  server.child.kill("SIGTERM");
  assert.equal(await server.exit, 0);
  for (const secret of secrets) {
    assert.ok(!`${server.err()}${server.out()}${status}`.includes(secret), `${secret} was printed`);
  }
  for (const line of server.err().trim().split("\n")) {
    assert.equal(typeof JSON.parse(line).message, "string");
  }
});

test("a port that is taken is said, with what to do", async () => {
  const { port } = service.address() as AddressInfo;
  const { exit, err } = run(["serve"], {
    PORT: String(port),
    WATCHDOG_CONFIG: await config("taken"),
    STATE_FILE: join(folder, "taken-state.json"),
  });
  assert.equal(await exit, 1);
  assert.match(err(), /set PORT/);
});
