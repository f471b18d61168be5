/** Names of services and plugins reach the configuration whole, or are refused with a reason. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import type { Registry } from "../../src/plugin/registry.ts";
import { renderTemplate, templateField } from "../../src/plugin/sink-settings.ts";
import { definePlugin } from "../../src/plugin.ts";
import { wireServices } from "../../src/tick/services.ts";
import { faultsOf, json, loaded, plugins, type World } from "../config/fixture.ts";
import { DOWN } from "../sinks/alerts.ts";
import { keyed, NAMES, REFUSED_NAMES, SERVICE_NAMES } from "./names.ts";

const services = (names: readonly string[]) => keyed(names, (name) => ({ url: `http://${name}/` }));
const MJS = "file:///app/watchdog.config.mjs";

const sources: Record<string, (content: object) => World> = {
  JSON: json,
  YAML: (content) => ({ files: { "/app/watchdog.config.yaml": JSON.stringify(content) } }),
  "a module": (content) => ({
    files: { "/app/watchdog.config.mjs": "" },
    modules: { [MJS]: { default: content } },
  }),
};

for (const [kind, world] of Object.entries(sources)) {
  test(`${kind}: every name that is accepted is a service, and every other one is a fault`, async () => {
    const config = await loaded(world({ services: services(SERVICE_NAMES) }));
    assert.deepEqual([...config.services.keys()], SERVICE_NAMES);
    for (const name of SERVICE_NAMES) {
      assert.equal(config.targets.get(name)?.url, `http://${name}/`);
    }
    const faults = await faultsOf(world({ services: services(["web", ...REFUSED_NAMES]) }));
    assert.equal(faults.length, REFUSED_NAMES.length);
    for (const { accepted } of faults) assert.match(accepted, /^a name of 1 to 64 letters/);
  });

  test(`${kind}: the same names as keys of settings are unknown keys`, async () => {
    for (const name of NAMES.filter((one) => !["services", "at"].includes(one))) {
      const content = keyed([name, "services"], (key) => (key === "services" ? services(["web"]) : {}));
      const [top, ...more] = await faultsOf(world(content));
      assert.match(top?.found ?? "", /unknown key/, name);
      assert.deepEqual(more, [], name);
      const web = keyed([name, "url"], (key) => (key === "url" ? "http://web/" : {}));
      const [inside] = await faultsOf(world({ services: { web } }));
      assert.match(inside?.found ?? "", /unknown key/, name);
    }
  });
}

test("a header of a name that would be left out without a word is a fault", async () => {
  for (const name of ["__proto__", "constructor", "prototype"]) {
    const headers = keyed([name], () => "x");
    const faults = await faultsOf(json({ services: { web: { url: "http://web/", http: { headers } } } }));
    assert.deepEqual(
      faults.map(({ path, found, accepted }) => [path, found, accepted]),
      [[`services.web.http.headers.${name}`, `the name "${name}"`, "another name"]],
    );
  }
  const headers = { toString: "x" };
  const config = await loaded(json({ services: { web: { url: "http://web/", http: { headers } } } }));
  assert.deepEqual(config.targets.get("web")?.options.http, { status: 200, headers });
});

const PLUGIN_NAME = /^[a-z][a-z0-9_-]*$/i;
const PLUGIN_NAMES = NAMES.filter((name) => PLUGIN_NAME.test(name) && !Object.hasOwn(plugins, name));

test("a third party's plugin may have any of these names: as a check, and for what services say to it", async () => {
  for (const name of PLUGIN_NAMES) {
    const factory = definePlugin(() => ({ name, setup() {} }), {
      serviceOptions: v.strictObject({ word: v.optional(v.string(), "none") }),
    });
    const content = {
      services: {
        spoken: { url: "http://a/", check: name, ...keyed([name], () => ({ word: "yes" })) },
        silent: { url: "http://b/" },
      },
      plugins: keyed([name], () => ({ from: "./mine.mjs" })),
    };
    const world = { ...json(content), modules: { "file:///app/mine.mjs": { default: factory } } };
    const config = await loaded(world);
    assert.deepEqual(config.targets.get("spoken")?.options[name], { word: "yes" }, name);
    assert.deepEqual(config.targets.get("silent")?.options[name], { word: "none" }, name);
  }
});

test("a plugin of such a name that is not there is unknown, and so is a check", async () => {
  for (const name of PLUGIN_NAMES) {
    const [plugin] = await faultsOf(json({ plugins: keyed([name], () => ({})) }));
    assert.equal(plugin?.found, `unknown plugin "${name}"`);
    const [check] = await faultsOf(json({ services: { web: { url: "http://web/", check: name } } }));
    assert.equal(check?.found, `"${name}", which no plugin provides`);
  }
});

test("a check or restarter gets its own options, and none where its plugin has no schema", async () => {
  const config = await loaded(json({ services: { web: { url: "http://web/" } } }));
  for (const name of NAMES) {
    const target = { ...config.targets.get("web")!, check: name, restarter: name };
    const check = { name, run: async () => ({ ok: true as const, reason: "" }) };
    const registry = { checks: new Map([[name, check]]), restarters: new Map() } as unknown as Registry;
    const wired = wireServices({ ...config, targets: new Map([["web", target]]) }, registry).get("web");
    assert.deepEqual([wired?.checkOptions, wired?.restarterOptions], [{}, {}], name);
  }
});

test("a template may hold none of these names, and would show nothing for one", () => {
  for (const name of NAMES.filter((one) => !/^(message|title|severity|time|id)$/.test(one))) {
    assert.equal(v.safeParse(templateField(), `{${name}}`).success, false, name);
    assert.equal(renderTemplate(`[{${name}}]`, DOWN), "[]", name);
  }
});
