/** Services that were found on the host, merged with those that a file lists. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Merged, withFound } from "../../src/config/found.ts";
import type { FoundService } from "../../src/plugin.ts";
import { faultsOf, json, loaded, type World } from "./fixture.ts";

const web = { url: "http://web/" };

interface Here {
  services?: FoundService[];
  containers?: Record<string, string[]>;
  isOn?: boolean;
}

const found = (name: string, settings: object = {}, container = name): FoundService => ({
  name,
  container,
  settings: { url: `http://${container}/`, check: "http", ...settings },
  origins: { interval: "watchdog.interval", url: "watchdog.url", dependsOn: "watchdog.depends-on" },
});

async function merge(world: World, { services = [], containers = {}, isOn = true }: Here): Promise<Merged> {
  const config = await loaded(world);
  return withFound(
    config,
    { ok: true, services, refused: [], containers },
    isOn,
    (check) => check === "http",
  );
}

const names = ({ config }: Merged) => [...config.services.keys()];
const refusals = ({ refused }: Merged) =>
  refused.map(
    ({ container, faults }) => `${container}: ${faults.map(({ label, found }) => `${label} ${found}`)}`,
  );

test("what was found is watched beside what is listed, with the defaults of the file", async () => {
  const world = json({ defaults: { interval: "30s" }, services: { web } });
  const merged = await merge(world, { services: [found("shop"), found("fast", { interval: "5s" })] });
  assert.deepEqual(names(merged).sort(), ["fast", "shop", "web"]);
  assert.equal(merged.config.services.get("shop")!.intervalMs, 30_000);
  assert.equal(merged.config.services.get("fast")!.intervalMs, 5000);
  assert.equal(merged.config.services.get("shop")!.container, "shop");
  assert.equal(merged.config.targets.get("shop")!.url, "http://shop/");
});

test("the file's own words win over labels, key by key, by the container or by the name", async () => {
  const listed = { url: "http://outside/", container: "shop-1", failureThreshold: 5 };
  const services = [
    found("by-container", { interval: "5s", failureThreshold: 1 }, "shop-1"),
    found("named", { interval: "7s" }, "other"),
  ];
  const merged = await merge(
    json({ services: { shop: listed, named: { url: "http://named/", timeout: "2s" } } }),
    { services },
  );
  assert.deepEqual(names(merged).sort(), ["named", "shop"]);
  const shop = merged.config.services.get("shop")!;
  assert.deepEqual([shop.failureThreshold, shop.intervalMs, shop.container], [5, 5000, "shop-1"]);
  assert.equal(merged.config.targets.get("shop")!.url, "http://outside/");
});

test("a wrong value refuses its own container, by the label that said it", async () => {
  const services = [
    found("bad", { interval: "soon" }),
    found("good"),
    found("unchecked", { check: "gopher" }),
  ];
  const merged = await merge(json({ services: { web } }), { services });
  assert.deepEqual(names(merged).sort(), ["good", "web"]);
  assert.match(refusals(merged)[0]!, /^bad: watchdog\.interval "soon"/);
  assert.match(refusals(merged)[1]!, /^unchecked: /);
});

test("who depends on a refused one is watched, and waits for its name", async () => {
  const services = [found("bad", { interval: "soon" }), found("user", { dependsOn: ["bad"] })];
  const merged = await merge(json({ services: { web } }), { services });
  assert.deepEqual(names(merged).sort(), ["user", "web"]);
  assert.deepEqual(
    merged.refused.map(({ container }) => container),
    ["bad"],
  );
  assert.deepEqual(merged.config.awaited, [{ path: "services.user.dependsOn[0]", name: "bad" }]);
});

const on = { plugins: { docker: { discover: true } } };
const relations = ({ config }: Merged, name: string) => {
  const { dependsOn, restartWith } = config.services.get(name)!;
  return { dependsOn, restartWith };
};

test("a file may name services that are to be found: each comes in when it is there, and goes out with it", async () => {
  const world = json({
    services: { web: { ...web, dependsOn: ["cache", "db"], restartWith: ["worker"] }, db: web },
    ...on,
  });
  const at = (key: string, name: string) => ({ path: `services.web.${key}[0]`, name });
  const alone = await loaded(world);
  assert.deepEqual(alone.awaited, [at("dependsOn", "cache"), at("restartWith", "worker")]);
  assert.deepEqual(alone.services.get("web")!.dependsOn, ["db"]);
  const some = await merge(world, { services: [found("cache")] });
  assert.deepEqual(relations(some, "web"), { dependsOn: ["cache", "db"], restartWith: [] });
  assert.deepEqual(some.config.awaited, [at("restartWith", "worker")]);
  const all = await merge(world, { services: [found("cache"), found("worker")] });
  assert.deepEqual(relations(all, "web"), { dependsOn: ["cache", "db"], restartWith: ["worker"] });
  assert.deepEqual(all.config.awaited, []);
  assert.deepEqual((await merge(world, {})).config.awaited.length, 2);
});

test("without discovery, a name that nobody has is a fault, and so is the service itself with it", async () => {
  const world = (more: object, ...dependsOn: string[]) =>
    json({ services: { web: { ...web, dependsOn } }, ...more });
  const [unknown] = await faultsOf(world({}, "cache"));
  assert.deepEqual([unknown!.path, unknown!.found], ["services.web.dependsOn[0]", 'unknown service "cache"']);
  const [own] = await faultsOf(world(on, "cache", "web"));
  assert.deepEqual([own!.path, own!.found], ["services.web.dependsOn[1]", '"web", the service itself']);
});

test("a cycle that found services close refuses them, and nobody else", async () => {
  const services = { web: { ...web, dependsOn: ["cache"] }, api: { ...web, dependsOn: ["web"] } };
  const merged = await merge(json({ services, ...on }), {
    // The first of them leads into the cycle, and is not on it.
    services: [found("shop", { dependsOn: ["api"] }), found("cache", { dependsOn: ["api"] })],
  });
  assert.deepEqual(names(merged).sort(), ["api", "shop", "web"]);
  assert.deepEqual(refusals(merged), ["cache: watchdog.depends-on a cycle: api -> web -> cache -> api"]);
  assert.deepEqual(relations(merged, "web").dependsOn, []);
  assert.deepEqual(
    merged.config.awaited.map(({ name }) => name),
    ["cache"],
  );
});

test("a listed service without a container gets the one that the host of its URL means", async () => {
  const world = json({
    services: { one: { url: "http://one/" }, two: { url: "http://two/" }, none: { url: "http://none/" } },
  });
  const merged = await merge(world, { containers: { one: ["shop-one-1"], two: ["a", "b"] }, isOn: false });
  const containers = [...merged.config.services.values()].map(({ container }) => container);
  assert.deepEqual(containers, ["shop-one-1", "", ""]);
  assert.deepEqual(merged.unresolved, [
    { name: "two", why: "the host of its URL means several containers: a, b" },
    { name: "none", why: "no container has the host of its URL for a name" },
  ]);
});

test("a container that two listed services may mean is given to neither, and those that were found stay", async () => {
  const one = { url: "http://one/" };
  const services = {
    one,
    again: one,
    named: { url: "http://x/", container: "c" },
    other: { url: "http://c/" },
  };
  const containers = { one: ["a"], again: ["a"], other: ["c"], named: ["c"] };
  const merged = await merge(json({ services }), { services: [found("shop")], containers });
  assert.deepEqual(names(merged).sort(), ["again", "named", "one", "other", "shop"]);
  assert.deepEqual(
    [...merged.config.services.values()].filter(({ container }) => container !== "").map(({ name }) => name),
    ["shop", "named"],
  );
  assert.deepEqual(
    merged.unresolved.map(({ name }) => name),
    ["one", "again", "other"],
  );
  assert.deepEqual(merged.refused, []);
});

test("the built-in services find their containers, and those of other hosts are left out", async () => {
  const containers = { executor: ["spreadpilot-executor"], dashboard: ["shop-dashboard-1"] };
  const merged = await merge({}, { containers });
  assert.deepEqual(names(merged), ["executor", "dashboard"]);
  assert.equal(merged.config.services.get("dashboard")!.container, "shop-dashboard-1");
  assert.deepEqual(merged.leftOut, ["gateway_manager", "monitor"]);
  const off = await merge({}, { containers, isOn: false });
  assert.equal(off.config.services.size, 4);
  assert.equal(off.config.services.get("monitor")!.container, "spreadpilot-monitor");
});
