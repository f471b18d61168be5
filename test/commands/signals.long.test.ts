/** What a running watchdog does when it is signalled. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openWorkshop, type Workshop } from "./workshop.ts";

let shop: Workshop;

before(async () => {
  shop = await openWorkshop();
});

after(() => shop.close());

const savedHealth = async (name: string) => {
  const state = JSON.parse(await readFile(join(shop.folder, `${name}-state.json`), "utf8"));
  return state.services.executor.status;
};

test("SIGHUP is logged, and ends nothing: it checks on, and saves when it is stopped", async () => {
  const server = await shop.serving("hangup");
  for (let times = 1; times <= 3; times++) {
    server.signal("SIGHUP");
    await server.says(new RegExp(`(SIGHUP: the configuration is as it was[^]*){${times}}`));
  }
  await once(shop.service, "request");
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
  server.signal("SIGTERM");
  assert.equal(await server.exit, 0, server.err());
  assert.equal(await savedHealth("hangup"), "healthy");
});

test("SIGHUP does not end the start either", async () => {
  const path = await shop.config("starting");
  const slow = `process.stderr.write("setting up\\n"); await new Promise((soon) => setTimeout(soon, 500));`;
  await writeFile(
    join(shop.folder, "slow.mjs"),
    `export default () => ({ name: "slow", async setup() { ${slow} } });`,
  );
  const content = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, JSON.stringify({ ...content, plugins: { slow: { from: "./slow.mjs" } } }));
  const stateFile = join(shop.folder, "starting-state.json");
  const server = shop.run(["serve"], { WATCHDOG_CONFIG: path, PORT: "0", STATE_FILE: stateFile });
  await server.says(/setting up/);
  server.signal("SIGHUP");
  await server.says(/watching executor/);
  server.signal("SIGTERM");
  assert.equal(await server.exit, 0, server.err());
});

const script = spawnSync("script", ["--version"]).error === undefined;

const skip = !script && "script(1) is missing";

test("a terminal that closes ends nothing", { skip, timeout: 20_000 }, async () => {
  const port = await freePort();
  const terminal = spawn("script", ["-qfc", `exec ${shop.line(["serve"])}`, "/dev/null"], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      SHELL: "/bin/sh",
      PORT: String(port),
      STATE_FILE: join(shop.folder, "terminal-state.json"),
      WATCHDOG_CONFIG: await shop.config("terminal"),
    },
  });
  let shown = "";
  while (!/watching executor/.test(shown)) shown += (await once(terminal.stdout, "data"))[0];
  const pid = await holder("terminal");
  try {
    terminal.kill("SIGKILL");
    await once(terminal, "exit");
    // It hears of it at once, and its lines go nowhere from now on.
    for (let ticks = 0; ticks < 2; ticks++) await once(shop.service, "request");
    assert.equal((await fetch(`http://127.0.0.1:${port}/readyz`)).status, 200);
    process.kill(pid, "SIGTERM");
    while (lives(pid)) await new Promise((soon) => setTimeout(soon, 20));
  } finally {
    if (lives(pid)) process.kill(pid, "SIGKILL");
  }
  assert.equal(await savedHealth("terminal"), "healthy");
});

/** The process that holds the state of this name. */
async function holder(name: string): Promise<number> {
  return JSON.parse(await readFile(join(shop.folder, `${name}-state.json.lock`), "utf8")).pid;
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Routes that act, and routes that only tell. */
const ACTING = ["/tick", "/pause?for=1h", "/resume", "/restart", "/services/executor/restart?force=1"];
const TELLING = { "/livez": 200, "/readyz": 503, "/health": 503, "/status": 200, "/outbox": 200 };

test("while it ends it says so: probes are answered, what acts gets 503, and nobody holds up the end", async () => {
  const server = await shop.serving("ending", {
    WATCHDOG_CONFIG: await shop.config("ending", { timeout: "10s" }),
    WATCHDOG_CRON: "false",
  });
  const { port, hostname } = new URL(server.url);
  const held = ["", "GET /livez HTTP/1.1\r\nHost: local", "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"];
  const sockets = held.map((bytes) => {
    const socket = connect(Number(port), hostname).on("error", () => {});
    socket.write(bytes);
    return socket;
  });
  shop.slow(2500);
  const tick = fetch(`${server.url}/tick`, { method: "POST" });
  await once(shop.service, "request");
  server.signal("SIGTERM");
  await server.says(/finishing the running tick/);
  for (const path of [...ACTING, "/outbox/evt_1:webhook/retry"]) {
    const answer = await fetch(server.url + path, { method: "POST" });
    assert.equal(answer.status, 503, path);
    assert.match(answer.headers.get("retry-after") ?? "", /^[1-9]\d?$/, path);
    assert.match(await answer.text(), /the watchdog is shutting down/, path);
  }
  for (const [path, status] of Object.entries(TELLING)) {
    const answer = await fetch(server.url + path);
    assert.equal(answer.status, status, path);
    assert.equal(answer.headers.get("connection"), "close");
    if (status === 503) assert.match(await answer.text(), /"reason":"shutting down"/);
  }
  assert.equal(((await (await tick).json()) as { status: string }).status, "completed");
  const answeredMs = Date.now();
  assert.equal(await server.exit, 0, server.err());
  assert.ok(Date.now() - answeredMs < 3000, `it ended ${Date.now() - answeredMs} ms after its last answer`);
  shop.slow(0);
  for (const socket of sockets) socket.destroy();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
