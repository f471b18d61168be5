/** `spreadpilot-watchdog incidents`: what a person reads who comes when it is over, or while it lasts. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openWorkshop, type Workshop } from "./workshop.ts";

let shop: Workshop;

before(async () => {
  shop = await openWorkshop();
});

after(() => shop.close());

async function ask(words: string[], env: Record<string, string>) {
  const { exit, out, err } = shop.run(words, env);
  return { code: await exit, out: out(), err: err() };
}

function close(server: Server): void {
  server.closeAllConnections();
  server.close();
}

test("an outage is listed while it lasts and when it is over, and each is told whole", async (t) => {
  let status = 500;
  const service = createServer((_, response) => {
    response.writeHead(status).end();
  }).listen(0, "127.0.0.1");
  await once(service, "listening");
  t.after(() => close(service));
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/health`;
  const config = join(shop.folder, "fallen-config.json");
  const services = { executor: { url, interval: "100ms", timeout: "1s", failureThreshold: 2 } };
  await writeFile(config, JSON.stringify({ services }));
  const settings = { WATCHDOG_CONFIG: config, WATCHDOG_CRON: "false", WATCHDOG_TOKEN: "planted-0123456789" };
  const server = await shop.serving("fallen", settings);
  const env = { ...settings, PORT: new URL(server.url).port };
  const headers = { authorization: `Bearer ${settings.WATCHDOG_TOKEN}` };
  const tick = async () => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    await (await fetch(`${server.url}/tick`, { headers })).text();
  };

  assert.deepEqual(await ask(["incidents"], env), { code: 0, out: "no incidents\n", err: "" });
  for (const _ of [1, 2]) await tick();
  const lasting = await ask(["incidents"], env);
  assert.equal(lasting.code, 0, lasting.err);
  const line = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}(inc_\w+) {2}executor {2}ongoing; first failure: HTTP 500/;
  const [, id] = line.exec(lasting.out) ?? assert.fail(lasting.out);
  const sofar = await ask(["incidents", id!], env);
  assert.match(
    sofar.out,
    new RegExp(`^${id}: Executor\nsince .* UTC: ongoing\n\n.*the first check failed: HTTP 5`),
  );

  status = 200;
  await tick();
  const over = await ask(["incidents"], env);
  assert.match(over.out, new RegExp(` {2}${id} {2}executor {2}Executor recovered`));
  const whole = await ask(["incidents", id!], env);
  assert.equal(whole.code, 0, whole.err);
  assert.match(
    whole.out,
    /UTC: Executor recovered .*\n\n.*the first check failed: HTTP 500.*\n(.*\n)*.*recovered/,
  );
  const asJson = await ask(["incidents", id!, "--json"], env);
  assert.equal(JSON.parse(asJson.out).id, id);

  const unknown = await ask(["incidents", "inc_none"], env);
  assert.equal(unknown.code, 1);
  assert.equal(unknown.err, 'no incident "inc_none" is kept\n');
  server.signal("SIGTERM");
  assert.equal(await server.exit, 0);
});

test("what the container said is shown, without what could rewrite a terminal", async (t) => {
  const evidence = {
    takenAt: "2026-11-24T00:12:13.000Z",
    healthLog: ["exit 1: refused"],
    logLines: ["\u001b[2Jlast\rwords"],
    hint: "OOMKilled: raise the memory limit",
    missing: "docker inspect took longer than 2 s",
  };
  const story = {
    id: "inc_1",
    service: "executor",
    displayName: "Executor",
    container: "spreadpilot-executor",
    evidence: [evidence],
    log: [{ at: "2026-11-24T00:12:11.000Z", text: "the first check failed" }],
  };
  const fake = createServer((_, response) => {
    response.end(JSON.stringify(story));
  }).listen(0, "127.0.0.1");
  await once(fake, "listening");
  t.after(() => close(fake));
  const PORT = String((fake.address() as AddressInfo).port);
  const { code, out } = await ask(["incidents", "inc_1"], {
    WATCHDOG_CONFIG: await shop.config("fake"),
    PORT,
  });
  assert.equal(code, 0);
  assert.deepEqual(out.split("\n"), [
    "inc_1: Executor, container spreadpilot-executor",
    "since unknown time UTC: ongoing",
    "",
    "2026-11-24 00:12:11  the first check failed",
    "",
    "container at 2026-11-24 00:12:13 UTC: OOMKilled: raise the memory limit",
    "  missing: docker inspect took longer than 2 s",
    "  health check: exit 1: refused",
    "  |  [2Jlast words",
    "",
  ]);
});

test("an answer of another program is recognised as such", async (t) => {
  const other = createServer((_, response) => {
    response.end("<html>hello</html>");
  }).listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => close(other));
  const { port } = other.address() as AddressInfo;
  const env = { WATCHDOG_CONFIG: await shop.config("other"), PORT: String(port) };
  for (const command of ["incidents", "status"]) {
    const { code, out, err } = await ask([command], env);
    const says = `what answers at 127.0.0.1 port ${port} is not a watchdog (HTTP 200)\n`;
    assert.deepEqual({ code, out, err }, { code: 1, out: "", err: says });
  }
});
