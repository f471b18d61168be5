import assert from "node:assert/strict";
import { test } from "node:test";
import { drive, policy, said } from "./drive.ts";

const WHY = "the watchdog is shutting down";

test("a restart that did not begin is taken back, and the next failed check orders it again", () => {
  const d = drive(policy("executor"));
  for (let i = 0; i < 3; i++) {
    d.wait(15_000);
    d.fail();
  }
  const before = d.state.services.executor!;
  assert.equal(before.status, "restarting");
  const effects = d.send({ type: "withheld", services: ["executor"], why: WHY });
  const { status, restart, restarts, backoffLevel, failures, outage } = d.state.services.executor!;
  assert.deepEqual([status, restart, restarts, backoffLevel, failures], ["down", null, [], 0, 3]);
  assert.equal(outage?.restarts, 0);
  assert.match(outage?.log.at(-1)?.text ?? "", /did not begin: the watchdog is shutting down/);
  assert.deepEqual(said(effects), [], "nobody is told of what did not happen");
  d.send({ type: "loaded" });
  d.wait(15_000);
  assert.deepEqual(said(d.fail()), ["restart"]);
});

test("taken back a hundred times, it spends no budget", () => {
  const d = drive(policy("executor"));
  for (let i = 0; i < 2; i++) d.fail();
  for (let i = 0; i < 100; i++) {
    d.wait(100);
    assert.deepEqual(said(d.fail()), ["restart"]);
    d.send({ type: "withheld", services: ["executor"], why: WHY });
  }
});

test("a person's restart of a healthy service that did not begin leaves it healthy", () => {
  const d = drive(policy("executor"));
  d.pass();
  const request = { action: "restart", service: "executor", origin: "anna" } as const;
  d.send({ type: "operator", request });
  assert.equal(d.state.services.executor!.status, "restarting");
  d.send({ type: "withheld", services: ["executor"], why: WHY });
  assert.equal(d.state.services.executor!.status, "healthy");
  assert.deepEqual(said(d.fail()), []);
});

test("below the threshold it is failing again, and what has no restart is left alone", () => {
  const d = drive(policy("executor"), policy("monitor"));
  d.fail("executor");
  d.send({ type: "operator", request: { action: "restart", service: "executor", origin: "anna" } });
  const monitor = d.state.services.monitor;
  d.send({ type: "withheld", services: ["executor", "monitor", "nobody"], why: WHY });
  assert.equal(d.state.services.executor!.status, "failing");
  assert.equal(d.state.services.monitor, monitor);
});
