/** What services answer, and what the whole program makes of it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer as createHttp } from "node:http";
import { createServer as createHttps } from "node:https";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { openWorkshop, type Workshop } from "./workshop.ts";

const fixture = (name: string) =>
  fileURLToPath(new URL(`../plugins/fixtures/${name}-test-only`, import.meta.url));
const UPGRADE = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
/** A healthy service's checks are this far apart at most; they are due every second. */
const MOST_APART_MS = 2500;

interface Status {
  services: Record<string, { last_check: { ok: boolean | null; reason: string } | null; failures: number }>;
}

let shop: Workshop;
const sockets = new Set<Socket>();
const switching = createServer((socket) => {
  sockets.add(socket);
  socket.on("error", () => {});
  socket.on("close", () => sockets.delete(socket));
  socket.once("data", () => socket.write(UPGRADE));
});

before(async () => {
  shop = await openWorkshop();
  switching.listen(0, "127.0.0.1");
  await once(switching, "listening");
});

after(async () => {
  switching.close();
  for (const socket of sockets) socket.destroy();
  await shop.close();
});

const at = (server: { address(): unknown }, scheme = "http") =>
  `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/health`;

test("twenty services that answer 101 fail in time, and the healthy one is checked every interval", async () => {
  const every = { interval: "1s", timeout: "1s", failureThreshold: 1000 };
  const services: Record<string, object> = {};
  for (let i = 0; i < 20; i++) services[`switching-${i}`] = { url: at(switching), ...every };
  services.healthy = { url: at(shop.service), ...every };
  const path = join(shop.folder, "twenty-one.json");
  await writeFile(path, JSON.stringify({ services, plugins: { http: { maxInFlight: 2 } } }));
  const server = await shop.serving("switching", { WATCHDOG_CONFIG: path });

  const checkedMs: number[] = [];
  for (let i = 0; i < 5; i++) {
    await once(shop.service, "request");
    checkedMs.push(performance.now());
  }
  const apart = checkedMs.slice(1).map((ms, i) => ms - checkedMs[i]!);
  assert.ok(Math.max(...apart) < MOST_APART_MS, `checked ${apart.map(Math.round)} ms apart`);

  const { services: seen } = (await (await fetch(`${server.url}/status`)).json()) as Status;
  assert.equal(seen.healthy!.last_check!.ok, true);
  for (let i = 0; i < 20; i++) {
    const { last_check: last, failures } = seen[`switching-${i}`]!;
    assert.equal(last!.ok, false);
    assert.match(last!.reason, /^HTTP 101 in \d+ ms$/);
    assert.ok(failures >= 3, `${failures} failures in five intervals`);
  }
  server.signal("SIGTERM");
  assert.equal(await server.exit, 0);
});

test("a 200 that says unhealthy is a failure where that is configured, and only there", async () => {
  const service = createHttp((_, response) => response.end('{"status":"unhealthy","db":{"up":false}}'));
  service.listen(0, "127.0.0.1");
  await once(service, "listening");
  const asking = (http: object) => ({ url: at(service), timeout: "5s", http });
  const services = {
    plain: asking({}),
    excluding: asking({ bodyExcludes: "unhealthy" }),
    reading: asking({ bodyJson: { path: "status", equals: "healthy" } }),
    deeper: asking({ bodyJson: { path: "db.up", equals: false } }),
  };
  const path = join(shop.folder, "bodies.json");
  await writeFile(path, JSON.stringify({ services }));
  const stateFile = join(shop.folder, "bodies-state.json");
  const env = { WATCHDOG_CONFIG: path, STATE_FILE: stateFile, LOG_LEVEL: "debug" };
  const { exit, out, err } = shop.run(["tick"], env);
  assert.equal(await exit, 0, err());
  service.closeAllConnections();
  service.close();
  assert.deepEqual(JSON.parse(out()).services, {
    plain: { status: "healthy" },
    excluding: { status: "failing", failures: 1, reason: 'body contains "unhealthy"' },
    reading: {
      status: "failing",
      failures: 1,
      reason: '"status" in the body is "unhealthy", not "healthy"',
    },
    deeper: { status: "healthy" },
  });
  assert.match(err(), /^.* checked deeper in \d+ ms: passed, HTTP 200 in \d+ ms$/m);
  assert.match(err(), /^.* checked excluding in \d+ ms: failed, body contains "unhealthy"$/m);
  assert.match(err(), /^.* Excluding failed a check \(1 of 3\): body contains "unhealthy"$/m);
});

test("a Host of one's own is the name that is asked for, and that the certificate must be for", async () => {
  const [key, cert] = ["key", "cert"].map((part) => readFileSync(`${fixture("app")}.${part}.pem`));
  const hosts: unknown[] = [];
  const service = createHttps({ key, cert }, (request, response) => {
    hosts.push(request.headers.host);
    response.end("ok");
  });
  service.listen(0, "127.0.0.1");
  await once(service, "listening");
  const asking = (host: string) => ({
    url: at(service, "https"),
    timeout: "5s",
    http: { headers: { host } },
  });
  const services = { right: asking("app.example.com:8443"), other: asking("other.example.com") };
  const path = join(shop.folder, "hosts.json");
  await writeFile(path, JSON.stringify({ services }));
  const env = {
    WATCHDOG_CONFIG: path,
    STATE_FILE: join(shop.folder, "hosts-state.json"),
    NODE_EXTRA_CA_CERTS: `${fixture("authority")}.cert.pem`,
  };
  const { exit, out, err } = shop.run(["tick"], env);
  assert.equal(await exit, 0, err());
  service.closeAllConnections();
  service.close();
  assert.deepEqual(JSON.parse(out()).services, {
    right: { status: "healthy" },
    other: { status: "failing", failures: 1, reason: "certificate is not for other.example.com" },
  });
  assert.deepEqual(hosts, ["app.example.com:8443"]);
});
