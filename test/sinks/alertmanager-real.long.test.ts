/** Outages as Debian's Alertmanager sees them. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { repeatHook } from "../../plugins/alertmanager/repeat.ts";
import { alertmanagerSink } from "../../plugins/alertmanager.ts";
import { deliver } from "../../src/delivery/send.ts";
import type { Alert, ServiceSummary } from "../../src/plugin.ts";
import { notInstalled } from "../installed.ts";
import { type AlertmanagerServer, startAlertmanager } from "./alertmanager-server.ts";
import { DOWN, RECOVERED } from "./alerts.ts";
import { REAL_PORTS } from "./contract.ts";
import { EXECUTOR, hookWorld, summary } from "./hooks.ts";
import { type Receiver, startReceiver } from "./receiver.ts";

/** Shorter than the time between two posts, as 45 s is shorter than a minute. */
const RESOLVE_TIMEOUT_MS = 300;
const never = new AbortController().signal;
const skip = notInstalled("prometheus-alertmanager");

describe("an outage at Debian's Alertmanager", { skip, timeout: 60_000 }, () => {
  let server: AlertmanagerServer;
  let member: AlertmanagerServer;
  let receiver: Receiver;
  let told: string[];
  before(async () => {
    receiver = await startReceiver();
    receiver.answers({ status: 200 });
    [server, member] = await Promise.all([
      startAlertmanager(RESOLVE_TIMEOUT_MS, `${receiver.url}/server`),
      startAlertmanager(RESOLVE_TIMEOUT_MS, `${receiver.url}/member`),
    ]);
  });
  after(async () => {
    await Promise.all([server.stop(), member.stop()]);
    await receiver.close();
  });

  /** A sink for a service of its own: what one test posts is not another's. */
  function watch(component: string, urls = [server.url], shiftMs = 0) {
    const now = () => Date.now() + shiftMs;
    const options = { url: urls, host: "docker-1", labels: { team: "ops" } };
    const alertmanager = alertmanagerSink(options, now, () => 15_000);
    const world = hookWorld();
    const hook = repeatHook(alertmanager, { ...world, clock: { ...world.clock, now } });
    const tell = (alert: Alert, atMs: number) => {
      const params = { ...alert.params, component_name: component };
      const timestamp = new Date(atMs).toISOString();
      return deliver(alertmanager.sink, { ...alert, timestamp, params }, REAL_PORTS);
    };
    const service: ServiceSummary = { ...EXECUTOR, name: component };
    return { tell, service, tick: (gapMs: number) => hook.ticked(summary([service], true, gapMs), never) };
  }

  const firing = async (component: string, at = server) =>
    (await at.firing()).filter(({ labels }) => labels.component === component);
  /** `status` of each notification about a component, in order. */
  const notified = (component: string): string[] =>
    receiver.received
      .map(({ body }) => JSON.parse(body.toString()))
      .filter(({ commonLabels }) => commonLabels.component === component)
      .map(({ status }) => status);

  test("fires past the server's own timeout, is told by its severity, and ends with its recovery", async () => {
    const { tell } = watch("executor");
    assert.equal((await tell(DOWN, Date.now())).outcome, "delivered");
    await delay(5 * RESOLVE_TIMEOUT_MS);
    const [fires] = await firing("executor");
    assert.deepEqual(fires?.labels, {
      alertname: "ComponentDown",
      event_type: "COMPONENT_DOWN",
      severity: "critical",
      component: "executor",
      container: "spreadpilot-executor",
      host: "docker-1",
      team: "ops",
    });
    told = notified("executor");
    assert.deepEqual(told, ["firing"]);
    assert.equal((await tell(RECOVERED, Date.now())).outcome, "delivered");
    while (notified("executor").length < 2) await delay(20);
    assert.deepEqual(await firing("executor"), []);
    assert.deepEqual(notified("executor"), ["firing", "resolved"]);
  });

  test("fires through the gaps of a scheduler that ticks every 330 s, three of them missed", async () => {
    const gapMs = 330_000;
    for (const missed of [1, 2, 3]) {
      const name = `slow-${missed}`;
      const { tell, tick } = watch(name, [server.url], -missed * gapMs);
      await tick(gapMs);
      await tell(DOWN, Date.now() - missed * gapMs);
      assert.equal((await firing(name)).length, 1, `it looks solved ${missed} ticks later`);
    }
    const { tick } = watch("dead", [server.url], -5 * gapMs);
    await tick(gapMs);
    assert.deepEqual(await firing("dead"), [], "nobody posts it any more, and it fires for ever");
  });

  test("that waited in the outbox for half an hour fires when it arrives", async () => {
    const { tell } = watch("late");
    assert.equal((await tell(DOWN, Date.now() - 1_800_000)).outcome, "delivered");
    assert.equal((await firing("late")).length, 1);
  });

  test("is at every member of a cluster, and delivered while one of them takes it", async () => {
    const gone = await startReceiver();
    await gone.close();
    const { tell } = watch("shared", [gone.url, server.url, member.url]);
    const { outcome, reason } = await tell(DOWN, Date.now());
    assert.deepEqual([outcome, reason], ["delivered", `HTTP 200 (${gone.url}: connection refused)`]);
    for (const at of [server, member]) assert.equal((await firing("shared", at)).length, 1);
    const nobody = watch("lost", [gone.url, gone.url]);
    assert.equal((await nobody.tell(DOWN, Date.now())).outcome, "retry");
  });

  test("is one and the same alert, told or repeated", async () => {
    const { tell, tick } = watch("repeated");
    await tell(DOWN, Date.parse(DOWN.timestamp));
    const [first] = await firing("repeated");
    await tick(15_000);
    const all = await firing("repeated");
    assert.equal(all.length, 1);
    assert.deepEqual([all[0]!.labels, all[0]!.startsAt], [first!.labels, first!.startsAt]);
  });
});
