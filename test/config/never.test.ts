/** A module, a function or a promise that never ends is a fault like any other, told with all the others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { World } from "./fixture.ts";
import { load } from "./fixture.ts";

const never = () => new Promise(() => {});
const MJS = "file:///app/watchdog.config.mjs";
const files = { "/app/watchdog.config.mjs": "" };
const ACCEPTED =
  'a module whose default export is an object with "services" and "plugins", or a function that returns one, or a promise of one';

const configurations: [what: string, modules: Record<string, unknown>, found: string][] = [
  [
    "a top-level await",
    { [MJS]: never },
    "a module that was not loaded after 0.02 s (does it await something that never comes?)",
  ],
  ["a function", { [MJS]: { default: never } }, "a function without a result after 0.02 s"],
  ["a promise", { [MJS]: { default: never() } }, "a promise without a result after 0.02 s"],
  [
    "a promise that rejects",
    { [MJS]: () => ({ default: Promise.reject(new Error("no vault")) }) },
    'a promise that rejected with "Error: no vault"',
  ],
];

async function faultsOf(world: World) {
  const result = await load(world, { moduleTimeoutMs: 20 });
  assert.equal(result.ok, false, "expected faults");
  return result.ok ? [] : result.faults;
}

for (const [what, modules, found] of configurations) {
  test(`${what} in a configuration: a fault beside those of the environment`, async () => {
    const [port, ...faults] = await faultsOf({ env: { PORT: "many" }, files, modules });
    assert.equal(port?.path, "env PORT");
    assert.deepEqual(faults, [{ path: "watchdog.config.mjs", found, accepted: ACCEPTED }]);
  });
}

test("a plugin whose module is never loaded is a fault", async () => {
  const content = { plugins: { slow: { from: "./slow.mjs" }, quick: { from: "./quick.mjs" } } };
  const faults = await faultsOf({
    files: { "/app/watchdog.config.json": JSON.stringify(content) },
    modules: { "file:///app/slow.mjs": never, "file:///app/quick.mjs": { default: 1 } },
  });
  assert.deepEqual(
    faults.map(({ path, found }) => [path, found]),
    [
      [
        "plugins.slow.from",
        '"./slow.mjs": a module that was not loaded after 0.02 s (does it await something that never comes?)',
      ],
      ["plugins.quick.from", '"./quick.mjs": (hidden, 1 character) as default export'],
    ],
  );
});

test("a promise of a configuration is a configuration", async () => {
  const modules = { [MJS]: { default: Promise.resolve({ services: { web: { url: "http://web/" } } }) } };
  const result = await load({ files, modules });
  assert.ok(result.ok);
  assert.deepEqual([...result.config.services.keys()], ["web"]);
});
