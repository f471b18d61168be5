import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { systemClock } from "../../src/system/clock.ts";
import { openWorkshop, type Workshop } from "./workshop.ts";

let shop: Workshop;

before(async () => {
  shop = await openWorkshop();
});

after(() => shop.close());

/** All that a service name may be of what every object has. */
const NAMES = Object.getOwnPropertyNames(Object.prototype).filter((name) => !name.startsWith("_"));

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await once(server.close(), "close");
  return port;
}

/** Answers on the port that it is told. */
const PROGRAM = `require("node:http").createServer((_, r) => r.end("ok")).listen(+process.argv[1], "127.0.0.1")`;

test("services called constructor, toString and the like are found down, restarted and told of", async (t) => {
  assert.ok(NAMES.includes("constructor") && NAMES.includes("hasOwnProperty"));
  const told: string[] = [];
  const receiver = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    const { event_type, params } = JSON.parse(body);
    told.push(`${params.component_name} ${event_type} ${params.action}`);
    response.end();
  }).listen(0, "127.0.0.1");
  t.after(() => receiver.close());
  await once(receiver, "listening");

  const services: [string, object][] = [];
  for (const name of NAMES) {
    const port = String(await freePort());
    const isHealed = services.length < 2;
    const settings = {
      url: `http://127.0.0.1:${port}/`,
      interval: "200ms",
      timeout: "10s",
      failureThreshold: 1,
      startPeriod: "10s",
      // Two are enough to see that a restart helps; a Node each is much for a small machine.
      ...(isHealed
        ? { restarter: "process", process: { command: "node", args: ["-e", PROGRAM, port] } }
        : { action: "notify" }),
    };
    services.push([name, settings]);
  }
  const config = join(shop.folder, "names.config.json");
  const { port } = receiver.address() as AddressInfo;
  const plugins = { process: {}, webhook: { url: `http://127.0.0.1:${port}/` } };
  await writeFile(config, JSON.stringify({ services: Object.fromEntries(services), plugins }));
  const stateFile = join(shop.folder, "names-state.json");
  const watchdog = await shop.serving("names", { WATCHDOG_CONFIG: config, STATE_FILE: stateFile });

  const [healed, watched] = [NAMES.slice(0, 2), NAMES.slice(2)];
  const expected = [
    ...healed.map((name) => `${name} COMPONENT_RECOVERED restart`),
    ...watched.map((name) => `${name} COMPONENT_DOWN none`),
  ];
  while (told.length < expected.length) await systemClock.wait(50);
  assert.deepEqual(told.sort(), expected.sort());
  for (const name of NAMES) {
    const detail = await (await fetch(`${watchdog.url}/services/${name}`)).json();
    assert.equal(detail.status, healed.includes(name) ? "healthy" : "down", name);
    assert.equal(detail.last_incidents.length, healed.includes(name) ? 1 : 0, name);
  }
  assert.equal((await fetch(`${watchdog.url}/services/__proto__`)).status, 404);
  watchdog.signal("SIGTERM");
  assert.equal(await watchdog.exit, 0);
  const state = JSON.parse(await readFile(stateFile, "utf8"));
  assert.deepEqual(Object.keys(state.services), NAMES);

  const tick = shop.run(["tick"], { WATCHDOG_CONFIG: config, STATE_FILE: stateFile });
  assert.equal(await tick.exit, 0, tick.err());
  assert.deepEqual(Object.keys(JSON.parse(tick.out()).services), NAMES);
});
