/**
 * The proof: SpreadPilot's four services as containers, the image of the real Dockerfile run as the README
 * says, faults of five kinds, and a real receiver of what is told about them.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  createVolume,
  docker,
  removeAll,
  runContainer,
  skipWithoutEngine,
  uniqueName,
  until,
} from "./engine.ts";
import { buildImages, type Images } from "./images.ts";
import { type Receiver, SECRET, startReceiver } from "./receiver.ts";
import { SPREADPILOT, startTopology, type Topology } from "./topology.ts";
import { startWatchdog, untilSaved, type WatchdogContainer } from "./watchdog.ts";

const skip = await skipWithoutEngine();
const ALL = Object.keys(SPREADPILOT);

let images: Images;
let topology: Topology;
let receiver: Receiver;
let watchdog: WatchdogContainer;

before(async () => {
  if (skip) return;
  images = await buildImages();
});
after(removeAll);

test("the image runs with the seed's one line, as an unprivileged user who may use the socket", {
  skip,
}, async () => {
  const id = await runContainer(uniqueName("seed"), [
    "-v",
    "/var/run/docker.sock:/var/run/docker.sock",
    images.watchdog,
  ]);
  await until("its health check to pass", 20_000, () =>
    docker("exec", id, "node", "/app/dist/cli.js", "healthcheck").then(() => true),
  );
  const status = await docker("exec", id, "cat", "/proc/1/status");
  assert.match(status, /^Uid:\t1000\t1000\t1000\t1000$/m);
  assert.match(status, /^CapEff:\t0+$/m);
  const group = await docker("exec", id, "stat", "-c", "%g", "/var/run/docker.sock");
  assert.match(status, new RegExp(`^Groups:.*\\b${group}\\b`, "m"));
  const owner = await docker("exec", id, "stat", "-c", "%u", "/data/state.json");
  assert.equal(owner, "1000");

  await docker("stop", "-t", "10", id);
  assert.equal(await docker("inspect", "-f", "{{.State.ExitCode}}", id), "0", "SIGTERM ends it cleanly");
  await docker("rm", "-f", "-v", id);
});

test("four services are healthy, and nobody is told anything", { skip }, async () => {
  topology = await startTopology(images.node, SPREADPILOT);
  receiver = await startReceiver(topology.network, images.node);
  watchdog = await startWatchdog({
    image: images.watchdog,
    network: topology.network,
    env: {
      CHECK_INTERVAL_SECONDS: "1",
      HEALTH_CHECK_TIMEOUT: "1",
      WEBHOOK_URL: receiver.url,
      WEBHOOK_SECRET: SECRET,
    },
    options: ["-v", `${await createVolume()}:/data`, "--health-interval", "1s"],
  });
  await untilSaved(watchdog, ALL, "healthy", 30_000);
  assert.deepEqual(await receiver.received(), []);
  await until("the engine to find the watchdog healthy", 30_000, async () => {
    return (await docker("inspect", "-f", "{{.State.Health.Status}}", watchdog.id)) === "healthy";
  });
});

test("errors, a hang, a stop and a kill are each healed by one restart, verified and told", {
  skip,
}, async () => {
  const started = new Map<string, string>();
  for (const service of ALL) started.set(service, await topology.startedAt(service));

  await Promise.all([
    topology.break("executor", "500"),
    topology.break("monitor", "hang"),
    topology.stop("dashboard"),
    topology.kill("gateway_manager"),
  ]);
  await until("four recoveries to be told", 60_000, async () => (await receiver.received()).length >= 4);
  await untilSaved(watchdog, ALL, "healthy", 10_000);

  for (const service of ALL) {
    assert.ok((await topology.startedAt(service)) > started.get(service)!, `${service} was started anew`);
    assert.equal(await topology.restarts(service), 1, `restarts of ${service}`);
    const alerts = await receiver.alertsOf(service);
    assert.deepEqual(alerts.map(essence), [
      {
        event_type: "COMPONENT_RECOVERED",
        severity: "INFO",
        params: {
          component_name: service,
          container_name: SPREADPILOT[service]!.container,
          action: "restart",
          success: true,
          consecutive_failures: 3,
        },
      },
    ]);
    assert.match(alerts[0]!.id, /^evt_[^.]+$/);
    assert.match(alerts[0]!.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    assert.match(alerts[0]!.message, /recovered after a restart/i);
  }
});

test("at docker exec each outage can be read, with what its container said before the restart", {
  skip,
}, async () => {
  const read = (...words: string[]) =>
    docker("exec", watchdog.id, "spreadpilot-watchdog", "incidents", ...words);
  const listed = await read();
  for (const service of ALL) {
    const [, id] = new RegExp(` (inc_\\w+) +${service} +.* recovered after a restart`).exec(listed) ?? [];
    assert.ok(id, `${service} in ${listed}`);
    assert.match(await read(id), /the first check failed: .*\n(.*\n)*container at .* UTC/);
  }
});

test("a removed container is not restarted in vain: told down once, and recovered once it is back", {
  skip,
}, async () => {
  await topology.remove("dashboard");
  await until("COMPONENT_DOWN to be told", 60_000, async () => {
    return (await receiver.alertsOf("dashboard")).length === 2;
  });
  const down = (await receiver.alertsOf("dashboard"))[1]!;
  assert.deepEqual(essence(down), {
    event_type: "COMPONENT_DOWN",
    severity: "CRITICAL",
    params: {
      component_name: "dashboard",
      container_name: "spreadpilot-dashboard",
      action: "none",
      success: false,
      consecutive_failures: down.params.consecutive_failures,
    },
  });
  assert.match(down.message, /spreadpilot-dashboard does not exist/);
  assert.equal((await watchdog.saved("dashboard"))!.restarts.length, 1);
  await topology.start("dashboard");
  await untilSaved(watchdog, ["dashboard"], "healthy", 30_000);
  await until("the recovery to be told", 10_000, async () => {
    return (await receiver.alertsOf("dashboard")).length >= 3;
  });
  const told = (await receiver.alertsOf("dashboard")).map(({ event_type }) => event_type);
  assert.deepEqual(told, ["COMPONENT_RECOVERED", "COMPONENT_DOWN", "COMPONENT_RECOVERED"]);
});

test("in the end every alert came once, and the log holds no secret", { skip }, async () => {
  const received = await receiver.received();
  assert.equal(received.length, 6);
  assert.equal(new Set(received.map(({ alert }) => alert.id)).size, 6);
  assert.ok(!(await watchdog.logs()).includes(SECRET));
  assert.ok(!JSON.stringify(await watchdog.status()).includes(SECRET));
  await docker("stop", "-t", "10", watchdog.id);
  assert.equal(await docker("inspect", "-f", "{{.State.ExitCode}}", watchdog.id), "0");
});

/** What of an alert is a contract, without what differs from run to run. */
function essence(alert: Awaited<ReturnType<Receiver["alertsOf"]>>[number]) {
  const { event_type, severity, message, params } = alert;
  const { component_name, container_name, action, success, consecutive_failures } = params;
  assert.ok(params.reason && message.includes(params.reason), `what failed is missing: ${message}`);
  assert.equal(params.severity, severity);
  assert.match(params.health_url ?? "", /^http:\/\/.*\/health$/);
  const contract = { component_name, container_name, action, success, consecutive_failures };
  return { event_type, severity, params: contract };
}
