/** Services join and leave with the configuration. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effect } from "../../src/core/event.ts";
import type { ServicePolicy } from "../../src/core/policy.ts";
import { emptyState, type WatchdogState } from "../../src/core/state.ts";
import { transition } from "../../src/core/transition.ts";
import { policy, T0 } from "./drive.ts";

const web = policy("web");
const worker = policy("worker");

/** Sends events with the services that are configured at that moment. */
function watch() {
  let events = 0;
  const self = {
    now: T0,
    state: emptyState() as WatchdogState,
    send(policies: ServicePolicy[], event: Parameters<typeof transition>[1]): Effect[] {
      const next = transition(self.state, event, {
        policies: new Map(policies.map((one) => [one.name, one])),
        moment: { now: self.now, id: `e${events++}x` },
      });
      self.state = next.state;
      return next.effects;
    },
    fail(policies: ServicePolicy[], times: number, ...names: string[]): Effect[] {
      return Array.from({ length: times }).flatMap(() => {
        self.now += 15_000;
        const verdicts = Object.fromEntries(names.map((name) => [name, { ok: false, reason: "HTTP 503" }]));
        return self.send(policies, { type: "checked", verdicts });
      });
    },
  };
  self.send([web, worker], { type: "loaded" });
  return self;
}

const told = (effects: Effect[]) =>
  effects.flatMap((one) =>
    one.type === "alert" ? [`${one.alert.event_type} ${one.alert.params.success}`] : [],
  );

test("a reload leaves those that stay as they are, in the middle of a restart too", () => {
  const w = watch();
  w.fail([web, worker], 3, "web");
  const before = w.state.services.web;
  assert.equal(before!.status, "restarting");
  const added = policy("new");
  assert.deepEqual(
    w.send([web, added], { type: "configured" }).map(({ type }) => type),
    ["note"],
  );
  assert.deepEqual(w.state.services.web, before);
  assert.deepEqual(Object.keys(w.state.services), ["web", "new"]);
});

test("to leave and return is no way around backoff and budget", () => {
  const w = watch();
  w.fail([web, worker], 3, "web");
  w.send([web, worker], { type: "settled", outcomes: { web: { outcome: "restarted", reason: "" } } });
  const { restarts, backoffLevel, notBeforeAt } = w.state.services.web!;
  assert.equal(restarts.length, 1);
  w.send([worker], { type: "configured" });
  assert.equal(w.state.services.web, undefined);
  w.now += 3_600_000;
  w.fail([worker], 1);
  w.send([web, worker], { type: "configured" });
  const back = w.state.services.web!;
  assert.deepEqual(
    [back.restarts, back.backoffLevel, back.notBeforeAt],
    [restarts, backoffLevel, notBeforeAt],
  );
  assert.deepEqual([back.status, back.failures, back.outage], ["unknown", 0, null]);
  assert.deepEqual(Object.keys(w.state.absent), []);
});

test("the record of one that left is forgotten after a day", () => {
  const w = watch();
  w.send([web], { type: "configured" });
  assert.deepEqual(Object.keys(w.state.absent), ["worker"]);
  w.now += 86_400_000;
  w.fail([web], 1);
  assert.deepEqual(Object.keys(w.state.absent), []);
});

test("an outage that was told ends for receivers when its service leaves; one that was not ends silently", () => {
  const w = watch();
  const notified = policy("web", { action: "notify" });
  assert.deepEqual(told(w.fail([notified, worker], 3, "web", "worker")), ["COMPONENT_DOWN false"]);
  const { id } = w.state.services.web!.outage!;
  const effects = w.send([], { type: "configured" });
  assert.deepEqual(told(effects), ["WATCHDOG_FAILURE true"]);
  const alert = effects.find((one) => one.type === "alert")!;
  assert.equal(alert.alert.params.incident_id, id);
  assert.equal(alert.alert.params.component_name, "web");
});

test("a restart of one that left settles as unknown, and its end changes nobody", () => {
  const w = watch();
  w.fail([web, worker], 3, "web");
  w.send([worker], { type: "configured" });
  assert.equal(w.state.absent.web!.restarts.at(-1)!.outcome, "unknown");
  const settled = { type: "settled", outcomes: { web: { outcome: "restarted", reason: "" } } } as const;
  assert.deepEqual(w.send([worker], settled), []);
  w.send([web, worker], { type: "configured" });
  assert.deepEqual(w.send([web, worker], settled), []);
  assert.equal(w.state.services.web!.status, "unknown");
});

test("one that returns while its restart may still run is not restarted for a minute", () => {
  const w = watch();
  w.fail([web, worker], 3, "web");
  w.send([worker], { type: "configured" });
  w.send([web, worker], { type: "configured" });
  assert.equal(w.state.services.web!.notBeforeAt, w.now + 60_000);
  const orders = (effects: Effect[]) => effects.filter(({ type }) => type === "restart").length;
  assert.equal(orders(w.fail([web, worker], 3, "web")), 0);
  assert.equal(orders(w.fail([web, worker], 1, "web")), 1);
});

test("while services cannot be found out none leaves, and one that was being restarted is not stuck", () => {
  const w = watch();
  w.fail([web, worker], 3, "web");
  assert.equal(w.state.services.web!.status, "restarting");
  w.send([worker], { type: "loaded", isPartial: true });
  const unfound = w.state.services.web!;
  assert.deepEqual([unfound.status, unfound.restart], ["failing", null]);
  assert.deepEqual([unfound.restarts.at(-1)!.outcome, unfound.outage!.restarted], ["unknown", "unknown"]);
  assert.ok(unfound.notBeforeAt > w.now);
  w.send([web, worker], { type: "configured" });
  w.now += 60_000;
  const ordered = w.fail([web, worker], 3, "web").filter(({ type }) => type === "restart");
  assert.equal(ordered.length, 1);
});
