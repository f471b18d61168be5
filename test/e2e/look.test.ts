/** Look before acting: where a restart cannot mend it, none is made, and the reason says what would. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
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
import { secondEngine, skipWithoutSecondEngine } from "./second-engine.ts";

const skip = await skipWithoutEngine();
after(removeAll);

const ENV = { CHECK_INTERVAL_SECONDS: "1", LOG_LEVEL: "info" };
const SLEEPS = ["sleep", "1000"];
const compose = (service: string) => [
  ...["--label", "com.docker.compose.project=shop", "--label", `com.docker.compose.service=${service}`],
  ...["--label", "com.docker.compose.container-number=1"],
];

interface Watched {
  watchdog: HostWatchdog;
  receiver: HostReceiver;
  names: Record<string, string>;
}

/** Watches these containers by what the engine says of them. */
async function watch<N extends string>(
  names: Record<N, string>,
  env: Record<string, string> = {},
): Promise<Watched> {
  const receiver = await receiverOnHost();
  await receiver.open();
  const services = Object.fromEntries(
    // A check that meets a looping container while it runs ends a first, short outage: that is told to nobody.
    Object.entries<string>(names).map(([name, container]) => [
      name,
      { check: "docker", container, recoveryAfter: 3 },
    ]),
  );
  const watchdog = await startOnThisHost({ services }, { ...ENV, WEBHOOK_URL: receiver.url, ...env });
  return { watchdog, receiver, names };
}

const held = (watchdog: HostWatchdog, name: string, kind: string) =>
  until(`${name} to be held (${kind})`, 40_000, async () => {
    const { hold } = await watchdog.service(name);
    return hold?.kind === kind && hold;
  });

const healthy = (watchdog: HostWatchdog, name: string) =>
  until(`${name} to be healthy`, 40_000, async () => (await watchdog.service(name)).status === "healthy");

test("a crash loop is told once and left to the engine; without a policy, and for a job that ends, we restart", {
  skip,
}, async () => {
  const image = testImage();
  const names = { loops: uniqueName("loops"), dies: uniqueName("dies"), job: uniqueName("job") };
  const crash = ["sh", "-c", "exit 3"];
  const none = ["--network", "none"];
  await runContainer(names.loops, [...none, "--restart", "always", image, ...crash]);
  await runContainer(names.dies, [...none, image, ...crash]);
  const twice = 'echo x >> /tmp/n; [ "$(cat /tmp/n | tail -n +3)" != "" ] || exit 1';
  await runContainer(names.job, [...none, "--restart", "on-failure:5", image, "sh", "-c", twice]);
  const { watchdog, receiver } = await watch(names);
  try {
    const hold = await held(watchdog, "loops", "crash-loop");
    assert.match(hold.reason, /restart policy always.*`docker logs \S*loops\S*`/);
    await until("restarts of the others", 40_000, async () => {
      const others = await Promise.all([watchdog.service("dies"), watchdog.service("job")]);
      return others.every(({ restarts }) => restarts.length > 0);
    });
    await until("the end of the loop to be seen", 40_000, async () =>
      /exit code 3/.test((await watchdog.service("loops")).hold?.reason ?? ""),
    );
    assert.deepEqual((await watchdog.service("loops")).restarts, []);
    await until("the loop to be told", 20_000, async () => receiver.alertsOf("loops").length > 0);
    const told = receiver.alertsOf("loops");
    assert.deepEqual(
      told.map(({ event_type }) => event_type),
      ["COMPONENT_DOWN"],
    );
    assert.match(told[0]!.message, /crash loop: the engine itself restarts/);
    for (const name of ["dies", "job"]) assert.doesNotMatch(watchdog.logOf(name), /crash loop/);
    // The engine counts its own restarts only: ours would have set this to 0.
    const count = Number(await docker("inspect", "-f", "{{.RestartCount}}", names.loops));
    assert.ok(count >= 4, `the engine restarted it ${count} times`);
  } finally {
    await watchdog.stop();
    await receiver.close();
  }
});

test("an update, a recreation and a backup are left alone and told to nobody, and the budget stays", {
  skip,
}, async (t) => {
  const image = testImage();
  const names = { web: uniqueName("web"), worker: uniqueName("worker"), store: uniqueName("store") };
  const none = ["--network", "none"];
  const worker = [...none, ...compose("worker"), image, ...SLEEPS];
  const next = `0123456789ab_${names.web}`;
  t.after(() => docker("rm", "-f", names.web, next).catch(() => {}));
  await runContainer(names.web, [...none, ...compose("web"), image, ...SLEEPS]);
  await runContainer(names.worker, worker);
  const label = "docker-volume-backup.stop-during-backup=nightly";
  await runContainer(names.store, [...none, "--label", label, image, ...SLEEPS]);
  const { watchdog, receiver } = await watch(names);
  try {
    for (const name of Object.keys(names)) await healthy(watchdog, name);
    // It crashes, and we restart it.
    await docker("exec", names.worker, "kill", "-9", "-1").catch(() => {});
    await docker("kill", names.worker).catch(() => {});
    await until("our restart", 40_000, async () => (await watchdog.service("worker")).restarts.length === 1);
    await healthy(watchdog, "worker");
    await until("its recovery to be told", 20_000, async () => receiver.alertsOf("worker").length > 0);
    const toldBefore = receiver.alerts.length;

    await docker("stop", "-t", "0", names.store);
    const backup = await held(watchdog, "store", "backup");
    assert.match(
      backup.reason,
      /stopped by a person at .*probably for a backup, as its label docker-volume-backup/,
    );

    await docker("rm", "-f", names.worker);
    const gone = await held(watchdog, "worker", "recreating");
    assert.match(gone.reason, /does not exist: it is probably being recreated/);
    await runContainer(names.worker, worker);

    // As Compose does it: create, stop, remove, rename, start.
    await docker(
      "create",
      "--name",
      next,
      "--label",
      RUN_LABEL,
      ...none,
      ...compose("web"),
      image,
      ...SLEEPS,
    );
    await docker("stop", "-t", "0", names.web);
    const replaced = await held(watchdog, "web", "recreating");
    assert.match(replaced.reason, /another container takes its place/);
    await docker("rm", names.web);
    await docker("rename", next, names.web);
    await until("the new one to be seen", 20_000, async () =>
      /never started/.test((await watchdog.service("web")).hold?.reason ?? ""),
    );
    await docker("start", names.web, names.store);

    for (const name of Object.keys(names)) await healthy(watchdog, name);
    assert.deepEqual(
      receiver.alerts.slice(toldBefore).map(({ message }) => message),
      [],
    );
    const restarts = await Promise.all(Object.keys(names).map((name) => watchdog.service(name)));
    assert.deepEqual(
      restarts.map((one) => one.restarts.length),
      [0, 1, 0],
    );
  } finally {
    await watchdog.stop();
    await receiver.close();
  }
});

test("a full disk of the engine holds what runs, and an engine that is away is told once; both end by themselves", {
  skip: skip || skipWithoutSecondEngine(),
}, async (t) => {
  const engine = await secondEngine();
  t.after(() => engine.remove());
  const probe = ["--health-cmd", "test -e /tmp/well", "--health-interval", "1s", "--health-retries", "1"];
  await engine.docker(
    ...["run", "-d", "--name", "web", "--network", "none", "--restart", "always", ...probe, engine.image],
    ...["sh", "-c", "echo 1 > /tmp/well; sleep 1000"],
  );
  const { watchdog, receiver } = await watch({ web: "web" }, { DOCKER_HOST: engine.host });
  const startedAt = () => engine.docker("inspect", "-f", "{{.State.StartedAt}}", "web");
  const own = () => receiver.alerts.filter(({ event_type }) => event_type === "WATCHDOG_FAILURE");
  try {
    await healthy(watchdog, "web");
    const before = await startedAt();
    await engine.docker("exec", "web", "busybox", "rm", "/tmp/well");
    engine.fill();
    const hold = await held(watchdog, "web", "brake");
    assert.match(
      hold.reason,
      /the disk of the Docker engine is full \(.*data: \d+ KiB are free\).*docker system df/,
    );
    await new Promise((resolve) => setTimeout(resolve, 4000));
    assert.equal(await startedAt(), before, "it still runs, and was not restarted");
    assert.equal(own().length, 1);
    engine.free();
    await until("our restart", 40_000, async () => (await startedAt()) !== before);
    await healthy(watchdog, "web");
    assert.deepEqual(
      own().map(({ params }) => params.success),
      [false, true],
    );

    await engine.stop();
    await until("the trouble to be told", 40_000, async () => own().length === 3);
    assert.match(
      own()[2]!.message,
      /Web cannot be checked: the Docker engine does not answer .*nothing is restarted/,
    );
    const made = (await watchdog.service("web")).restarts.length;
    await engine.start();
    await until("its end to be told", 40_000, async () => own().length === 4);
    await healthy(watchdog, "web");
    assert.equal(own()[3]!.params.success, true);
    assert.equal((await watchdog.service("web")).restarts.length, made);
  } finally {
    await watchdog.stop();
    await receiver.close();
  }
});
