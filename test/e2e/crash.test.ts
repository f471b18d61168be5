/** The watchdog dies by SIGKILL between the write-ahead of a restart and its end, and is started again. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createVolume, docker, logsOf, removeAll, skipWithoutEngine, uniqueName, until } from "./engine.ts";
import { buildImages, type Images } from "./images.ts";
import { type Receiver, SECRET, startReceiver } from "./receiver.ts";
import { type ServiceSpec, startTopology, type Topology } from "./topology.ts";
import { startWatchdog, untilSaved, type WatchdogContainer } from "./watchdog.ts";

const skip = await skipWithoutEngine();
/**
 * The stop is long enough to find the restart under way, kill the watchdog, and start it again in its midst;
 * the interval is such that fewer than three checks fail until the engine has ended the restart.
 */
const STOP_S = 6;
const INTERVAL_S = 4;

let images: Images;

describe("a watchdog that is killed in the midst of a restart", { skip, concurrency: 2 }, () => {
  before(async () => {
    images = await buildImages();
  });
  after(removeAll);

  test("a killed watchdog that returns neither repeats the restart nor forgets the alert", async () => {
    const { topology, receiver, watchdog } = await startWorld();
    await topology.break("slow", "500");
    await untilRestarting(watchdog, topology);
    await docker("kill", "-s", "KILL", watchdog.id);
    assert.equal(await topology.restarts("slow"), 0, "the watchdog was killed before the restart's end");

    await docker("start", watchdog.id);
    await untilRecovered(receiver);
    await untilSaved(watchdog, ["slow"], "healthy", 30_000);
    await assertOneRestartToldOnce(topology, receiver);
  });

  test("so does one in another container, on the state that the killed one left", async () => {
    const { topology, receiver, watchdog, settings } = await startWorld();
    await topology.break("slow", "500");
    await untilRestarting(watchdog, topology);
    await docker("rm", "-f", watchdog.id);
    assert.equal(await topology.restarts("slow"), 0, "the watchdog was killed before the restart's end");

    const successor = await startWatchdog(settings);
    await untilRecovered(receiver);
    const log = await logsOf(successor.id);
    assert.match(log, /took over the lock of process 1 on host/);
    assert.doesNotMatch(log, /is held by/, "it waits for no lease of a container that is gone");
    await untilSaved(successor, ["slow"], "healthy", 30_000);
    await assertOneRestartToldOnce(topology, receiver);
  });
});

async function startWorld() {
  const slow: ServiceSpec = {
    container: uniqueName("slow"),
    alias: "slow",
    port: 8080,
    path: "/health",
    slowStopS: STOP_S,
  };
  const topology = await startTopology(images.node, { slow });
  const receiver = await startReceiver(topology.network, images.node);
  const volume = await createVolume();
  const config = {
    services: { slow: { url: "http://slow:8080/health", container: slow.container } },
  };
  const settings = {
    image: images.watchdog,
    network: topology.network,
    env: {
      CHECK_INTERVAL_SECONDS: String(INTERVAL_S),
      HEALTH_CHECK_TIMEOUT: "1",
      WATCHDOG_CONFIG: "/data/watchdog.config.json",
      WEBHOOK_URL: receiver.url,
      WEBHOOK_SECRET: SECRET,
    },
    options: ["-v", `${volume}:/data`],
    files: { "/data/watchdog.config.json": JSON.stringify(config) },
  };
  const watchdog: WatchdogContainer = await startWatchdog(settings);
  await untilSaved(watchdog, ["slow"], "healthy", 30_000);
  return { topology, receiver, watchdog, settings };
}

/** Written down, and begun by the engine: what a watchdog that dies sooner has not begun is made later. */
async function untilRestarting(watchdog: WatchdogContainer, topology: Topology): Promise<void> {
  await untilSaved(watchdog, ["slow"], "restarting", 40_000);
  await until("the engine to begin the restart", 10_000, () => topology.stopBegun("slow"));
}

async function untilRecovered(receiver: Receiver): Promise<void> {
  await until("the recovery to be told", 60_000, async () => {
    return (await receiver.alertsOf("slow")).some(({ event_type }) => event_type === "COMPONENT_RECOVERED");
  });
}

async function assertOneRestartToldOnce(topology: Topology, receiver: Receiver): Promise<void> {
  assert.equal(await topology.restarts("slow"), 1, "restarts of the service");
  const told = await receiver.alertsOf("slow");
  assert.deepEqual(
    told.map(({ event_type, params }) => [event_type, params.success, params.consecutive_failures]),
    [["COMPONENT_RECOVERED", true, 3]],
  );
}
