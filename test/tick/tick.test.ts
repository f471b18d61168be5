import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckResult } from "../../src/plugin.ts";
import type { CompletedReport } from "../../src/tick/report.ts";
import { policy } from "../core/drive.ts";
import { rig } from "./harness.ts";

const FAIL: CheckResult = { ok: false, reason: "HTTP 503 in 8 ms" };
const names = (count: number) => Array.from({ length: count }, (_, i) => `service-${i}`);

async function completed(result: Promise<unknown>): Promise<CompletedReport> {
  const value = (await result) as { ok: true; report: CompletedReport };
  assert.equal(value.report.status, "completed");
  return value.report;
}

test("a quiet tick saves once", async () => {
  const { ticker, log } = rig([policy("executor")]);
  const report = await completed(ticker.tick());
  assert.deepEqual(log, ["save"]);
  assert.deepEqual(report.counts, { checked: 1, healthy: 1, unhealthy: 0, restarted: 0, restart_failed: 0 });
});

test("a restart is written down before it is made, and alerts before they are sent", async () => {
  const { ticker, log, saves } = rig([policy("executor", { failureThreshold: 1 })], {
    check: async () => FAIL,
    restart: async () => ({ ok: false, reason: "no such container" }),
    sinks: ["webhook"],
  });
  const report = await completed(ticker.tick());
  assert.deepEqual(log.slice(0, 4), ["save", "restart executor", "save", "deliver COMPONENT_DOWN"]);
  assert.equal(saves[0]!.services.executor!.status, "restarting");
  assert.ok(saves[0]!.services.executor!.restart);
  assert.equal(saves[1]!.outbox.entries.length, 1);
  assert.equal(saves.at(-1)!.outbox.entries.length, 0);
  assert.equal(report.counts.restart_failed, 1);
  assert.equal(report.outbox.sent, 1);
});

test("overlapping ticks join the running one, and get its result", async () => {
  let checks = 0;
  const { ticker, clock } = rig([policy("executor")], {
    check: async () => {
      checks++;
      await clock.wait(1000);
      return { ok: true, reason: "HTTP 200" };
    },
  });
  const all = [ticker.tick(), ticker.tick(), ticker.tick()].map(completed);
  await clock.advance(1000);
  const [first, second, third] = await Promise.all(all);
  assert.equal(checks, 1);
  assert.equal(first!.joined, undefined);
  assert.deepEqual(second, { ...first, joined: true });
  assert.deepEqual(third, second);
});

test("a call with nothing due is skipped, and says when one may come", async () => {
  const { ticker, clock } = rig([policy("executor")]);
  await ticker.tick();
  await clock.advance(50);
  assert.deepEqual(await ticker.tick(), {
    ok: true,
    report: { status: "skipped", reason: "min_interval", next_allowed_in_ms: 13_950 },
  });
  await clock.advance(13_950);
  await completed(ticker.tick());
});

test("a restart that outlives the tick goes on behind it; others stay checked, its service is left alone", async () => {
  const checked: string[] = [];
  const { ticker, clock, ledger } = rig([policy("executor", { failureThreshold: 1 }), policy("monitor")], {
    check: async ({ name }) => {
      checked.push(name);
      return name === "executor" ? FAIL : { ok: true, reason: "HTTP 200" };
    },
    restart: async () => {
      await clock.wait(60_000);
      return { ok: true, reason: "restarted" };
    },
  });
  const first = completed(ticker.tick());
  await clock.advance(12_000);
  assert.equal((await first).services.executor!.status, "restarting");
  for (const _ of [1, 2, 3]) {
    await clock.advance(15_000);
    await ticker.tick();
  }
  assert.deepEqual(checked, ["executor", "monitor", "monitor", "monitor", "monitor"]);
  assert.equal(ledger.state.services.executor!.status, "restarting");
  await clock.advance(3000);
  assert.equal(ledger.state.services.executor!.status, "verifying");
});

test("a check that never ends is unknown and named, and costs the others nothing", async () => {
  let told: AbortSignal | undefined;
  const { ticker, clock, ledger } = rig([policy("executor"), policy("monitor")], {
    check: ({ name }, signal) => {
      if (name !== "executor") return Promise.resolve({ ok: true, reason: "HTTP 200" });
      told = signal;
      return new Promise(() => {});
    },
  });
  const report = completed(ticker.tick());
  await clock.advance(19_999);
  assert.equal(told!.aborted, false);
  await clock.advance(1);
  assert.equal(told!.aborted, true, "it is told to give back what it holds");
  assert.deepEqual((await report).counts, {
    checked: 2,
    healthy: 1,
    unhealthy: 0,
    restarted: 0,
    restart_failed: 0,
  });
  assert.equal(ledger.state.services.monitor!.status, "healthy");
  assert.match(ledger.state.services.executor!.lastCheck!.reason, /the fake check did not end in 20 s/);
});

test("a service that hangs does not slow the checks of the others: they are due an interval after the tick began", async () => {
  let checks = 0;
  const { ticker, clock } = rig([policy("executor"), policy("monitor")], {
    check: async ({ name, timeoutMs }) => {
      if (name === "monitor") checks++;
      else await clock.wait(timeoutMs);
      return name === "monitor" ? { ok: true, reason: "HTTP 200" } : FAIL;
    },
  });
  for (let i = 0; i < 4; i++) {
    void ticker.tick();
    await clock.advance(15_000);
  }
  assert.equal(checks, 4);
});

test("a check that throws is unknown and named, and is no failure of the service", async () => {
  const { ticker, ledger } = rig([policy("executor", { failureThreshold: 1 })], {
    check: () => {
      throw new Error("cannot read undefined");
    },
  });
  await ticker.tick();
  const { status, lastCheck } = ledger.state.services.executor!;
  assert.equal(status, "unknown");
  assert.match(lastCheck!.reason, /the fake check itself failed: cannot read undefined/);
});

test("a restarter that throws leaves an unknown outcome, and the tick goes on", async () => {
  const { ticker, ledger } = rig([policy("executor", { failureThreshold: 1 })], {
    check: async () => FAIL,
    restart: () => {
      throw new Error("spawn failed");
    },
  });
  await completed(ticker.tick());
  assert.equal(ledger.state.services.executor!.status, "verifying");
  assert.match(ledger.state.services.executor!.restarts[0]!.reason, /restarter itself failed: spawn failed/);
});

test("with a full disk the watchdog goes on healing, says so loudly, and recovers by itself", async () => {
  let full = true;
  const told: string[] = [];
  const { ticker, clock, ledger } = rig([policy("executor", { failureThreshold: 1 })], {
    check: async () => FAIL,
    save: async () => (full ? { ok: false, reason: "no space left on device" } : { ok: true }),
    sinks: ["webhook"],
    deliver: async (_, alert) => {
      if (alert.event_type === "WATCHDOG_FAILURE") told.push(`${alert.params.success}`);
      return { outcome: "delivered", reason: "HTTP 200" };
    },
  });
  const result = await ticker.tick();
  assert.equal(result.ok, false);
  assert.match((result as { reason: string }).reason, /not saved: no space left on device/);
  assert.equal(ledger.state.services.executor!.status, "verifying", "it was restarted all the same");
  assert.equal(ledger.unsaved(), "no space left on device");
  full = false;
  await clock.advance(15_000);
  await completed(ticker.tick());
  await clock.settle();
  assert.equal(ledger.unsaved(), undefined);
  assert.deepEqual(told, ["false", "true"]);
});

test("no more restarts at once than the setting allows", async () => {
  let open = 0;
  let most = 0;
  const services = names(10).map((name) => policy(name, { failureThreshold: 1 }));
  const { ticker, clock } = rig(services, {
    check: async () => FAIL,
    maxConcurrentRestarts: 3,
    restart: async () => {
      most = Math.max(most, ++open);
      await clock.wait(1000);
      open--;
      return { ok: true, reason: "restarted" };
    },
  });
  const report = completed(ticker.tick());
  await clock.advance(4000);
  assert.equal((await report).counts.restarted, 10);
  assert.equal(most, 3);
});

test("the report of 100 failing services is under 16 KB", async () => {
  const reason = `HTTP 503 in 12 ms ${"é".repeat(500)}`;
  const services = names(100).map((name) => policy(`${name}-with-quite-a-long-name`));
  const { ticker } = rig(services, { check: async () => ({ ok: false, reason }) });
  const report = await completed(ticker.tick());
  assert.equal(Object.keys(report.services).length, 100);
  const bytes = new TextEncoder().encode(JSON.stringify(report)).length;
  assert.ok(bytes < 16_384, `${bytes} bytes`);
});

test("a sink that hangs delays neither the tick past its budget nor another sink", async () => {
  const arrived: string[] = [];
  const { ticker, clock } = rig([policy("executor", { container: "", failureThreshold: 1 })], {
    check: async () => FAIL,
    sinks: ["slow", "fast"],
    deliver: async (sink) => {
      if (sink === "slow") await clock.wait(600_000);
      arrived.push(sink);
      return { outcome: "delivered", reason: "HTTP 200" };
    },
  });
  const report = completed(ticker.tick());
  await clock.advance(100);
  assert.deepEqual(arrived, ["fast"]);
  await clock.advance(11_900);
  assert.equal((await report).outbox.pending, 1);
});

test("a sink that rejects an alert is told through the others", async () => {
  const told: string[] = [];
  const { ticker, clock, ledger } = rig([policy("executor", { container: "", failureThreshold: 1 })], {
    check: async () => FAIL,
    sinks: ["dead", "live"],
    deliver: async (sink, alert) => {
      if (sink === "dead") return { outcome: "rejected", reason: "HTTP 403" };
      told.push(alert.event_type);
      return { outcome: "delivered", reason: "HTTP 200" };
    },
  });
  await ticker.tick();
  await clock.settle();
  assert.deepEqual(told, ["COMPONENT_DOWN", "WATCHDOG_FAILURE"]);
  assert.equal(ledger.state.outbox.dead.length, 1);
  assert.match(ledger.state.troubles["sink:dead"]!.reason, /dead does not accept alerts: HTTP 403/);
});
