/** Services found by labels on a real engine: docker-autoheal's own scenario, and what it cannot do. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { docker, removeAll, runContainer, skipWithoutEngine, uniqueName, until } from "./engine.ts";
import { type HostReceiver, type HostWatchdog, receiverOnHost, startOnThisHost } from "./host-watchdog.ts";
import { baseImages } from "./images.ts";

const skip = await skipWithoutEngine();

let image: string;
let receiver: HostReceiver;
let watchdog: HostWatchdog;

/** Healthy from its start, until `hurt` takes its file away. */
const HEALTHY = ["--health-cmd", "test -f /tmp/ok", "--health-interval", "1s", "--health-retries", "1"];
const LIVES = ["sh", "-c", "touch /tmp/ok; exec sleep 600"];
const labels = (all: Record<string, string>) =>
  Object.entries(all).flatMap(([k, v]) => ["--label", `${k}=${v}`]);

/** Its name. */
async function run(name: string, said: Record<string, string>, options = HEALTHY): Promise<string> {
  const full = uniqueName(name);
  await runContainer(full, [...labels(said), "--stop-timeout", "1", ...options, image, ...LIVES]);
  return full;
}

const hurt = (name: string) => docker("exec", name, "rm", "/tmp/ok");
const startedAt = (name: string) => docker("inspect", "--format", "{{.State.StartedAt}}", name);
const watched = async () => Object.keys((await watchdog.status()).services);
const seconds = (s: number) => new Promise((resolve) => setTimeout(resolve, s * 1000));

async function untilStatus(name: string, status: string): Promise<void> {
  await until(`${name} to be ${status}`, 30_000, async () => {
    const found = await watchdog.service(name);
    if (found.status === status) return true;
    throw new Error(`it is ${found.status}: ${found.why}\n${watchdog.logOf(name)}`);
  });
}

describe("discovery", { skip, timeout: 180_000 }, () => {
  let names: Record<"healed" | "other" | "excluded" | "silent" | "starting" | "wrong", string>;

  before(async () => {
    ({ node: image } = await baseImages());
    receiver = await receiverOnHost();
    await receiver.open();
    const slow = ["--health-cmd", "false", "--health-interval", "1s", "--health-start-period", "600s"];
    names = {
      healed: await run("auto-healed", { autoheal: "true" }),
      other: await run("auto-other", { autoheal: "TRUE" }),
      excluded: await run("auto-excluded", { autoheal: "false" }),
      silent: await run("auto-silent", {}),
      starting: await run("auto-starting", { autoheal: "true" }, slow),
      wrong: await run("auto-wrong", { "watchdog.enable": "true", "watchdog.interval": "soon" }),
    };
    watchdog = await startOnThisHost({
      defaults: { interval: "1s", timeout: "900ms" },
      plugins: { docker: { discover: true }, webhook: { url: receiver.url } },
    });
  });

  after(async () => {
    await watchdog?.stop();
    await receiver?.close();
    await removeAll();
  });

  test("those with the label are watched, the others are not", async () => {
    await untilStatus(names.healed, "healthy");
    const found = await watched();
    assert.ok(found.includes(names.other), "in any letter case");
    for (const none of ["excluded", "silent", "wrong"] as const)
      assert.ok(!found.includes(names[none]), none);
  });

  test("a container whose HEALTHCHECK fails is restarted, told once, and another is left alone", async () => {
    const before = await startedAt(names.other);
    await hurt(names.healed);
    await until("it is told", 30_000, async () => receiver.alertsOf(names.healed).length === 1);
    const [alert] = receiver.alertsOf(names.healed);
    assert.deepEqual([alert!.event_type, alert!.params.action], ["COMPONENT_RECOVERED", "restart"]);
    assert.equal(await startedAt(names.other), before);
  });

  test("one that is still starting is neither healthy nor told", async () => {
    assert.equal((await watchdog.service(names.starting)).status, "unknown");
    assert.deepEqual(receiver.alertsOf(names.starting), []);
  });

  test("a wrong label is told with its container, its value and what is accepted", async () => {
    const told = receiver.alerts.filter(({ event_type }) => event_type === "WATCHDOG_FAILURE");
    assert.equal(told.length, 1, JSON.stringify(told));
    for (const part of [names.wrong, "watchdog.interval", "soon", "15s"])
      assert.ok(told[0]!.message.includes(part), part);
    await docker("rm", "--force", names.wrong);
    await until("its end is told", 15_000, async () =>
      receiver.alerts.some(
        ({ params }) => params.incident_id === told[0]!.params.incident_id && params.success,
      ),
    );
  });

  test("a new container is watched at once, a removed one is not, and a recreated one keeps its restarts", async () => {
    const late = await run("auto-late", { "watchdog.enable": "true", "watchdog.name": "late" });
    await untilStatus("late", "healthy");
    await hurt(late);
    await until(
      "it was restarted",
      30_000,
      async () => (await watchdog.service("late")).restarts.length === 1,
    );
    await untilStatus("late", "healthy");
    await docker("rm", "--force", late);
    await until("it is not watched", 10_000, async () => !(await watched()).includes("late"));
    await run("auto-late-2", { "watchdog.enable": "true", "watchdog.name": "late" });
    await untilStatus("late", "healthy");
    assert.equal((await watchdog.service("late")).restarts.length, 1);
  });

  test("one that a person stopped is left alone where another tool's label switched it on", async () => {
    await docker("stop", "--time", "1", names.other);
    await seconds(6);
    assert.equal(await docker("inspect", "--format", "{{.State.Running}}", names.other), "false");
  });
});
