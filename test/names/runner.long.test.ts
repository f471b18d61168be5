/** Names on their way through ticks, containers, the outbox and HTTP. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Restarter } from "../../src/plugin.ts";
import { createCalendar } from "../../src/tick/calendar.ts";
import { createInspector } from "../../src/tick/observe.ts";
import type { WiredService } from "../../src/tick/services.ts";
import { policy } from "../core/drive.ts";
import { BUSY, courierRig, OK } from "../delivery/courier-rig.ts";
import { world } from "../http/real-app.ts";
import { rig } from "../tick/harness.ts";
import { NAMES, SERVICE_NAMES } from "./names.ts";

test("every name is checked, restarted, told of and reported, and no other is", async () => {
  const told: string[] = [];
  const policies = SERVICE_NAMES.map((name) => policy(name, { failureThreshold: 1 }));
  const { ticker, ledger, log } = rig(policies, {
    check: async () => ({ ok: false, reason: "HTTP 503 in 8 ms" }),
    restart: async ({ name }) => ({ ok: false, reason: `no container of ${name}` }),
    deliver: async (_, { params }) => {
      told.push(params.component_name);
      return OK;
    },
    sinks: ["constructor"],
    maxConcurrentRestarts: 1000,
  });
  const result = await ticker.tick();
  assert.ok(result.ok && result.report.status === "completed");
  assert.deepEqual(Object.keys(result.report.services), SERVICE_NAMES);
  const { counts } = result.report;
  assert.deepEqual([counts.unhealthy, counts.restart_failed], [SERVICE_NAMES.length, SERVICE_NAMES.length]);
  const restarted = log.filter((line) => line.startsWith("restart ")).map((line) => line.slice(8));
  assert.deepEqual(restarted.sort(), [...SERVICE_NAMES].sort());
  assert.deepEqual(told.sort(), [...SERVICE_NAMES].sort());
  assert.deepEqual(Object.keys(ledger.state.services), SERVICE_NAMES);
});

test("a sink of any name fails, is held, is told of, and takes alerts again", async () => {
  for (const name of NAMES) {
    let answer = BUSY;
    const d = courierRig(
      ["executor"],
      Object.fromEntries([
        [name, () => answer],
        ["other", () => OK],
      ]),
    );
    assert.equal(d.outbox().sinks[name], undefined, name);
    await d.see(["executor"]);
    await d.courier.flush();
    assert.equal(d.outbox().sinks[name]?.failures, 1, name);
    for (let i = 0; i < 6; i++) {
      await d.clock.advance(3_600_000);
      await d.courier.flush();
    }
    assert.ok(d.ledger.state.troubles[`sink:${name}`], name);
    answer = OK;
    await d.clock.advance(12 * 3_600_000);
    await d.courier.flush();
    assert.deepEqual(Object.keys(d.outbox().sinks), [], name);
    assert.deepEqual(Object.keys(d.ledger.state.troubles), [], name);
  }
});

test("over HTTP each name is a service when it is one, and else a 404", async () => {
  const none = world([policy("executor")]);
  const all = world(SERVICE_NAMES.map((name) => policy(name)));
  for (const name of NAMES) {
    assert.equal((await none.get(`/services/${name}`)).status, 404, name);
    assert.equal((await none.post(`/services/${name}/pause?for=1m`)).status, 404, name);
    assert.equal((await none.get(`/incidents/${name}`)).status, 404, name);
    assert.equal((await none.post(`/outbox/${name}/retry`)).status, 404, name);
    assert.equal((await none.get(`/${name}/x`)).status, 404, name);
  }
  for (const name of SERVICE_NAMES) {
    const { status, body } = await all.get(`/services/${name}`);
    assert.deepEqual([status, body.name, body.status], [200, name, "unknown"]);
    const paused = await all.post(`/services/${name}/pause?for=1m`);
    assert.equal(paused.status, 200, name);
    assert.match((await all.detail(name)).paused.origin, /HTTP/);
  }
});

test("a container is known when the engine has it, not when its name is one of JavaScript's", async () => {
  const restarter: Restarter = {
    name: "fake",
    restart: async () => ({ ok: true, reason: "" }),
    inspect: async () => ({ ok: true, containers: {} }),
  };
  const policies = new Map(SERVICE_NAMES.map((name) => [name, policy(name, { container: name })]));
  const target = (name: string) => ({
    name,
    displayName: name,
    url: "",
    container: name,
    timeoutMs: 1,
    options: {},
  });
  const services = new Map(
    SERVICE_NAMES.map((name) => [name, { restarter, target: target(name) } as WiredService]),
  );
  const { facts, fault } = await createInspector({ services, policies }).inspect(
    SERVICE_NAMES,
    new AbortController().signal,
  );
  assert.deepEqual([[...facts.keys()], fault], [[], null]);
});

test("a maintenance window closes when it says, for every name", async () => {
  const policies = new Map(SERVICE_NAMES.map((name) => [name, policy(name)]));
  const windows = [{ cron: "0 3 * * *", durationMs: 3_600_000, timeZone: "UTC" }];
  const calendar = await createCalendar(windows, policies);
  const open = calendar(Date.UTC(2026, 10, 23, 3, 30));
  const closes = Date.UTC(2026, 10, 23, 4);
  assert.deepEqual(
    Object.entries(open),
    SERVICE_NAMES.map((name) => [name, closes]),
  );
});
