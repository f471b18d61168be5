import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyState } from "../../src/core/state.ts";
import { setUpPlugins } from "../../src/plugin/registry.ts";
import {
  type ContainerFacts,
  definePlugin,
  type Evidence,
  type Plugin,
  type Ports,
  type ServiceTarget,
  type Watchdog,
} from "../../src/plugin.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";
import { createHooks } from "../../src/tick/hooks.ts";
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
    redact: (text) => text,
    env: {},
  };
  return { lines, clock, ports };
}

const plugin = (name: string, setup: (watchdog: Watchdog) => void | Promise<void>) => ({
  name,
  options: {},
  factory: (): Plugin => ({ name, setup }),
});

const check = { name: "tcp", run: async () => ({ ok: true as const, reason: "connected" }) };

test("what plugins register is found by name", async () => {
  const { ports } = world();
  const set = await setUpPlugins([plugin("tcp", (watchdog) => watchdog.check(check))], ports, 15_000);
  assert.ok(set.ok, "it was set up");
  const found = set.registry.checks.get("tcp")!;
  assert.deepEqual(await found.run({} as ServiceTarget, new AbortController().signal), await check.run());
});

test("what checks and restarters say, and how they break, is registered without secrets", async () => {
  const { ports } = world();
  const SECRET = "planted-secret";
  const redact = createRedactor([SECRET]);
  const fails = async () => {
    throw new Error(`${"x ".repeat(145)}${SECRET}`);
  };
  const facts = { error: SECRET, outOfReach: { cause: "network", reason: SECRET } };
  /** A class may keep what it knows in private fields. */
  class Hidden {
    name = "hidden";
    #said = { ok: true as const, reason: `did ${SECRET}` };
    prepare = fails;
    restart = async () => this.#said;
    async stop() {
      return this.#said;
    }
    async inspect() {
      return { ok: true as const, containers: { app: facts as unknown as ContainerFacts } };
    }
    async stoppedByHand() {
      return `by ${SECRET}`;
    }
    async evidence(): Promise<Evidence> {
      return { healthLog: [SECRET], logLines: [SECRET], hint: SECRET, missing: SECRET };
    }
    takeOver = async () => {};
  }
  const set = await setUpPlugins(
    [
      plugin("a", (watchdog) => {
        watchdog.restarter(new Hidden());
        watchdog.check({ name: "throws", run: fails });
        watchdog.check({ name: "says", run: async () => ({ ok: false, reason: `no ${SECRET}` }) });
      }),
      plugin("b", fails),
    ],
    { ...ports, redact },
    15_000,
  );
  const { checks, restarters } = set.registry;
  const { signal } = new AbortController();
  const target = {} as ServiceTarget;
  const one = restarters.get("hidden")!;
  const mayAct = async () => true;
  const said = [
    await checks.get("says")!.run(target, signal),
    await checks.get("throws")!.run(target, signal).catch(String),
    await one.restart(target, signal, mayAct),
    await one.stop!(target, signal, mayAct),
    await one.inspect!(["app"], signal),
    await one.stoppedByHand!("app", signal),
    await one.evidence!(target, signal),
    set.ok ? "" : set.reason,
  ];
  await one.takeOver!([], "file");
  assert.equal(
    said.map((text) => JSON.stringify(text).split("[redacted]").length - 1).join(),
    "1,1,1,1,2,1,4,1",
  );
  assert.ok(!JSON.stringify(said).includes("planted"), JSON.stringify(said));
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

test("a plugin that fails hides neither another's failure nor what the others bring", async () => {
  const { ports } = world();
  const fails = (why: string) => () => {
    throw new Error(why);
  };
  const set = await setUpPlugins(
    [
      plugin("a", fails("no licence")),
      plugin("tcp", (watchdog) => watchdog.check(check)),
      plugin("b", fails("no key")),
    ],
    ports,
    15_000,
  );
  assert.ok(!set.ok, "it was set up");
  assert.deepEqual(set.failed, [
    { name: "a", reason: "no licence" },
    { name: "b", reason: "no key" },
  ]);
  assert.ok(set.registry.checks.has("tcp"));
});

test("a plugin is its factory with what is known of it", () => {
  const factory = definePlugin((options: { a: number }) => ({ name: `p${options.a}`, setup: () => {} }), {
    env: { a: "A" },
  });
  assert.equal(factory({ a: 2 }).name, "p2");
  assert.deepEqual(factory.env, { a: "A" });
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
  const policies = new Map([["executor", policy("executor")]]);
  const behindTick = createHooks(() => ({ hooks, policies }), ports, new AbortController().signal);
  behindTick.call(true, emptyState());
  await clock.advance(15_000);
  await behindTick.idle();
  assert.deepEqual(called, ["true executor"]);
  assert.deepEqual(lines, [
    "the hook throws failed: broken",
    "the hook hangs did not end in 15 s and was abandoned",
  ]);
});
