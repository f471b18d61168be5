/** A service lives the same life whatever its name, from its first check to its place in the state file. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { shiftTimes } from "../../src/core/shift-times.ts";
import type { WatchdogState } from "../../src/core/state.ts";
import { decodeState, encodeState, watchdogFormat } from "../../src/state/codec.ts";
import { restoreState } from "../../src/state/restore.ts";
import { drive, play, policy, said } from "../core/drive.ts";
import { SERVICE_NAMES } from "./names.ts";

test("there are names to try", () => {
  for (const name of ["constructor", "toString", "hasOwnProperty", "then", "length", "pause", "alert"]) {
    assert.ok(SERVICE_NAMES.includes(name), name);
  }
});

test("failures, restarts, recoveries and new starts are those of any other service", () => {
  const letters = "ppff fR p pfffX ffff L fffU f L p ? p fffRfff Lp";
  const expected = play(policy("executor"), letters).life;
  assert.match(expected, /restart.*RECOVERED.*DOWN/);
  for (const name of SERVICE_NAMES) assert.equal(play(policy(name), letters).life, expected, name);
});

test("a service without a verdict is left as it is, and one that appears begins as unknown", () => {
  for (const name of SERVICE_NAMES) {
    const before = drive(policy("executor"));
    before.fail();
    const d = drive(policy("executor"), policy(name));
    d.state = before.state;
    d.send({ type: "loaded" });
    d.send({ type: "checked", verdicts: { executor: { ok: true, reason: "HTTP 200" } } });
    assert.equal(d.state.services[name]?.status, "unknown", name);
    assert.deepEqual(d.state.services[name]?.lastCheck, null, name);
  }
});

test("a name is held, paused, resumed and restarted by itself", () => {
  for (const name of SERVICE_NAMES) {
    const named = policy(name, { dependsOn: ["database"], restartWith: ["worker"] });
    const d = drive(policy("database"), policy("worker"), named);
    for (let i = 0; i < 3; i++) d.see(["database", name]);
    assert.equal(d.state.services[name]?.hold?.kind, "dependency", name);
    d.send({ type: "operator", request: { action: "pause", service: name, origin: "anna" } });
    assert.ok(d.state.services[name]?.pause, name);
    assert.equal(d.state.services.database?.pause, null, name);
    d.send({ type: "operator", request: { action: "resume", service: name, origin: "anna" } });
    assert.equal(d.state.services[name]?.pause, null, name);
    const request = { action: "restart", service: name, origin: "anna", force: true } as const;
    assert.deepEqual(said(d.send({ type: "operator", request })), ["restart"], name);
    d.settle(name, "restarted");
    assert.equal(d.state.services.worker?.restart?.along, name, name);
  }
});

test("a service is in a maintenance window when one is open for it, and only then", () => {
  for (const name of SERVICE_NAMES) {
    const d = drive(policy(name));
    for (let i = 0; i < 3; i++) d.fail();
    assert.equal(d.state.services[name]?.status, "restarting", name);
    const held = drive(policy(name));
    held.maintenance = { [name]: held.now + 60_000 };
    for (let i = 0; i < 3; i++) held.fail();
    assert.equal(held.state.services[name]?.hold?.kind, "maintenance", name);
  }
});

test("an operator's word for a service that is not there does nothing", () => {
  const d = drive(policy("executor"));
  for (const name of [...SERVICE_NAMES, "__proto__"]) {
    const [answer] = d.send({ type: "operator", request: { action: "pause", service: name, origin: "x" } });
    assert.deepEqual(answer, {
      type: "answer",
      code: "unknown_service",
      text: `there is no service "${name}"`,
    });
  }
});

/** All of them at once, in every state: healthy, failing, down, restarting. */
function fullState(): WatchdogState {
  const d = drive(...SERVICE_NAMES.map((name) => policy(name)));
  for (let i = 0; i < 3; i++) {
    d.wait(15_000);
    d.see(SERVICE_NAMES.filter((_, index) => index % 4 > i));
  }
  return d.state;
}

test("the state file holds every one of them, and gives it back as it was", () => {
  const state = fullState();
  const bytes = new TextEncoder().encode(encodeState(watchdogFormat, state));
  const decoded = decodeState(watchdogFormat, bytes, "state.json");
  assert.ok(decoded.kind === "state", JSON.stringify(decoded));
  const restored = restoreState({ loaded: decoded.value });
  assert.equal(restored.trouble, undefined);
  assert.deepEqual(restored.state, state);
  assert.deepEqual(Object.keys(restored.state.services), SERVICE_NAMES);
});

test("a clock that was set moves the times of every one of them", () => {
  const state = fullState();
  const moved = shiftTimes(state, 3_600_000);
  for (const name of SERVICE_NAMES) {
    const [before, after] = [state.services[name]!, moved.services[name]!];
    assert.equal(after.statusSinceAt, before.statusSinceAt + 3_600_000, name);
    assert.equal(after.lastCheck?.at, before.lastCheck!.at + 3_600_000, name);
  }
  assert.equal(moved.services.nobody, undefined);
  assert.deepEqual(Object.keys(moved.services), SERVICE_NAMES);
});

test("a name that no service can have, in a file that was tampered with, is dropped", () => {
  const service = JSON.stringify(fullState().services.constructor);
  const text = `{"services":{"__proto__":${service},"executor":${service}},"troubles":{"__proto__":{"reason":"x"}},"outbox":{"sinks":{"__proto__":{"failures":9,"heldUntilAt":0}}}}`;
  const d = drive(policy("executor"), policy("constructor"));
  d.state = restoreState({ loaded: JSON.parse(text) }).state;
  d.send({ type: "loaded" });
  d.state = shiftTimes(d.state, 1000);
  assert.deepEqual(Object.keys(d.state.services), ["executor", "constructor"]);
  assert.equal(d.state.services.toString, undefined);
});
