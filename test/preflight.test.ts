import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "../src/config/config.ts";
import type { ServicePolicy } from "../src/core/policy.ts";
import type { Registry } from "../src/plugin/registry.ts";
import type { ContainerFacts, Ports, Restarter } from "../src/plugin.ts";
import { lookAtContainers, noticesOf } from "../src/preflight.ts";
import { policy } from "./core/drive.ts";
import { createFakeClock } from "./simulation/clock.ts";

const URL_HERE = "http://127.0.0.1:8787";

function world(policies: ServicePolicy[], changes: Partial<Config> = {}) {
  const config = {
    awaited: [],
    services: new Map(policies.map((one) => [one.name, one])),
    targets: new Map(policies.map(({ name }) => [name, { restarter: "docker" }])),
    dryRun: false,
    cron: true,
    ...changes,
  } as unknown as Config;
  const registry: Registry = {
    checks: new Map(),
    restarters: new Map(),
    sinks: new Map([
      [
        "webhook",
        { name: "webhook", target: "", deliver: async () => ({ outcome: "delivered", reason: "" }) },
      ],
    ]),
    triggers: new Map(),
    hooks: new Map(),
    discoverers: new Map(),
  };
  const clock = createFakeClock(0);
  const ports = { clock } as unknown as Ports;
  const asked: string[] = [];
  const answer = (inspect: NonNullable<Restarter["inspect"]>) => {
    const restarter: Restarter = {
      name: "docker",
      restart: async () => ({ ok: true, reason: "" }),
      inspect: (containers, signal) => {
        asked.push(...containers);
        return inspect(containers, signal);
      },
    };
    registry.restarters.set("docker", restarter);
    return lookAtContainers(config, registry, ports);
  };
  return { config, registry, clock, asked, answer };
}

const texts = (notices: readonly { text: string }[]) => notices.map(({ text }) => text);

test("names of services that nobody is yet are said", () => {
  const awaited = [{ path: "services.executor.dependsOn[0]", name: "cache" }];
  const { config, registry } = world([policy("executor")], { awaited });
  assert.match(
    texts(noticesOf(config, registry, URL_HERE)).join(),
    /neither listed nor found yet, so they have no effect: cache \(services\.executor\.dependsOn\[0\]\)$/,
  );
});

test("a watchdog that ticks, heals and tells has nothing to be told of", () => {
  const { config, registry } = world([policy("executor")]);
  assert.deepEqual(noticesOf(config, registry, URL_HERE), []);
});

test("what keeps it from ticking, healing or telling is said, with what to do", () => {
  const { config, registry } = world([policy("executor", { dryRun: true })], { dryRun: true, cron: false });
  registry.sinks.clear();
  const [dry, receiver, cron, ...rest] = texts(noticesOf(config, registry, URL_HERE));
  assert.match(dry!, /^dry run: no service is restarted.*unset DRY_RUN/);
  assert.match(receiver!, /^no receiver is configured.*set WEBHOOK_URL/);
  assert.match(
    cron!,
    /^the internal cron is off.*POST http:\/\/127\.0\.0\.1:8787\/tick.*every 15 s.*WATCHDOG_CRON/,
  );
  assert.deepEqual(rest, []);
});

test("a dry run of some is said of those", () => {
  const { config, registry } = world([policy("executor", { dryRun: true }), policy("monitor")]);
  assert.match(texts(noticesOf(config, registry, URL_HERE))[0]!, /not restarted, whatever fails: executor;/);
});

test("containers that do not exist are named, those of services that are only told of are not asked for", async () => {
  const names = ["executor", "monitor", "constructor"];
  const { answer, asked } = world([
    ...names.map((name) => policy(name)),
    policy("feed", { action: "notify" }),
  ]);
  const containers = { "spreadpilot-executor": {} as ContainerFacts };
  const notices = await answer(async () => ({ ok: true, containers }));
  assert.deepEqual(
    asked,
    names.map((name) => `spreadpilot-${name}`),
  );
  assert.deepEqual(texts(notices), [
    'these containers do not exist, so nothing can be restarted: spreadpilot-monitor (of monitor), spreadpilot-constructor (of constructor); create what is missing, or correct "container" in the configuration',
  ]);
});

test("a name of every object is no container", async () => {
  const { answer } = world([policy("web", { container: "constructor" })]);
  const [notice] = await answer(async () => ({ ok: true, containers: {} }));
  assert.match(notice!.text, /^this container does not exist, .*: constructor \(of web\);/);
});

test("of thousands the first are named", async () => {
  const { answer } = world(Array.from({ length: 10_000 }, (_, i) => policy(`s${i}`)));
  const [notice] = await answer(async () => ({ ok: true, containers: {} }));
  assert.match(notice!.text, /spreadpilot-s9 \(of s9\) and 9990 more;/);
});

for (const [how, inspect] of [
  ["refuses", async () => ({ ok: false as const, reason: "the engine does not answer" })],
  ["rejects", () => Promise.reject(new Error("the engine does not answer"))],
  [
    "throws",
    () => {
      throw new Error("the engine does not answer");
    },
  ],
] as const) {
  test(`a restarter that ${how} is quoted`, async () => {
    const { answer } = world([policy("executor")]);
    assert.deepEqual(texts(await answer(inspect)), [
      "the containers cannot be inspected, and nothing can be restarted: the engine does not answer",
    ]);
  });
}

test("a restarter that hangs is left after 2 s, and called off", async () => {
  const { answer, clock } = world([policy("executor")]);
  let calledOff: AbortSignal | undefined;
  const looking = answer((_, signal) => {
    calledOff = signal;
    return new Promise(() => {});
  });
  await clock.advance(2000);
  assert.deepEqual(texts(await looking), ["the containers could not be inspected in 2 s"]);
  assert.ok(calledOff!.aborted, "it goes on");
});

test("without a container nothing is asked, and nothing said", async () => {
  const { answer, asked } = world([policy("executor", { container: "" })]);
  assert.deepEqual(await answer(async () => ({ ok: true, containers: {} })), []);
  assert.deepEqual(asked, []);
});
