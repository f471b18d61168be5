/** What is said for all services, templates, and places for anchors. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf, json, loaded, type World } from "./fixture.ts";

const web = (more: object, service: object = {}): World =>
  json({ services: { web: { url: "http://web/", ...service } }, ...more });

test("what is said later wins: the environment, defaults, templates in their order, the service", async () => {
  const templates = {
    slow: { interval: "1m", timeout: "30s", backoff: { base: "1m" } },
    patient: { extends: "slow", timeout: "40s", failureThreshold: 9 },
    eager: { failureThreshold: 1, backoff: { cap: "2m" } },
  };
  const world = web(
    { defaults: { interval: "20s", successThreshold: 4, http: { status: 204 } }, templates },
    { extends: ["patient", "eager"], timeout: "50s", http: { headers: { a: "b" } } },
  );
  const config = await loaded({
    ...world,
    env: { CHECK_INTERVAL_SECONDS: "10", MAX_CONSECUTIVE_FAILURES: "7" },
  });
  const policy = config.services.get("web")!;
  const target = config.targets.get("web")!;
  assert.equal(policy.intervalMs, 60_000);
  assert.equal(target.timeoutMs, 50_000);
  assert.equal(policy.failureThreshold, 1);
  assert.equal(policy.successThreshold, 4);
  assert.deepEqual(policy.backoff, { baseMs: 60_000, capMs: 120_000, jitter: 0.2 });
  assert.deepEqual(target.options.http, { status: 204, headers: { a: "b" } });
});

test("defaults win over the environment, and are those of the built-in services too", async () => {
  const config = await loaded({
    ...json({ defaults: { interval: "20s" } }),
    env: { CHECK_INTERVAL_SECONDS: "10", HEALTH_CHECK_TIMEOUT: "2" },
  });
  for (const [name, { intervalMs }] of config.services) {
    assert.deepEqual([intervalMs, config.targets.get(name)!.timeoutMs], [20_000, 2000]);
  }
});

test("keys that begin with x- are places for anchors", async () => {
  const yaml = "x-slow: &slow { interval: 1m }\nservices:\n  web: { url: http://web/, <<: *slow }\n";
  const config = await loaded({ files: { "/app/watchdog.config.yaml": yaml } });
  assert.equal(config.services.get("web")!.intervalMs, 60_000);
});

const A_TEMPLATE = { templates: { slow: { interval: "1m" } } };
const FAULTS: [what: string, World, faults: [path: string, found: RegExp, accepted: RegExp][]][] = [
  [
    "a template that does not exist",
    web(A_TEMPLATE, { extends: "slwo" }),
    [["services.web.extends", /^unknown template "slwo"$/, /"slow" \(the nearest/]],
  ],
  [
    "no templates at all",
    web({}, { extends: ["a"] }),
    [["services.web.extends[0]", /"a"/, /there are no "templates"/]],
  ],
  [
    "a template that extends itself",
    web({ templates: { a: { extends: "a" } } }, { extends: "a" }),
    [["templates.a.extends", /extends itself: a -> a/, /without a cycle/]],
  ],
  [
    "a cycle of templates",
    web({ templates: { a: { extends: "b" }, b: { extends: ["a"] } } }),
    [
      ["templates.b.extends[0]", /a -> b -> a/, /cycle/],
      ["templates.a.extends", /b -> a -> b/, /cycle/],
    ],
  ],
  [
    "a fault in a template, once",
    json({
      templates: { slow: { interval: "1 parsec", intervall: 1 } },
      services: { a: { url: "http://a/", extends: "slow" }, b: { url: "http://b/", extends: "slow" } },
    }),
    [
      ["templates.slow.intervall", /unknown key/, /"interval"/],
      ["templates.slow.interval", /1 parsec/, /a duration/],
    ],
  ],
  [
    "a fault in defaults",
    web({ defaults: { action: "reboot" } }),
    [["defaults.action", /reboot/, /"restart"/]],
  ],
  [
    "defaults that extend",
    web({ defaults: { extends: "slow" }, ...A_TEMPLATE }),
    [["defaults.extends", /./, /themselves/]],
  ],
  ["templates as a list", web({ templates: [] }), [["templates", /a list of 0/, /by name/]]],
  ["a template that is no object", web({ templates: { a: 1 } }), [["templates.a", /1/, /an object/]]],
  [
    "extends that is no name",
    web({}, { extends: 5 }),
    [["services.web.extends", /hidden/, /a list of them/]],
  ],
];

for (const [what, world, expected] of FAULTS) {
  test(`one fault: ${what}`, async () => {
    const faults = await faultsOf(world);
    assert.deepEqual(
      faults.map(({ path }) => path),
      expected.map(([path]) => path),
      JSON.stringify(faults),
    );
    for (const [index, [, found, accepted]] of expected.entries()) {
      assert.match(faults[index]!.found, found);
      assert.match(faults[index]!.accepted, accepted);
    }
  });
}
