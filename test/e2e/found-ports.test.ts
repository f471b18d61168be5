/** Found on a real engine: ports that speak no HTTP, a container that is recreated, and fifty at once. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { testImage } from "../engine.ts";
import {
  docker,
  RUN_LABEL,
  removeAll,
  runContainer,
  skipWithoutEngine,
  uniqueName,
  until,
} from "./engine.ts";
import { type HostReceiver, type HostWatchdog, receiverOnHost, startOnThisHost } from "./host-watchdog.ts";
import { baseImages } from "./images.ts";
import { addressOf } from "./receiver.ts";

const skip = await skipWithoutEngine();

let receiver: HostReceiver;
let watchdog: HostWatchdog;

/** Says `ready` to each peer. `/tmp/closed` closes its port, `/tmp/silent` silences it, until it is started again. */
const PORT_SOURCE = `
import { createServer } from "node:net";
import { existsSync, rmSync } from "node:fs";
for (const name of ["closed", "silent"]) rmSync("/tmp/" + name, { force: true });
const server = createServer((socket) => {
  socket.on("error", () => {});
  if (!existsSync("/tmp/silent")) socket.write("220 ready\\r\\n");
});
server.listen(9000);
setInterval(() => existsSync("/tmp/closed") && server.close(), 100);
process.on("SIGTERM", () => process.exit(0));
`;

async function runPort(word: string, image: string, labels: readonly string[] = []): Promise<string> {
  const name = uniqueName(word);
  const command = [image, "node", "--input-type=module", "-e", PORT_SOURCE];
  await runContainer(name, [...labels.flatMap((label) => ["--label", label]), ...command]);
  return name;
}

/** Always unhealthy, and so always restarted: its name outlives its container. */
const KEEPS = ["watchdog.enable=true", "watchdog.name=keeps"].flatMap((label) => ["--label", label]);
const runSick = () =>
  runContainer(uniqueName("sick"), [
    ...[...KEEPS, "--network", "none", "--stop-timeout", "0"],
    ...["--health-cmd", "false", "--health-interval", "1s", "--health-retries", "1"],
    ...[testImage(), "sleep", "600"],
  ]);

const startedAt = (name: string) => docker("inspect", "--format", "{{.State.StartedAt}}", name);
const seconds = (s: number) => new Promise((resolve) => setTimeout(resolve, s * 1000));

async function untilStatus(name: string, status: string): Promise<void> {
  await until(`${name} to be ${status}`, 40_000, async () => {
    const found = await watchdog.service(name);
    if (found.status === status) return true;
    throw new Error(`it is ${found.status}: ${found.why}\n${watchdog.logOf(name)}`);
  });
}

async function untilRecovered(name: string, reason: RegExp): Promise<void> {
  await until(`${name} to be told`, 40_000, async () => receiver.alertsOf(name).length > 0);
  const [alert] = receiver.alertsOf(name);
  assert.deepEqual([alert!.event_type, alert!.params.action], ["COMPONENT_RECOVERED", "restart"]);
  assert.match(alert!.params.reason!, reason);
}

describe("found services", { skip, timeout: 300_000 }, () => {
  let labelled: string;
  let listed: string;
  let first: string;

  before(async () => {
    const { node } = await baseImages();
    receiver = await receiverOnHost();
    await receiver.open();
    const said = [
      "watchdog.enable=true",
      "watchdog.name=labelled",
      "watchdog.check=tcp",
      "watchdog.port=9000",
    ];
    [labelled, listed, first] = await Promise.all([
      runPort("labelled", node, said),
      runPort("listed", node),
      runSick(),
    ]);
    const url = `tcp://${await addressOf(listed, "bridge")}:9000`;
    watchdog = await startOnThisHost({
      defaults: { interval: "1s", timeout: "900ms", backoff: { base: "100ms" }, budget: { restarts: 2 } },
      services: { listed: { check: "tcp", url, container: listed, tcp: { expect: "ready" } } },
      plugins: { docker: { discover: true, stopTimeout: 1 }, webhook: { url: receiver.url } },
    });
  });

  after(async () => {
    await watchdog?.stop();
    await receiver?.close();
    await removeAll();
  });

  test("a port by its label, and one from a file with the banner that it must say, are healthy", async () => {
    await untilStatus("labelled", "healthy");
    await untilStatus("listed", "healthy");
    assert.match((await watchdog.service("listed")).last_check!.reason, /^answered as expected/);
  });

  test("a port that is closed, and one that takes a connection and hangs, are healed", async () => {
    await Promise.all([
      docker("exec", labelled, "touch", "/tmp/closed"),
      docker("exec", listed, "touch", "/tmp/silent"),
    ]);
    await untilRecovered("labelled", /refused/);
    await untilRecovered("listed", /no answer in 900 ms/);
  });

  test("a recreated container keeps its budget and its hold", async () => {
    const spent = async () => (await watchdog.service("keeps")).hold?.kind === "budget";
    await until("the budget to be spent", 60_000, spent);
    await docker("rm", "--force", "--volumes", first);
    await until("it is not watched", 20_000, async () => !("keeps" in (await watchdog.status()).services));
    const again = await runSick();
    const started = await startedAt(again);
    await until("its hold is the one of before", 30_000, spent);
    await seconds(3);
    const { restarts, hold } = await watchdog.service("keeps");
    assert.deepEqual([restarts.length, hold!.kind], [2, "budget"]);
    assert.equal(await startedAt(again), started);
  });

  test("fifty containers that start at once join in one tick, and nobody is told of them", async () => {
    const label = `storm=${uniqueName("storm")}`;
    const make = (i: number) =>
      docker(
        ...["create", "--name", uniqueName(`storm-${i}`), "--network", "none", "--label", RUN_LABEL],
        ...["--label", label, "--label", "watchdog.enable=true", testImage(), "sleep", "600"],
      );
    const count = 50;
    const ids = await Promise.all(Array.from({ length: count }, (_, i) => make(i)));
    try {
      const before = receiver.alerts.length;
      await Promise.all(ids.map((id) => docker("start", id)));
      const report = await oneTick({ plugins: { docker: { discover: true } } });
      assert.ok(report.checked >= count, JSON.stringify(report));
      await until("all of them to be healthy in the running watchdog", 30_000, async () => {
        const all = Object.entries((await watchdog.status()).services);
        return (
          all.filter(([name, { status }]) => name.includes("storm") && status === "healthy").length === count
        );
      });
      // Fifty starts at once may keep a small host's engine from answering: that is told, and over.
      const messages = receiver.alerts.slice(before).map(({ message }) => message);
      assert.deepEqual(
        messages.filter((message) => !/the Docker engine gave no answer/.test(message)),
        [],
      );
    } finally {
      await docker("rm", "--force", "--volumes", ...ids);
    }
    await until("they are gone", 20_000, async () =>
      Object.keys((await watchdog.status()).services).every((name) => !name.includes("storm")),
    );
  });
});

/** A process for one tick, which knows nothing yet. It restarts nothing. */
async function oneTick(config: object): Promise<{ checked: number; healthy: number }> {
  const folder = mkdtempSync(join(tmpdir(), "spreadpilot-e2e-tick-"));
  try {
    const file = join(folder, "watchdog.config.json");
    writeFileSync(file, JSON.stringify({ ...config, dryRun: true }));
    const { PATH, HOME, DOCKER_HOST } = process.env;
    const env = { PATH, HOME, DOCKER_HOST, WATCHDOG_CONFIG: file, STATE_FILE: join(folder, "state.json") };
    const run = promisify(execFile)(process.execPath, ["--import", "tsx", "src/cli.ts", "tick"], { env });
    // It exits with 1 where a service is down.
    const { stdout } = await run.catch((error: { stdout: string }) => error);
    return JSON.parse(stdout).counts;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
