import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyState } from "../../src/core/state.ts";
import { definePlugin, type Plugin, type Ports, type Watchdog } from "../../src/plugin.ts";
import { setUpPlugins } from "../../src/plugins/registry.ts";
import { callHooks } from "../../src/tick/hooks.ts";
import { policy } from "../core/drive.ts";
import { createFakeClock } from "../simulation/clock.ts";

function world() {
  const lines: string[] = [];
  const say = (line: string) => lines.push(line);
  const clock = createFakeClock(0);
  const ports: Ports = {
    clock,
    log: { debug: say, info: say, warn: say, error: say },
    random: () => 0.5,
    env: {},
  };
  return { lines, clock, ports };
}

const plugin = (name: string, setup: (watchdog: Watchdog) => void | Promise<void>) => ({
  name,
  make: (): Plugin => ({ name, setup }),
});

const check = { name: "tcp", run: async () => ({ ok: true as const, reason: "connected" }) };

test("what plugins register is found by name", async () => {
  const { ports } = world();
  const set = await setUpPlugins([plugin("tcp", (watchdog) => watchdog.check(check))], ports, 15_000);
  assert.ok(set.ok, "it was set up");
  assert.equal(set.registry.checks.get("tcp"), check);
});

const BROKEN: [string, (watchdog: Watchdog) => void | Promise<void>, RegExp][] = [
  [
    "throws",
    () => {
      throw new Error("no licence");
    },
    /the plugin bad could not be set up: no licence/,
  ],
  [
    "rejects",
    () => Promise.reject(new Error("no licence")),
    /the plugin bad could not be set up: no licence/,
  ],
  ["hangs", () => new Promise(() => {}), /the plugin bad could not be set up: its setup did not end in 10 s/],
  [
    "registers a name twice",
    (watchdog) => {
      watchdog.check(check);
      watchdog.check(check);
    },
    /there are two checks named "tcp"/,
  ],
];

for (const [how, setup, reason] of BROKEN) {
  test(`a plugin that ${how} in its setup stops the start, by its name`, async () => {
    const { ports, clock } = world();
    const setting = setUpPlugins([plugin("bad", setup)], ports, 15_000);
    await clock.advance(10_000);
    const set = await setting;
    assert.ok(!set.ok, "it was set up");
    assert.match(set.reason, reason);
  });
}

test("a plugin is its factory with what is known of it", () => {
  const factory = definePlugin((options: { a: number }) => ({ name: `p${options.a}`, setup: () => {} }), {
    fromEnv: () => ({ a: 1 }),
  });
  assert.equal(factory({ a: 2 }).name, "p2");
  assert.deepEqual(factory.fromEnv?.({}), { a: 1 });
});

test("a hook that throws or hangs is named and stops nothing", async () => {
  const { ports, clock, lines } = world();
  const called: string[] = [];
  const hooks = [
    {
      name: "throws",
      ticked: async () => {
        throw new Error("broken");
      },
    },
    { name: "hangs", ticked: () => new Promise<void>(() => {}) },
    {
      name: "works",
      ticked: async ({ ok, services }: { ok: boolean; services: { name: string }[] }) => {
        called.push(`${ok} ${services.map(({ name }) => name)}`);
      },
    },
  ];
  callHooks(hooks, true, new Map([["executor", policy("executor")]]), emptyState(), ports);
  await clock.advance(15_000);
  assert.deepEqual(called, ["true executor"]);
  assert.deepEqual(lines, [
    "the hook throws failed: broken",
    "the hook hangs did not end in 15 s and was left",
  ]);
});
