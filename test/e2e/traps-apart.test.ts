/** Traps that need a watchdog of their own: the engine does not answer; nobody takes the alerts. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { docker, removeAll, skipWithoutEngine, until } from "./engine.ts";
import { freePort, type HostService, startOnHost, startWitness, type Witness } from "./host.ts";
import { type HostReceiver, receiverOnHost, startOnThisHost } from "./host-watchdog.ts";
import { baseImages } from "./images.ts";

const skip = await skipWithoutEngine();
const ENV = { CHECK_INTERVAL_SECONDS: "1", HEALTH_CHECK_TIMEOUT: "1", MAX_CONSECUTIVE_FAILURES: "2" };

let image: string;
let witness: Witness;
const seconds = (s: number) => new Promise((resolve) => setTimeout(resolve, s * 1000));

function configOf(app: HostService, receiver: HostReceiver, said: object = {}): object {
  return {
    services: { app: { url: app.url, container: app.container, ...said } },
    plugins: { cron: {}, docker: {}, webhook: { url: receiver.url } },
  };
}

async function startApp(): Promise<HostService> {
  const app = await startOnHost("app", { image });
  await until("the app to answer", 10_000, async () => (await app.ask()) === 200);
  return app;
}

describe("traps of a watchdog in trouble", { skip, timeout: 120_000 }, () => {
  before(async () => {
    image = (await baseImages()).node;
    witness = await startWitness();
  });
  after(async () => {
    await witness?.stop();
    await removeAll();
  });

  test("an engine that does not answer closes the brake: one alert, no restart, and a reason", async (t) => {
    const app = await startApp();
    const receiver = await receiverOnHost();
    t.after(() => receiver.close());
    await receiver.open();
    const away = `tcp://127.0.0.1:${await freePort()}`;
    const watchdog = await startOnThisHost(configOf(app, receiver), { ...ENV, DOCKER_HOST: away });
    t.after(() => watchdog.stop());

    await app.break("500");
    await until("the brake to hold it", 20_000, async () => {
      return (await watchdog.service("app")).hold?.kind === "brake";
    });
    await seconds(4);
    assert.deepEqual(
      receiver.alerts.map(({ event_type, severity }) => [event_type, severity]),
      [["WATCHDOG_FAILURE", "CRITICAL"]],
    );
    const why = /the container engine does not answer \(.*correct DOCKER_HOST/;
    assert.match(receiver.alerts[0]!.message, why);
    const { brake } = await watchdog.status();
    assert.equal(brake?.kind, "engine");
    assert.match((await watchdog.service("app")).why, why);
    assert.deepEqual(witness.restarts(app), []);
    assert.deepEqual((await watchdog.service("app")).restarts, []);
  });

  test("the sink is down during the outage: every alert arrives later, once and in order", async (t) => {
    const app = await startApp();
    const receiver = await receiverOnHost();
    t.after(() => receiver.close());
    const watchdog = await startOnThisHost(configOf(app, receiver, { action: "notify" }), ENV);
    t.after(() => watchdog.stop());
    const untilHeld = (count: number) =>
      until(`${count} alerts to wait`, 20_000, async () => {
        return (await watchdog.status()).outbox.pending === count;
      });

    await app.break("500");
    await untilHeld(1);
    await docker("restart", app.id);
    await untilHeld(2);
    await receiver.open();
    await until("both to arrive", 60_000, async () => receiver.alerts.length >= 2);
    await until("both to be known as sent", 10_000, async () => {
      const { sent, pending, dead } = (await watchdog.status()).outbox;
      return sent === 2 && pending === 0 && dead === 0;
    });
    assert.deepEqual(
      receiver.alerts.map(({ event_type }) => event_type),
      ["COMPONENT_DOWN", "COMPONENT_RECOVERED"],
    );
    assert.equal(new Set(receiver.alerts.map(({ id }) => id)).size, 2);
  });
});
