/** An engine that restarts while the watchdog watches what it found there. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { skipWithoutEngine, until } from "./engine.ts";
import { type HostReceiver, type HostWatchdog, receiverOnHost, startOnThisHost } from "./host-watchdog.ts";
import { type SecondEngine, secondEngine, skipWithoutSecondEngine } from "./second-engine.ts";

const skip = (await skipWithoutEngine()) || skipWithoutSecondEngine();

let engine: SecondEngine;
let receiver: HostReceiver;
let watchdog: HostWatchdog;
let port = 0;
/** What a container on the network of this host would answer. */
const web = createServer((_, response) => response.end("ok"));

const FOUND = ["one", "two", "checked"] as const;
const ALL = [...FOUND, "web"].sort();
const statuses = async () => {
  const { services } = await watchdog.status();
  return Object.fromEntries(Object.entries(services).map(([name, { status }]) => [name, status]));
};
const allAre = (status: string) => async () => {
  const found = await statuses();
  if (Object.values(found).every((one) => one === status)) return true;
  throw new Error(JSON.stringify(found));
};
const run = (name: string, ...options: string[]) =>
  engine.docker(
    ...["run", "--detach", "--name", name, "--restart", "always", "--network", "none"],
    ...["--label", "watchdog.enable=true", ...options, engine.image, "sleep", "1000"],
  );
const listen = () => new Promise<void>((resolve) => web.listen(port, "127.0.0.1", resolve));
const seconds = (s: number) => new Promise((resolve) => setTimeout(resolve, s * 1000));

before(async () => {
  if (skip) return;
  engine = await secondEngine();
  await Promise.all([
    run("one"),
    run("two"),
    run("checked", "--health-cmd", "true", "--health-interval", "1s"),
    run("web"),
  ]);
  await listen();
  port = (web.address() as AddressInfo).port;
  receiver = await receiverOnHost();
  await receiver.open();
  const url = `http://127.0.0.1:${port}/`;
  watchdog = await startOnThisHost(
    {
      defaults: { interval: "1s", timeout: "900ms" },
      services: { web: { url, container: "web", check: "http" } },
      plugins: { docker: { discover: true }, webhook: { url: receiver.url } },
    },
    { DOCKER_HOST: engine.host },
  );
});

after(async () => {
  await watchdog?.stop();
  await receiver?.close();
  await engine?.remove();
  web.close();
});

test("the watchdog keeps its services, tells once that the engine is away and once that it is back, and follows it again", {
  skip,
  timeout: 120_000,
}, async () => {
  await until("all to be healthy", 20_000, allAre("healthy"));
  assert.deepEqual(Object.keys(await statuses()).sort(), ALL);
  await engine.stop();
  web.closeAllConnections();
  await new Promise((resolve) => web.close(resolve));
  await until("its absence to be told", 20_000, async () => receiver.alerts.length > 0);
  // Long enough for restarts, more alerts, and services that leave.
  await seconds(6);
  assert.deepEqual(Object.keys(await statuses()).sort(), ALL);
  assert.deepEqual(
    receiver.alerts.map(({ event_type, params }) => `${event_type} ${params.success}`),
    ["WATCHDOG_FAILURE false"],
    JSON.stringify(receiver.alerts.map(({ message }) => message)),
  );

  await listen();
  await engine.start();
  await until("all to be healthy again", 30_000, allAre("healthy"));
  assert.deepEqual(Object.keys(await statuses()).sort(), ALL);
  await until("its end to be told", 15_000, async () => receiver.alerts.length > 1);
  // By the engine's events: a look without them comes once a minute.
  await run("late");
  await until("a new one to be seen", 20_000, async () => "late" in (await statuses()));
  const told = receiver.alerts.map(({ event_type, params }) => `${event_type} ${params.success}`);
  assert.deepEqual(told, ["WATCHDOG_FAILURE false", "WATCHDOG_FAILURE true"]);
  for (const name of FOUND) assert.deepEqual((await watchdog.service(name)).restarts, []);
});
