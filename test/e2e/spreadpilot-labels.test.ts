/** SpreadPilot's label-driven Compose file, watched as docs/migrating.md says, at first from the wrong network. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { docker, removeAll, skipWithoutEngine, uniqueName, until } from "./engine.ts";
import { buildImages } from "./images.ts";
import { SECRET, startReceiver } from "./receiver.ts";
import { type ServiceSpec, startTopology } from "./topology.ts";
import { startWatchdog, untilSaved } from "./watchdog.ts";

const skip = await skipWithoutEngine();
after(removeAll);

const NAMES = ["executor", "monitor", "worker"];
/** Two are SpreadPilot's own, which are found by the host of their URL; the other one has Compose's name. */
const found = (name: string) => (name === "worker" ? "trade.worker" : name);

/** As Compose starts them. `worker` has no port, and so nothing that could be asked. */
function specOf(name: string): ServiceSpec {
  const labels = [
    "spreadpilot=true",
    "com.docker.compose.project=trade",
    `com.docker.compose.service=${name}`,
    "com.docker.compose.container-number=1",
  ];
  const port = name === "worker" ? [] : ["--expose", "8080"];
  const options = [...port, ...labels.flatMap((label) => ["--label", label])];
  return { container: uniqueName(name), alias: name, port: 8080, path: "/health", options };
}

test("from the wrong network nothing is restarted and one alert names the command; after it, all is healthy, and what fails is healed", {
  skip,
  timeout: 180_000,
}, async () => {
  const images = await buildImages();
  const specs = Object.fromEntries(NAMES.map((name) => [name, specOf(name)]));
  const topology = await startTopology(images.node, specs);
  const network = await docker("network", "inspect", "-f", "{{.Name}}", topology.network);
  const receiver = await startReceiver("bridge", images.node);
  const started = await Promise.all(NAMES.map(topology.startedAt));
  const watchdog = await startWatchdog({
    image: images.watchdog,
    network: "bridge",
    env: {
      WATCHDOG_DISCOVER: "true",
      CHECK_INTERVAL_SECONDS: "1",
      HEALTH_CHECK_TIMEOUT: "1",
      MAX_CONSECUTIVE_FAILURES: "3",
      WEBHOOK_URL: receiver.url,
      WEBHOOK_SECRET: SECRET,
    },
  });
  const told = async () => (await receiver.received()).map(({ alert }) => alert);
  await until("both to be held", 60_000, async () => {
    const saved = await Promise.all(["executor", "monitor"].map((name) => watchdog.saved(found(name))));
    return saved.every((service) => service?.hold?.kind === "unreachable");
  });
  await untilSaved(watchdog, [found("worker")], "healthy", 20_000);
  // Some ticks more, in which a restart or a second alert would come.
  await new Promise((resolve) => setTimeout(resolve, 5000));
  assert.deepEqual(await Promise.all(NAMES.map(topology.startedAt)), started);
  const [alert, ...others] = await told();
  assert.deepEqual(others, []);
  assert.equal(alert!.event_type, "WATCHDOG_FAILURE");
  const own = (await docker("inspect", "-f", "{{.Name}}", watchdog.id)).slice(1);
  const command = `docker network connect ${network} ${own}`;
  assert.ok(alert!.message.includes(`\`${command}\``), alert!.message);

  await promisify(execFile)("sh", ["-c", command]);
  await untilSaved(watchdog, NAMES.map(found), "healthy", 60_000);
  await until("the end to be told", 20_000, async () => (await told()).length === 2);
  assert.deepEqual(await Promise.all(NAMES.map(topology.startedAt)), started);

  await topology.break("executor", "500");
  await until("the recovery to be told", 60_000, async () => (await told()).length === 3);
  const recovered = (await told())[2]!;
  assert.deepEqual(
    [recovered.event_type, recovered.params.component_name, recovered.params.action],
    ["COMPONENT_RECOVERED", found("executor"), "restart"],
  );
  assert.deepEqual(await Promise.all(NAMES.map(topology.restarts)), [1, 0, 0]);
});
