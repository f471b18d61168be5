/** A running watchdog takes up a changed configuration: all of it, or nothing. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { Alert } from "../../src/plugin.ts";
import { openWorkshop, type Workshop } from "./workshop.ts";

let shop: Workshop;

before(async () => {
  shop = await openWorkshop();
});

after(() => shop.close());

/** Takes alerts, or refuses them with 503 while `open` is false. */
async function receiver(t: TestContext) {
  const alerts: Alert[] = [];
  const self = { alerts, open: true, url: "" };
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    if (self.open) alerts.push(JSON.parse(text));
    response.writeHead(self.open ? 200 : 503).end('{"id":1}');
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  self.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return self;
}

/** A watchdog whose file is written and read again at will. */
async function watchdog(t: TestContext, name: string, content: object) {
  const path = join(shop.folder, `${name}.yaml`);
  const write = (next: object | string) =>
    writeFile(path, typeof next === "string" ? next : JSON.stringify(next));
  await write(content);
  const run = await shop.serving(name, { WATCHDOG_CONFIG: path });
  t.after(async () => {
    run.signal("SIGTERM");
    assert.equal(await run.exit, 0, run.err());
  });
  // biome-ignore lint/suspicious/noExplicitAny: an answer, looked into field by field.
  const ask = async (at: string, method = "GET"): Promise<{ code: number; body: any }> => {
    const response = await fetch(`${run.url}${at}`, { method });
    return { code: response.status, body: await response.json() };
  };
  return { ...run, ask, write, reload: () => ask("/reload", "POST") };
}

async function until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await isSo()) return;
    await wait(50);
  }
  assert.fail(`never: ${what}`);
}

const healthy = () => `http://127.0.0.1:${(shop.service.address() as AddressInfo).port}/health`;
const web = (changes: object = {}) => ({
  url: healthy(),
  interval: "1s",
  timeout: "900ms",
  ...changes,
});
/** It answers 200, which is not what is wanted. */
const down = (changes: object = {}) => web({ http: { status: 503 }, action: "notify", ...changes });
const troubles = (status: { troubles: { name: string }[] }) => status.troubles.map(({ name }) => name);

test("SIGHUP takes up what was added, changed and removed, and keeps what stayed", async (t) => {
  const dog = await watchdog(t, "hup", { services: { web: web(), old: web() } });
  await until("both are healthy", async () => {
    const { web, old } = (await dog.ask("/status")).body.services;
    return web.status === "healthy" && old.status === "healthy";
  });
  const before = (await dog.ask("/status")).body;
  await dog.write({ services: { web: web({ failureThreshold: 5 }), fresh: web() } });
  dog.signal("SIGHUP");
  await dog.says(/SIGHUP: the new configuration is in force \(2 services; added: fresh; removed: old\)/);
  const after = (await dog.ask("/status")).body;
  assert.deepEqual(Object.keys(after.services), ["web", "fresh"]);
  assert.equal(after.services.web.since, before.services.web.since);
  assert.notEqual(after.configuration.loaded, before.configuration.loaded);
  assert.equal(after.configuration.refused, null);
  await until("the new one is checked", async () => {
    return (await dog.ask("/status")).body.services.fresh.status === "healthy";
  });
});

test("a wrong file changes nothing, is told with every fault, and is over with the next right one", async (t) => {
  const hook = await receiver(t);
  const file = (services: object) => ({ services, plugins: { webhook: { url: hook.url } } });
  const dog = await watchdog(t, "wrong", file({ web: web() }));
  await dog.write(file({ web: web({ interval: "soon" }), other: { url: 7 } }));
  const refused = await dog.reload();
  assert.equal(refused.code, 422);
  assert.deepEqual(
    refused.body.faults.map(({ path }: { path: string }) => path),
    ["services.web.interval", "services.other.url"],
  );
  const { body: status } = await dog.ask("/status");
  assert.deepEqual(Object.keys(status.services), ["web"]);
  assert.deepEqual(status.configuration.refused.faults, refused.body.faults);
  assert.deepEqual(troubles(status), ["configuration"]);
  await until("the fault is told", () => hook.alerts.length === 1);
  const [told] = hook.alerts;
  assert.equal(told!.event_type, "WATCHDOG_FAILURE");
  assert.match(
    told!.message,
    /the one before stays in force.*services\.web\.interval.*services\.other\.url/s,
  );

  // Another wrong one is the same trouble with other faults.
  await dog.write("services: [");
  assert.equal((await dog.reload()).code, 422);
  const [{ reason }] = (await dog.ask("/status")).body.troubles;
  assert.match(reason, /wrong\.yaml/);
  assert.doesNotMatch(reason, /services\.web\.interval/);

  await dog.write(file({ web: web() }));
  assert.deepEqual(await dog.reload(), {
    code: 200,
    body: { status: "ok", message: "the configuration is as it was" },
  });
  assert.deepEqual(troubles((await dog.ask("/status")).body), []);
  await until("its end is told", () => hook.alerts.length === 2);
  assert.equal(hook.alerts[1]!.params.success, true);
  assert.equal(hook.alerts[1]!.params.incident_id, told!.params.incident_id);
});

test("what belongs to the process asks for a restart of it", async (t) => {
  const dog = await watchdog(t, "fixed", { services: { web: web() } });
  await dog.write({ services: { web: web(), other: web() }, stateFile: "elsewhere.json", logFormat: "json" });
  const { code, body } = await dog.reload();
  assert.equal(code, 422);
  assert.match(
    body.error,
    /logFormat: found "json"\n *accepted: "pretty".*restart the watchdog to change it/,
  );
  assert.deepEqual(Object.keys((await dog.ask("/status")).body.services), ["web"]);
});

test("a new receiver gets the next alert; a removed one still gets what waits for it", async (t) => {
  const [first, second] = [await receiver(t), await receiver(t)];
  first.open = false;
  const services = { a: down({ failureThreshold: 1 }) };
  const dog = await watchdog(t, "receivers", { services, plugins: { webhook: { url: first.url } } });
  await until("an alert waits", async () => (await dog.ask("/outbox")).body.entries[0]?.attempts >= 1);
  const more = { ...services, b: down({ failureThreshold: 1 }) };
  await dog.write({ services: more, plugins: { gotify: { url: second.url, token: "a-token-of-gotify" } } });
  assert.equal((await dog.reload()).code, 200);
  await until("the new one is told", () => second.alerts.length === 1);
  first.open = true;
  await until("the removed one is told too", () => first.alerts.length === 1);
  assert.equal(first.alerts[0]!.params.component_name, "a");
  assert.deepEqual(
    (await dog.ask("/outbox")).body.sinks.map(({ name }: { name: string }) => name),
    ["gotify"],
  );
  await until("nothing waits or is dead", async () => {
    const { pending, dead } = (await dog.ask("/outbox")).body;
    return pending === 0 && dead === 0;
  });
});

test("a corrected address gets at once what waited for the wrong one", async (t) => {
  const [wrong, right] = [await receiver(t), await receiver(t)];
  wrong.open = false;
  const services = { a: down({ failureThreshold: 1 }) };
  const dog = await watchdog(t, "address", {
    services,
    plugins: { webhook: { url: wrong.url } },
  });
  await until("an alert waits", async () => (await dog.ask("/outbox")).body.entries[0]?.attempts >= 1);
  await dog.write({ services, plugins: { webhook: { url: right.url } } });
  await dog.reload();
  await until("it arrives", () => right.alerts.length === 1);
});

test("the plugins that are configured as before are not set up again; others end", async (t) => {
  const module = join(shop.folder, "counted.mjs");
  await writeFile(
    module,
    `let made = 0;
     export default ({ mark }) => ({ name: "counted", setup({ log, ending }) {
       const number = ++made;
       log.info("set up " + mark + " as number " + number);
       ending.addEventListener("abort", () => log.info("number " + number + " ends"));
     } });`,
  );
  const file = (mark: string, interval: string) => ({
    services: { web: web({ interval }) },
    plugins: { counted: { from: "./counted.mjs", mark } },
  });
  const dog = await watchdog(t, "plugins", file("one", "1s"));
  await dog.write(file("one", "2s"));
  await dog.reload();
  assert.doesNotMatch(dog.err(), /number 2/);
  await dog.write(file("two", "2s"));
  await dog.reload();
  await dog.says(/set up two as number 2[\s\S]*number 1 ends/);
});

test("a file that a full disk has emptied does not replace the services by the built-in ones", async (t) => {
  const dog = await watchdog(t, "emptied", { services: { web: web() } });
  await dog.write("");
  const { code, body } = await dog.reload();
  assert.equal(code, 422);
  assert.equal(body.faults[0].path, "services");
  assert.deepEqual(Object.keys((await dog.ask("/status")).body.services), ["web"]);
});
