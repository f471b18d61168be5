import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openWorkshop, type Workshop } from "./workshop.ts";

let shop: Workshop;

before(async () => {
  shop = await openWorkshop();
});

after(() => shop.close());

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

test("a one-shot tick makes a whole cycle, prints its report, keeps its state and exits 0", async () => {
  const env = {
    WATCHDOG_CONFIG: await shop.config("tick"),
    STATE_FILE: join(shop.folder, "tick-state.json"),
  };
  const first = shop.run(["tick"], env);
  assert.equal(await first.exit, 0, first.err());
  const report = JSON.parse(first.out());
  assert.deepEqual(report.counts, { checked: 1, healthy: 1, unhealthy: 0, restarted: 0, restart_failed: 0 });
  const second = shop.run(["tick"], env);
  assert.equal(await second.exit, 0);
  assert.match(JSON.parse(second.out()).status, /completed|skipped/);
});

test("a one-shot tick ends when the dead-man switch has answered its ping", async () => {
  const answered: boolean[] = [];
  const slow = createServer((request, response) => {
    setTimeout(() => {
      answered.push(!request.destroyed && !response.destroyed);
      response.end("OK");
    }, 700);
  }).listen(0, "127.0.0.1");
  await once(slow, "listening");
  const tick = shop.run(["tick"], {
    WATCHDOG_CONFIG: await shop.config("pinging"),
    STATE_FILE: join(shop.folder, "pinging-state.json"),
    DEADMAN_URL: `http://127.0.0.1:${(slow.address() as AddressInfo).port}/ping`,
  });
  assert.equal(await tick.exit, 0, tick.err());
  slow.close();
  assert.deepEqual(answered, [true]);
});

test("a one-shot tick finds a dead service over three runs: the state carries the count", async () => {
  const path = join(shop.folder, "dead.json");
  const url = `http://127.0.0.1:${await closedPort()}/health`;
  const executor = { url, interval: "100ms", timeout: "100ms" };
  await writeFile(path, JSON.stringify({ services: { executor } }));
  const seen: string[] = [];
  for (const _ of [1, 2, 3]) {
    const { exit, out, err } = shop.run(["tick"], {
      WATCHDOG_CONFIG: path,
      STATE_FILE: join(shop.folder, "dead-state.json"),
    });
    assert.equal(await exit, 0, err());
    seen.push(JSON.parse(out()).services.executor.status);
  }
  assert.deepEqual(seen, ["failing", "failing", "down"]);
});

test("a one-shot tick beside a running watchdog is told that the state is held, and exits 75", async () => {
  const server = await shop.serving("held");
  const tick = shop.run(["tick"], {
    WATCHDOG_CONFIG: await shop.config("held"),
    STATE_FILE: join(shop.folder, "held-state.json"),
  });
  assert.equal(await tick.exit, 75, tick.err());
  const report = JSON.parse(tick.out());
  assert.equal(report.reason, "locked");
  assert.match(report.detail, new RegExp(`${server.child.pid}`));
  server.signal("SIGTERM");
  assert.equal(await server.exit, 0);
});

test("a wrong configuration is refused with every fault, exit 2, and nothing is started", async () => {
  const path = join(shop.folder, "wrong.json");
  const executor = { url: "ftp://x", intervall: "15s", failureThreshold: 0 };
  await writeFile(path, JSON.stringify({ services: { executor } }));
  const { exit, err } = shop.run(["serve"], { WATCHDOG_CONFIG: path, HOST: "0.0.0.0", PORT: "0" });
  assert.equal(await exit, 2);
  for (const fault of [/services\.executor\.url/, /intervall.*\n?.*interval/, /failureThreshold/, /token/i]) {
    assert.match(err(), fault);
  }
});

test("a token that can be guessed is refused where other machines reach it, exit 2, and not shown", async () => {
  const WATCHDOG_CONFIG = await shop.config("short-token");
  const env = { WATCHDOG_CONFIG, HOST: "0.0.0.0", PORT: "0", WATCHDOG_TOKEN: "hunter2" };
  const { exit, err } = shop.run(["serve"], env);
  assert.equal(await exit, 2);
  assert.match(
    err(),
    /env WATCHDOG_TOKEN: found a token of 7 characters.*\n.*at least 16 characters.*openssl rand -hex 32/,
  );
  assert.doesNotMatch(err(), /hunter2/);
});

test("a check, a restarter or a route that names nothing is refused once the plugins are known, exit 2", async () => {
  const path = join(shop.folder, "names-nothing.json");
  const services = {
    executor: { url: "http://127.0.0.1:9/", container: "c", restarter: "http", check: "gopher" },
  };
  const plugins = { console: { services: ["exekutor"] } };
  await writeFile(path, JSON.stringify({ services, plugins }));
  const { exit, err } = shop.run(["tick"], { WATCHDOG_CONFIG: path });
  assert.equal(await exit, 2);
  for (const fault of [
    /services\.executor\.check/,
    /services\.executor\.restarter/,
    /sink console.*exekutor/,
  ]) {
    assert.match(err(), fault);
  }
});

/** Modules of third parties, and what is wrong with each. */
const MODULES = {
  "broken.mjs": 'throw new Error("no licence");',
  "empty.mjs": "export const nothing = 1;",
  "unset.mjs": 'export default () => ({ name: "unset", setup() { throw new Error("no key"); } });',
  "holds.mjs": 'export default () => ({ name: "holds", setup() { setInterval(() => {}, 1000); } });',
};

test("a plugin that cannot be loaded or set up hides no other fault, and is not held against its services", async () => {
  for (const [name, text] of Object.entries(MODULES)) await writeFile(join(shop.folder, name), text);
  const path = join(shop.folder, "plugins.json");
  const url = "http://127.0.0.1:9/";
  const services = {
    one: { url, intervall: 1, broken: { depth: 3 }, check: "broken" },
    two: { url, container: "c", restarter: "nobody", dependsOn: ["three"] },
  };
  const plugins = {
    broken: { from: "./broken.mjs", level: 1 },
    empty: { from: "./empty.mjs" },
    unset: { from: "./unset.mjs" },
    unset2: { from: "./unset.mjs" },
    holds: { from: "./holds.mjs" },
    console: { services: ["two", "zwei"] },
    emial: {},
  };
  await writeFile(path, JSON.stringify({ services, plugins }));
  const { exit, err } = shop.run(["tick"], { WATCHDOG_CONFIG: path, PORT: "99999" });
  assert.equal(await exit, 2);
  const paths = err().match(/^ {2}\S.*(?=: found)/gm);
  assert.deepEqual(paths?.map((line) => line.trim()).sort(), [
    "env PORT",
    "plugins.broken.from",
    "plugins.emial",
    "plugins.empty.from",
    "plugins.unset",
    "plugins.unset2",
    "services of the sink console",
    "services.one.intervall",
    "services.two.dependsOn[0]",
    "services.two.restarter",
  ]);
});

test("a plugin that cannot be set up is a failed start, and not a wrong configuration: exit 1", async () => {
  const path = join(shop.folder, "unset.json");
  const services = { executor: { url: "http://127.0.0.1:9/" } };
  await writeFile(path, JSON.stringify({ services, plugins: { unset: { from: "./unset.mjs" } } }));
  const { exit, err } = shop.run(["tick"], { WATCHDOG_CONFIG: path });
  assert.equal(await exit, 1);
  assert.match(err(), /plugins\.unset: found a plugin that could not be set up: no key/);
});

test("where the sentinel does not answer either, nothing is restarted: the fault is our own network", async () => {
  const path = join(shop.folder, "sentinel.json");
  const url = `http://127.0.0.1:${await closedPort()}/`;
  const executor = {
    url,
    container: "never-restarted",
    interval: "100ms",
    timeout: "100ms",
    failureThreshold: 1,
  };
  await writeFile(path, JSON.stringify({ services: { executor }, sentinel: { url } }));
  const stateFile = join(shop.folder, "sentinel-state.json");
  const { exit, err } = shop.run(["tick"], { WATCHDOG_CONFIG: path, STATE_FILE: stateFile });
  assert.equal(await exit, 0, err());
  const { brake, services } = JSON.parse(await readFile(stateFile, "utf8"));
  assert.equal(brake.kind, "network");
  assert.deepEqual(services.executor.restarts, []);
  assert.match(
    services.executor.hold.reason,
    /own network seems to be down \(sentinel: connection refused\)/,
  );
});

test("status says of every service why, in one line", async () => {
  const server = await shop.serving("status");
  const env = { WATCHDOG_CONFIG: await shop.config("status"), PORT: new URL(server.url).port };
  const { exit, out, err } = shop.run(["status"], env);
  assert.equal(await exit, 0, err());
  assert.match(out(), /^executor {2}(healthy|unknown) +Executor has /);
  server.signal("SIGTERM");
  assert.equal(await server.exit, 0);
  const gone = shop.run(["status"], env);
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
    WATCHDOG_CONFIG: await shop.config("alert"),
    WEBHOOK_URL: `http://127.0.0.1:${port}/good,http://127.0.0.1:${port}/bad`,
  };
  const both = shop.run(["alert", "test"], env);
  assert.equal(await both.exit, 1, both.err());
  assert.match(both.out(), /^webhook \(.*\): delivered, HTTP 200$/m);
  assert.match(both.out(), /^webhook-2 \(.*\): rejected, HTTP 403$/m);
  const one = shop.run(["alert", "test", "webhook"], env);
  assert.equal(await one.exit, 0, one.err());
  const unknown = shop.run(["alert", "test", "slack"], env);
  assert.equal(await unknown.exit, 2);
  assert.match(unknown.err(), /there are: webhook, webhook-2/);
  assert.equal(bodies.length, 3);
  assert.equal(JSON.parse(bodies[0]!).params.test, true);
  receiver.closeAllConnections();
  receiver.close();
});
