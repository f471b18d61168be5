import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckResult, Log } from "../../src/plugin.ts";
import { narrate } from "../../src/state/narration.ts";
import { runChecks } from "../../src/tick/checks.ts";
import { policy } from "../core/drive.ts";
import { createFakeClock } from "../simulation/clock.ts";
import { rig } from "./harness.ts";

const FAIL: CheckResult = { ok: false, reason: "connection refused" };
const many = (count: number) =>
  Array.from({ length: count }, (_, i) => policy(`service-${i}`, { container: "" }));

function keepingLog(isDebug?: boolean): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const at = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  return { log: isDebug === undefined ? log : { ...log, isDebug }, lines };
}

test("of a thousand services that fall in one tick, twenty are named and the rest are counted", async () => {
  const { ticker, clock, lines } = rig(many(1000), { check: async () => FAIL });
  const said: string[][] = [];
  for (let i = 0; i < 3; i++) {
    lines.length = 0;
    await ticker.tick();
    said.push([...lines]);
    await clock.advance(15_000);
  }
  const [first, second, third] = said;
  assert.equal(first!.length, 21);
  assert.equal(first![0], "Service-0 failed a check (1 of 3): connection refused");
  assert.equal(
    first![20],
    "… and 980 more services failed their first check: GET /status shows every service",
  );
  assert.deepEqual(second, [], "it is no news that it fails again");
  assert.equal(third!.length, 21);
  assert.match(third![0]!, /^Service-0 is down and has no container to restart/);
  assert.equal(
    third![20],
    "… and 980 more lines of this kind (COMPONENT_DOWN): GET /status shows every service",
  );
});

test("twenty lines are all written, and one more is counted", () => {
  for (const [count, shown] of [
    [20, 20],
    [21, 21],
    [5000, 21],
  ] as const) {
    const { log, lines } = keepingLog();
    const note = { type: "note", level: "warn", text: "restarting", topic: "restart" } as const;
    narrate(
      log,
      Array.from({ length: count }, (_, i) => ({ ...note, service: `s${i}` })),
      [],
    );
    assert.equal(lines.filter((line) => line.startsWith("warn ")).length, shown);
    assert.equal(lines.filter((line) => line === "debug restarting").length, Math.max(0, count - 20));
    const more = `warn … and ${count - 20} more restarts were ordered: GET /status shows every service`;
    assert.equal(lines.at(-1), count > 20 ? more : "warn restarting");
  }
});

test("kinds are counted apart, so that a rare one is not lost among many", () => {
  const { log, lines } = keepingLog();
  const falls = Array.from({ length: 100 }, (_, i) => ({
    type: "note" as const,
    level: "info" as const,
    service: `s${i}`,
    text: "failed",
    topic: "failing" as const,
  }));
  narrate(log, [...falls, { type: "note", level: "warn", service: "", text: "the brake closes" }], []);
  assert.ok(lines.includes("warn the brake closes"));
});

async function checked(isDebug: boolean | undefined): Promise<string[]> {
  const { log, lines } = keepingLog(isDebug);
  const clock = createFakeClock(0);
  const results: Record<string, () => Promise<CheckResult>> = {
    executor: async () => ({ ok: true, reason: "HTTP 200 in 8 ms" }),
    monitor: () => clock.wait(40).then(() => FAIL),
    feed: async () => ({ ok: false, unknown: true, reason: "no socket for this check" }),
    broken: () => Promise.reject(new Error("boom")),
  };
  const jobs = Object.entries(results).map(([name, run]) => ({
    check: { name: "fake", run },
    target: { name, displayName: name, url: "", container: "", timeoutMs: 5000, options: {} },
  }));
  const ports = { clock, log, random: () => 0.5, env: {}, redact: (text: string) => text };
  const running = runChecks(jobs, ports, new AbortController().signal);
  await clock.advance(100);
  await running;
  return lines;
}

test("at debug each check is written, with its result and its time", async () => {
  assert.deepEqual(await checked(true), [
    "debug checked executor in 0 ms: passed, HTTP 200 in 8 ms",
    "debug checked feed in 0 ms: unknown, no socket for this check",
    "debug checked broken in 0 ms: unknown, the fake check itself failed: boom",
    "debug checked monitor in 40 ms: failed, connection refused",
  ]);
});

test("where debug is not shown, checks make no lines at all", async () => {
  assert.deepEqual(await checked(false), []);
  assert.deepEqual(await checked(undefined), []);
});
