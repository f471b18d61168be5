/** A watchdog that is not on the services' network restarts nothing that runs, and says how it gets there. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { docker, removeAll, skipWithoutEngine, uniqueName, until } from "./engine.ts";
import { receiverOnHost, startOnThisHost } from "./host-watchdog.ts";
import { baseImages, buildImages } from "./images.ts";
import { addressOf, SECRET, startReceiver } from "./receiver.ts";
import { startTopology } from "./topology.ts";
import { startWatchdog, untilSaved } from "./watchdog.ts";

const skip = await skipWithoutEngine();
after(removeAll);

const nameOf = async (network: string) => docker("network", "inspect", "-f", "{{.Name}}", network);

/** The services, each in a container of a name of its own and under an alias on a network of their own. */
async function town(image: string, names: readonly string[]) {
  const specs = Object.fromEntries(
    names.map((name) => [name, { container: uniqueName(name), alias: name, port: 8080, path: "/health" }]),
  );
  const topology = await startTopology(image, specs);
  return {
    topology,
    network: await nameOf(topology.network),
    container: (name: string) => specs[name]!.container,
  };
}

test("on the default network it restarts nothing that runs, tells once, and all is well after the command that it names", {
  skip,
}, async () => {
  const images = await buildImages();
  const { topology, network, container } = await town(images.node, ["executor", "monitor", "feed"]);
  const receiver = await startReceiver("bridge", images.node);
  const address = await addressOf(container("feed"), network);
  const services = {
    executor: { url: "http://executor:8080/health", container: container("executor") },
    monitor: { url: "http://monitor:8080/health", container: container("monitor") },
    feed: { url: `http://${address}:8080/health`, container: container("feed") },
  };
  const all = Object.keys(services);
  const started = await Promise.all(all.map(topology.startedAt));
  const watchdog = await startWatchdog({
    image: images.watchdog,
    network: "bridge",
    env: {
      CHECK_INTERVAL_SECONDS: "1",
      HEALTH_CHECK_TIMEOUT: "1",
      WATCHDOG_CONFIG: "/data/watchdog.config.json",
      WEBHOOK_URL: receiver.url,
      WEBHOOK_SECRET: SECRET,
    },
    files: { "/data/watchdog.config.json": JSON.stringify({ services }) },
  });
  const told = async () => (await receiver.received()).map(({ alert }) => alert);
  await until("the trouble to be told", 60_000, async () => (await told()).length > 0);
  await until("every service to be held", 30_000, async () => {
    const saved = await Promise.all(all.map((name) => watchdog.saved(name)));
    return saved.every((service) => service?.hold?.kind === "unreachable");
  });
  // Some ticks more, in which a restart would come.
  await new Promise((resolve) => setTimeout(resolve, 5000));
  assert.deepEqual(await Promise.all(all.map(topology.restarts)), [0, 0, 0]);
  assert.deepEqual(await Promise.all(all.map(topology.startedAt)), started);
  const [alert, ...others] = await told();
  assert.deepEqual(others, []);
  const own = (await docker("inspect", "-f", "{{.Name}}", watchdog.id)).slice(1);
  assert.equal(alert!.event_type, "WATCHDOG_FAILURE");
  const command = `docker network connect ${network} ${own}`;
  assert.ok(alert!.message.includes(`the watchdog's container ${own} (network bridge)`), alert!.message);
  assert.ok(alert!.message.includes(`\`${command}\``), alert!.message);

  await topology.stop("monitor");
  await until("the stopped one to be started", 60_000, async () => (await topology.restarts("monitor")) > 0);

  await promisify(execFile)("sh", ["-c", command]);
  await untilSaved(watchdog, all, "healthy", 60_000);
  await until("the end to be told", 20_000, async () =>
    (await told()).some(({ params }) => params.success && params.component_name === "watchdog"),
  );
  assert.deepEqual(await Promise.all(all.map(topology.restarts)), [0, 1, 0]);
  const words = (await told()).map(
    ({ event_type, params }) => `${event_type} ${params.component_name} ${params.success}`,
  );
  assert.deepEqual(words.sort(), [
    "COMPONENT_RECOVERED monitor true",
    "WATCHDOG_FAILURE watchdog false",
    "WATCHDOG_FAILURE watchdog true",
  ]);
});

test("on the host it holds what it asks by a container's name, and reaches the address", {
  skip,
}, async () => {
  const { node } = await baseImages();
  const { topology, network, container } = await town(node, ["executor", "feed"]);
  const receiver = await receiverOnHost();
  await receiver.open();
  const address = await addressOf(container("feed"), network);
  const often = { interval: "1s", timeout: "1s" };
  const services = {
    executor: { url: "http://executor:8080/health", container: container("executor"), ...often },
    feed: { url: `http://${address}:8080/health`, container: container("feed"), ...often },
  };
  const watchdog = await startOnThisHost({ services }, { WEBHOOK_URL: receiver.url });
  try {
    await until("the trouble to be told", 30_000, async () => receiver.alerts.length > 0);
    assert.match(
      receiver.alerts[0]!.message,
      new RegExp(`does not resolve the names of the network ${network}: publish`),
    );
    assert.equal((await watchdog.service("feed")).status, "healthy");
    await topology.break("feed", "500");
    await until(
      "the one that it reaches to be healed",
      30_000,
      async () => receiver.alertsOf("feed").length > 0,
    );
    assert.equal(receiver.alertsOf("feed")[0]!.event_type, "COMPONENT_RECOVERED");
    assert.deepEqual([await topology.restarts("executor"), await topology.restarts("feed")], [0, 1]);
    assert.match(
      (await watchdog.service("executor")).why,
      /^Executor cannot be checked and is not restarted/,
    );
  } finally {
    await watchdog.stop();
    await receiver.close();
  }
});
