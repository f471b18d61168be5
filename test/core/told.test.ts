/** No service changes its state without a word of it in the log. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Alert } from "../../src/core/alert.ts";
import type { Effect } from "../../src/core/event.ts";
import type { ServicePolicy } from "../../src/core/policy.ts";
import { type Random, seeded } from "../simulation/random.ts";
import { type Drive, drive, play, policy } from "./drive.ts";

const notes = (effects: readonly Effect[]) =>
  effects.flatMap((effect) => (effect.type === "note" ? [`${effect.level}: ${effect.text}`] : []));

test("the first check, the first failure and every change are told, and nothing twice", () => {
  const { drive: d } = play(policy("executor"), "p p f f f R p p");
  assert.deepEqual(notes(d.effects), [
    "info: Executor is healthy: HTTP 200 in 8 ms",
    "info: Executor failed a check (1 of 3): HTTP 503 in 8 ms",
    "warn: restarting spreadpilot-executor: 3 failed checks in a row, failing for 30 s, last: HTTP 503 in 8 ms",
    "info: spreadpilot-executor: restart restarted; waiting for Executor's checks to confirm that it helped",
  ]);
});

test("a service that is only watched is said to be down, once", () => {
  const { drive: d } = play(policy("executor", { action: "none", failureThreshold: 2 }), "f f f f p");
  assert.deepEqual(notes(d.effects), [
    "info: Executor failed a check (1 of 2): HTTP 503 in 8 ms",
    "info: Executor is down and is only watched (action none): 2 failed checks in a row, failing for 15 s, last: HTTP 503 in 8 ms",
    "info: Executor recovered by itself after 4 failed checks (down for 1 min). The failure was: HTTP 503 in 8 ms",
  ]);
});

const SHAPES: Partial<ServicePolicy>[] = [
  {},
  { action: "none" },
  { action: "notify" },
  { action: "stop" },
  { container: "" },
  { dryRun: true },
  { failureThreshold: 1 },
  { successThreshold: 2, recoveryAfter: 3 },
  { budget: { restarts: 1, windowMs: 600_000 } },
  { startPeriodMs: 60_000 },
];

/** One step of a random life: a check of one or all, the end of a restart, what a person asks for, a new start. */
function step(d: Drive, names: readonly string[], random: Random): Effect[] {
  const name = random.pick(names);
  const dice = random();
  d.wait(Math.floor(random.between(0, 60_000)));
  if (dice < 0.3) return d.see(names.filter(() => random.chance(0.5)));
  if (dice < 0.5) return d.fail(name);
  if (dice < 0.6) return d.pass(name);
  if (dice < 0.65) return d.check({ [name]: { ok: null, reason: "no socket" } });
  if (dice < 0.9) return d.settle(name, random.pick(["restarted", "failed", "unknown"] as const));
  if (dice < 0.93) return d.send({ type: "loaded" });
  const action = random.pick(["pause", "resume", "restart"] as const);
  const request = { action, service: name, origin: "anna", force: random.chance(0.5) };
  return d.send({ type: "operator", request });
}

const nameOf = (effect: Effect) => {
  if (effect.type === "alert" || effect.type === "note") return effect.service;
  return effect.type === "restart" ? effect.order.service : "";
};

test("in random lives, no state changes without a line", () => {
  let changes = 0;
  for (let seed = 1; seed <= 150; seed++) {
    const random = seeded(seed);
    const shape = () => random.pick(SHAPES);
    const policies = [
      policy("database", shape()),
      policy("executor", { dependsOn: ["database"], ...shape() }),
      policy("monitor", { restartWith: ["database"], ...shape() }),
    ];
    const d = drive(...policies);
    if (seed % 3 === 0) d.brake = { share: 0.5, min: 2, windowMs: 60_000 };
    for (let i = 0; i < 60; i++) {
      const before = d.state.services;
      const effects = step(d, Object.keys(before), random);
      const told = new Set(effects.map(nameOf));
      for (const effect of effects) if (effect.type === "alert") assertSaysWhy(effect.alert);
      for (const [name, { status }] of Object.entries(d.state.services)) {
        const was = before[name]!.status;
        if (was === status) continue;
        changes++;
        assert.ok(told.has(name), `seed ${seed}, step ${i}: ${name} went from ${was} to ${status} unsaid`);
      }
    }
  }
  assert.ok(changes > 1000, `${changes} changes`);
});

/** Whatever is told of a service, by whatever way it came to be told. */
function assertSaysWhy({ message, params: { reason = "" } }: Alert): void {
  assert.ok(reason !== "" && message.includes(reason), `what failed is missing: ${message}`);
}
