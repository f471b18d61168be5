import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import { definePlugin } from "../../src/plugin.ts";
import { plugins as builtIn, faultsOf, json, load, loaded, type World, web } from "./fixture.ts";

const names = async (world: World) => (await loaded(world)).plugins.map(({ name }) => name);

test("http, docker and cron are on by default, the others when asked for", async () => {
  assert.deepEqual(await names({}), ["http", "docker", "cron"]);
  assert.deepEqual(await names({ env: { WEBHOOK_URL: "http://x/" } }), ["http", "docker", "cron", "webhook"]);
  assert.deepEqual(await names(web({}, { plugins: { console: true } })), [
    "http",
    "docker",
    "cron",
    "console",
  ]);
  assert.deepEqual(
    await names({
      env: { WEBHOOK_URL: "http://x/" },
      ...web({}, { plugins: { webhook: false, docker: false } }),
    }),
    ["http", "cron"],
  );
});

test("either the environment or the file can switch the internal scheduler off", async () => {
  for (const world of [
    { env: { WATCHDOG_CRON: "false" }, ...json({ plugins: { cron: {} } }) },
    { env: { WATCHDOG_CRON: "true" }, ...json({ plugins: { cron: false } }) },
  ]) {
    const config = await loaded(world);
    assert.equal(config.cron, false);
    assert.deepEqual(
      config.plugins.map(({ name }) => name),
      ["http", "docker"],
    );
  }
});

test("the file's keys win over what the environment says to the same plugin", async () => {
  const { plugins } = await loaded({
    env: { WEBHOOK_URL: "http://env/", WEBHOOK_SECRET: "whsec_env" },
    ...json({ plugins: { webhook: { url: "http://file/", format: "cloudevents" } } }),
  });
  assert.deepEqual(plugins.at(-1), {
    name: "webhook",
    options: { url: "http://file/", signing: "whsec_env", format: "cloudevents" },
  });
});

test("variables of other programs switch no plugin on, and say something to one that is on", async () => {
  const redis = definePlugin<{ url: string; stream?: string }>(() => ({ name: "redis", setup() {} }), {
    options: v.strictObject({ url: v.string("a URL"), stream: v.optional(v.string()) }),
    env: { url: "REDIS_URL", stream: "REDIS_ALERT_STREAM" },
    onBy: ["url"],
  });
  const pluginsOf = async (world: World) => {
    const result = await load(world, { plugins: { ...builtIn, redis } });
    assert.ok(result.ok, JSON.stringify(result));
    return result.config.plugins.filter(({ name }) => name === "redis").map(({ options }) => options);
  };
  const env = { REDIS_ALERT_STREAM: "theirs" };
  assert.deepEqual(await pluginsOf({ env }), []);
  assert.deepEqual(await pluginsOf({ env: { ...env, REDIS_URL: "redis://x" } }), [
    { url: "redis://x", stream: "theirs" },
  ]);
  assert.deepEqual(await pluginsOf({ env, ...json({ plugins: { redis: { url: "redis://file" } } }) }), [
    { url: "redis://file", stream: "theirs" },
  ]);
});

test("a third party's plugin for 0.1.0 that reads the environment itself is told how to declare it", async () => {
  const old = Object.assign(() => ({ name: "old", setup() {} }), { fromEnv: () => ({ url: "x" }) });
  const world = {
    ...json({ plugins: { old: { from: "./old.mjs" } } }),
    modules: { "file:///app/old.mjs": { default: old } },
  };
  assert.deepEqual(await faultsOf(world), [
    {
      path: "plugins.old.from",
      found: '"./old.mjs": a plugin with "fromEnv", which is not asked any more',
      accepted: 'its variables by their settings, env: { url: "OWN_URL" }',
    },
  ]);
});

test("a fault in what the environment said names the variable", async () => {
  const env = { WEBHOOK_URL: "planted", WEBHOOK_SECRET: "planted-too" };
  assert.deepEqual(await faultsOf({ env }), [
    { path: "env WEBHOOK_URL", found: "(hidden, 7 characters)", accepted: "a URL" },
    { path: "env WEBHOOK_SECRET", found: "(hidden, 11 characters)", accepted: "text with whsec_" },
  ]);
  const list = definePlugin<{ urls: string[] }>(() => ({ name: "list", setup() {} }), {
    options: v.object({ urls: v.pipe(v.array(v.string()), v.maxLength(1, "one URL")) }),
    env: { urls: { list: "LIST_URLS" } },
  });
  const result = await load({ env: { LIST_URLS: "http://a/,http://b/" } }, { plugins: { ...builtIn, list } });
  assert.ok(!result.ok);
  assert.deepEqual(result.faults, [{ path: "env LIST_URLS", found: "a list of 2", accepted: "one URL" }]);
});

const third = definePlugin((options: { level: number }) => ({ name: `third-${options.level}`, setup() {} }), {
  options: v.strictObject({ level: v.number("a level") }),
  serviceOptions: v.strictObject({ path: v.optional(v.string("a path"), "/") }),
});
const thirdParty = (plugin: object, settings: object = {}): World => ({
  files: {
    "/app/etc/wd.json": JSON.stringify({
      services: { web: { check: "anything", ...settings } },
      plugins: { third: plugin },
    }),
  },
  env: { WATCHDOG_CONFIG: "etc/wd.json" },
  modules: {
    "file:///app/etc/third.ts": { default: third },
    "file:///app/bad.ts": { default: { name: "third" } },
    "some-package": { default: third },
  },
});

test("a third party's plugin is imported relative to the file, and its settings are checked", async () => {
  const { plugins, targets } = await loaded(
    thirdParty({ from: "./third.ts", level: 3 }, { third: { path: "/x" } }),
  );
  assert.deepEqual(plugins.at(-1), {
    name: "third",
    from: "./third.ts",
    factory: third,
    options: { level: 3 },
  });
  assert.equal(plugins.at(-1)!.factory!({ level: 3 } as never).name, "third-3");
  // It may bring a check of any name, and a check of its own says itself whether it needs a URL.
  assert.deepEqual(targets.get("web"), {
    url: "",
    check: "anything",
    restarter: "docker",
    timeoutMs: 5000,
    options: { http: { status: 200, headers: {} }, docker: {}, third: { path: "/x" } },
  });
});

test("a third party's plugin may be a package", async () => {
  const { plugins } = await loaded(thirdParty({ from: "some-package", level: 1 }));
  assert.equal(plugins.at(-1)!.from, "some-package");
});

test("a third party's plugin takes the place of a built-in one of its name", async () => {
  const make = () => ({ name: "http", setup() {} });
  const world = {
    ...web({ url: "tcp://web:1" }, { plugins: { http: { from: "./own.mjs" } } }),
    modules: { "file:///app/own.mjs": { default: make } },
  };
  const [http] = (await loaded(world)).plugins;
  assert.deepEqual([http!.name, http!.factory], ["http", make], "and with it, what a URL must be");
});

test("a third party's plugin with a fault is one fault", async () => {
  const accepted =
    "the path (from the configuration file) or package of a module that exports definePlugin(...) as default";
  const rows: [object, string, string, string][] = [
    [
      { from: "./none.ts" },
      "plugins.third.from",
      '"./none.ts": a module that failed to load: "Error: Cannot find module file:///app/etc/none.ts"',
      accepted,
    ],
    [{ from: "../bad.ts" }, "plugins.third.from", '"../bad.ts": an object as default export', accepted],
    [{ from: 5 }, "plugins.third.from", "5", accepted],
    [{ from: "./third.ts", level: "x" }, "plugins.third.level", '"x"', "a level"],
    [
      { from: "./third.ts", level: 1, lvel: 2 },
      "plugins.third.lvel",
      'unknown key "lvel"',
      '"level" (the nearest known one)',
    ],
  ];
  for (const [plugin, path, found, what] of rows) {
    assert.deepEqual(await faultsOf(thirdParty(plugin)), [{ path, found, accepted: what }]);
  }
});
