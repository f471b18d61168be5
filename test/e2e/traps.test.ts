/** The traps of automatic restarts, on a real engine: all at once, under one watchdog with short intervals. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { docker, removeAll, skipWithoutEngine, until } from "./engine.ts";
import { startWitness, type Witness } from "./host.ts";
import { type HostReceiver, type HostWatchdog, receiverOnHost, startOnThisHost } from "./host-watchdog.ts";
import { baseImages } from "./images.ts";
import { PLANTED, SLOW_START_S, STOP_S, startTown, type Town } from "./traps-town.ts";

const skip = await skipWithoutEngine();

let town: Town;
let witness: Witness;
let receiver: HostReceiver;
let watchdog: HostWatchdog;

const restarts = (name: string) => witness.restarts(town.services[name]!).length;
const alertsOf = (name: string) => receiver.alertsOf(name);
const typesOf = (name: string) => alertsOf(name).map(({ event_type }) => event_type);
const seconds = (s: number) => new Promise((resolve) => setTimeout(resolve, s * 1000));

async function untilStatus(name: string, status: string, timeoutMs = 30_000): Promise<void> {
  await until(`${name} to be ${status}`, timeoutMs, async () => {
    const found = await watchdog.service(name);
    if (found.status === status) return true;
    throw new Error(`it is ${found.status}: ${found.why}\n${watchdog.logOf(name)}`);
  });
}

async function untilTold(name: string, count: number, timeoutMs = 30_000): Promise<void> {
  await until(`${count} alerts about ${name}`, timeoutMs, async () => {
    if (alertsOf(name).length >= count) return true;
    throw new Error(`told: ${typesOf(name)}; ${(await watchdog.service(name)).why}\n${watchdog.logOf(name)}`);
  });
}

async function untilHeld(name: string, kind: string): Promise<string> {
  return until(`${name} to be held`, 20_000, async () => {
    const { hold, why } = await watchdog.service(name);
    if (hold?.kind === kind) return hold.reason;
    throw new Error(`${why}\n${watchdog.logOf(name)}`);
  });
}

/** Healed by one restart, told once. */
async function assertHealed(name: string): Promise<void> {
  await untilTold(name, 1);
  await untilStatus(name, "healthy");
  assert.equal(restarts(name), 1, watchdog.logOf(name));
  const [{ event_type, params }] = alertsOf(name) as [ReturnType<typeof alertsOf>[number]];
  assert.deepEqual([event_type, params.action, params.success], ["COMPONENT_RECOVERED", "restart", true]);
}

describe("traps", { skip, concurrency: 6, timeout: 180_000 }, () => {
  before(async () => {
    const { node } = await baseImages();
    witness = await startWitness();
    receiver = await receiverOnHost();
    await receiver.open();
    town = await startTown(node);
    watchdog = await startOnThisHost(
      {
        maxConcurrentRestarts: 16,
        services: town.config,
        plugins: { cron: {}, docker: {}, webhook: { url: receiver.url } },
      },
      { CHECK_INTERVAL_SECONDS: "1", HEALTH_CHECK_TIMEOUT: "1", MAX_CONSECUTIVE_FAILURES: "2" },
    );
  });
  after(async () => {
    await watchdog?.stop();
    await witness?.stop();
    await receiver?.close();
    await removeAll();
  });

  test("a slow starter within its image's StartPeriod is never killed, nor after our own restart", async () => {
    await untilStatus("slow_starter", "healthy", (SLOW_START_S + 15) * 1000);
    assert.equal(restarts("slow_starter"), 0);
    assert.deepEqual(typesOf("slow_starter"), []);
    await town.services.slow_starter!.break("500");
    await untilTold("slow_starter", 1, (SLOW_START_S + 20) * 1000);
    await assertHealed("slow_starter");
  });

  test("a stop of 15 s is reported as restarted, and the others are checked on time meanwhile", async () => {
    await untilStatus("slow_stopper", "healthy");
    await untilStatus("bystander", "healthy");
    await town.services.slow_stopper!.break("500");
    await untilStatus("slow_stopper", "restarting");
    const checks = new Set<number>();
    const begunMs = Date.now();
    let oldestMs = 0;
    while ((await watchdog.service("slow_stopper")).status === "restarting") {
      const { at } = (await watchdog.status()).services.bystander!.last_check!;
      checks.add(Date.parse(at));
      oldestMs = Math.max(oldestMs, Date.now() - Date.parse(at));
      await seconds(0.2);
    }
    const tookS = (Date.now() - begunMs) / 1000;
    assert.ok(tookS > STOP_S - 2 && tookS < STOP_S + 10, `the restart took ${tookS} s`);
    assert.ok(oldestMs < 6000, `the bystander was not checked for ${oldestMs} ms`);
    assert.ok(checks.size >= 6, `the bystander was checked ${checks.size} times in ${tookS} s`);
    await assertHealed("slow_stopper");
    const made = (await watchdog.service("slow_stopper")).restarts;
    assert.deepEqual(
      made.map(({ outcome }) => outcome),
      ["restarted"],
    );
    assert.match(made[0]!.reason, /^restarted in 1\d s/);
  });

  test("a namespace child is restarted after its parent, and answers", async () => {
    await untilStatus("vpn_client", "healthy");
    await untilStatus("vpn", "healthy");
    await town.services.vpn!.break("500");
    await assertHealed("vpn");
    await until("the child's restart", 10_000, async () => restarts("vpn_client") > 0);
    await untilStatus("vpn_client", "healthy");
    const [parent] = witness.restarts(town.services.vpn!);
    const [child, ...more] = witness.restarts(town.services.vpn_client!);
    assert.ok(child!.atMs > parent!.atMs, "the child was restarted before its parent");
    assert.deepEqual(more, []);
    assert.equal(await town.services.vpn_client!.ask(), 200);
    assert.ok(!typesOf("vpn_client").includes("COMPONENT_DOWN"));
  });

  test("a recreated parent is explained with the command that mends it", async () => {
    await untilStatus("orphan", "healthy");
    await docker("rm", "-f", "-v", town.services.gateway!.id);
    await town.again("gateway");
    await untilTold("orphan", 1);
    const [down] = alertsOf("orphan");
    assert.equal(down!.event_type, "COMPONENT_DOWN");
    const mends = /no longer exists: recreate it \(`docker compose up -d --force-recreate <service>`/;
    assert.match(down!.message, mends);
    assert.match(JSON.stringify(await watchdog.service("orphan")), mends);
    assert.equal(restarts("orphan"), 0);

    // Gone for some checks, it may have been restarted, in the midst of which nobody can join it.
    await untilStatus("gateway", "healthy");
    await docker("rm", "-f", "-v", town.services.orphan!.id);
    await town.again("orphan");
    await untilTold("orphan", 2);
    assert.deepEqual(typesOf("orphan"), ["COMPONENT_DOWN", "COMPONENT_RECOVERED"]);
  });

  test("a crash loop trips the budget, and alerts once about it", async () => {
    await untilHeld("crash_loop", "budget");
    await untilTold("crash_loop", 2);
    await seconds(5);
    assert.equal(restarts("crash_loop"), 2);
    assert.deepEqual(typesOf("crash_loop"), ["COMPONENT_DOWN", "WATCHDOG_FAILURE"]);
    assert.match(alertsOf("crash_loop")[1]!.message, /budget spent: 2 restarts in 10 min/);
    assert.match((await watchdog.service("crash_loop")).why, /budget spent: 2 restarts in 10 min/);
  });

  test("a flapping service trips the budget, and alerts once about it", async () => {
    await untilTold("flapping", 3, 60_000);
    await seconds(5);
    assert.equal(restarts("flapping"), 2);
    const recovered = "COMPONENT_RECOVERED";
    assert.deepEqual(typesOf("flapping"), [recovered, recovered, "COMPONENT_DOWN"]);
    assert.match(alertsOf("flapping")[2]!.message, /budget spent: 2 restarts in 10 min/);
  });

  test("logs written before the crash are in the incident, without secrets and with a hint", async () => {
    await untilStatus("crasher", "healthy");
    await town.services.crasher!.break("exit");
    await assertHealed("crasher");
    const { hint, incident_id } = alertsOf("crasher")[0]!.params;
    assert.match(String(hint), /no space left on device: free disk space/);
    const incident = await watchdog.incident(String(incident_id));
    const line = incident.evidence[0]!.logLines.find((one) => one.includes("ENOSPC"));
    assert.match(line!, /cannot write \/data\/orders: .*password=\[redacted\] \[redacted\]$/);
    const { last_incidents } = await watchdog.service("crasher");
    assert.deepEqual(
      last_incidents.map(({ id }) => id),
      [incident_id],
    );
    assert.match(String(last_incidents[0]!.hint), /no space left on device/);
    for (const secret of Object.values(PLANTED)) assert.ok(!watchdog.written().includes(secret), secret);
  });

  const hands = [
    {
      word: "stopped",
      command: "stop",
      undo: "start",
      how: /^stopped by a person at .* UTC \(docker stop\)/,
    },
    { word: "killed", command: "kill", undo: "start", how: /^stopped by a person at .* UTC \(docker kill\)/ },
    { word: "paused", command: "pause", undo: "unpause", how: /^paused by a person/ },
  ];
  for (const { word, command, undo, how } of hands) {
    test(`a ${word} container is brought back by default`, async () => {
      await untilStatus(word, "healthy");
      await docker(command, town.services[word]!.id);
      await assertHealed(word);
    });

    test(`a ${word} container is left alone with respectManualStop`, async () => {
      const name = `${word}_left`;
      await untilStatus(name, "healthy");
      await docker(command, town.services[name]!.id);
      assert.match(await untilHeld(name, "paused"), how);
      await seconds(5);
      assert.match((await watchdog.service(name)).why, /respectManualStop is on/);
      await docker(undo, town.services[name]!.id);
      await untilStatus(name, "healthy");
      assert.equal(restarts(name), 0, watchdog.logOf(name));
      assert.deepEqual(typesOf(name), [], "neither the person's stop nor its end is news");
    });
  }

  test("a database falls, three services follow, and one restart heals all four", async () => {
    const followers = ["orders", "billing", "reports"];
    for (const name of ["database", ...followers]) await untilStatus(name, "healthy");
    await town.services.database!.break("500");
    await assertHealed("database");
    for (const name of followers) await untilStatus(name, "healthy");
    await seconds(3);
    for (const name of followers) {
      assert.equal(restarts(name), 0, `restarts of ${name}`);
      assert.deepEqual(typesOf(name), [], `what was told of ${name}`);
    }
  });

  test("a dry run restarts nothing, and says what it would do", async () => {
    await untilStatus("rehearsed", "healthy");
    await town.services.rehearsed!.break("500");
    const reason = await untilHeld("rehearsed", "dry-run");
    assert.match(reason, /would be restarted now/);
    await seconds(4);
    assert.equal(restarts("rehearsed"), 0);
    assert.deepEqual(typesOf("rehearsed"), ["COMPONENT_DOWN"]);
    assert.ok(alertsOf("rehearsed")[0]!.message.includes(reason));
  });
});
