/** What all containers together say: names that outlive containers, conflicts, and dependencies. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerView, DiscoveryRules } from "../../plugins/docker/discovery/contract.ts";
import { discover } from "../../plugins/docker/discovery/discover.ts";
import { composed, container, RULES, told } from "./discovered.ts";

const on = { "watchdog.enable": "true" };
const all = (containers: ContainerView[], rules: Partial<DiscoveryRules> = {}) =>
  discover(containers, { ...RULES, ...rules });
const say = (containers: ContainerView[], rules: Partial<DiscoveryRules> = {}) =>
  all(containers, rules).map(told);

/** Name of the container and its labels, and the service's name. */
const IDENTITIES: [what: string, name: string, labels: Record<string, string>, service: string][] = [
  ["the container's name", "My_web.1", {}, "My_web.1"],
  ["a name of ours", "web", { "watchdog.name": "shop-front" }, "shop-front"],
  ["Compose", "shop-web-1", composed("shop", "web"), "shop.web"],
  ["a second replica", "shop-web-2", composed("shop", "web", "2"), "shop.web.2"],
  ["a service that ends like a number", "x", composed("shop", "web.2"), "shop.web.2.1"],
  [
    "Compose without a number",
    "x",
    { ...composed("shop", "web"), "com.docker.compose.container-number": "" },
    "shop.web",
  ],
  ["Compose with a container_name", "front", composed("shop", "web"), "shop.web"],
  ["a name of ours before Compose", "x", composed("shop", "web", "1", { "watchdog.name": "front" }), "front"],
  ["TommyE123's identity", "x", composed("shop", "web", "1", { "monitoring.id": "front" }), "front"],
  ["a name of ours before it", "x", { "monitoring.id": "a", "watchdog.name": "b" }, "b"],
  ["an identity that is no name", "x", { "monitoring.id": "the shop #1" }, "the-shop-1-de51d73d"],
  ["an identity of other letters only", "x", { "monitoring.id": "магазин" }, "container-"],
  ["a name that is too long", "w".repeat(80), {}, `${"w".repeat(55)}-`],
  ["a name that objects have", "constructor", {}, "constructor"],
];

for (const [what, name, labels, service] of IDENTITIES) {
  test(`identity: ${what}`, () => {
    const [one] = say([container(name, { labels: { ...on, ...labels } })]);
    assert.ok(one?.startsWith(`service ${service}`), String(one));
  });
}

test("a recreated container keeps its name, whatever its id", () => {
  const labels = { ...on, ...composed("shop", "web") };
  const [before] = say([container("shop-web-1", { labels })]);
  assert.deepEqual(say([container("shop-web-1", { labels })]), [before]);
});

test("names that differ only in what is no letter stay apart", () => {
  const labels = (id: string) => ({ ...on, "monitoring.id": id });
  const [a, b] = say([container("a", { labels: labels("a/b") }), container("b", { labels: labels("a b") })]);
  assert.ok(a !== b && a!.startsWith("service a-b-") && b!.startsWith("service a-b-"));
});

test("two containers that claim one service: neither is touched, and it is said", () => {
  const labels = { ...on, "watchdog.name": "web" };
  const said = say([
    container("a", { labels }),
    container("b", { labels: on }),
    container("c", { labels }),
    container("web", { labels: { autoheal: "true" } }),
  ]);
  assert.deepEqual(said, [
    "refused: watchdog.name: found the service web, which c, web claims, too; accepted: a name of its own: set watchdog.name",
    "service b",
    "refused: watchdog.name: found the service web, which a, web claims, too; accepted: a name of its own: set watchdog.name",
    "refused: the container's name: found the service web, which a, c claims, too; accepted: a name of its own: set watchdog.name",
  ]);
});

test("one that is not switched on claims nothing", () => {
  const labels = { "watchdog.name": "web" };
  assert.deepEqual(say([container("a", { labels }), container("web", { labels: on })])[1], "service web");
});

test("while Compose replaces a container, the old one is the service", () => {
  const labels = { ...on, ...composed("shop", "web") };
  const old = container("shop-web-1", { labels });
  const next = container(`${old.id.slice(0, 12)}_shop-web-1`, { labels });
  assert.deepEqual(say([next, old]), [
    "ignored: Compose is recreating it, and the other container is still there",
    "service shop.web",
  ]);
  assert.deepEqual(say([next]), ["service shop.web"]);
});

test("a bad label refuses its own container only", () => {
  const said = say([
    container("a", { labels: { ...on, "watchdog.interval": "soon" } }),
    container("b", { labels: { ...on, "watchdog.depends-on": "a" } }),
  ]);
  assert.match(said[0]!, /^refused: watchdog.interval: found "soon"/);
  assert.equal(said[1], "service b");
});

test("every fault of a container is said at once", () => {
  const labels = { ...on, "watchdog.interval": "soon", "watchdog.port": "no", "watchdog.url": "http://x/" };
  assert.equal(say([container("a", { labels })])[0]!.split("\n").length, 3);
});

/** What `web` depends on, among `db` (two replicas), `job` (refused) and `cache` (not switched on). */
function dependsOn(labels: Record<string, string>, rules: Partial<DiscoveryRules> = {}) {
  const [web] = all(
    [
      container("shop-web-1", { labels: { ...on, ...composed("shop", "web", "1", labels) } }),
      container("shop-db-1", { labels: { ...on, ...composed("shop", "db") } }),
      container("shop-db-2", { labels: { ...on, ...composed("shop", "db", "2") } }),
      container("shop-cache-1", { labels: composed("shop", "cache") }),
      container("other-db-1", { labels: { ...on, ...composed("other", "db") } }),
      container("alone", { labels: on }),
    ],
    rules,
  );
  assert.ok(web?.kind === "service", JSON.stringify(web));
  return { on: web.settings.dependsOn, by: web.origins.dependsOn, absent: web.absent };
}

const compose = "com.docker.compose.depends_on";
const surgeon = "com.monitor.depends.on";
const ours = "watchdog.depends-on";
const DEPENDENCIES: [
  what: string,
  labels: Record<string, string>,
  on?: string[],
  by?: string,
  absent?: string[],
][] = [
  ["none", {}],
  [
    "Compose, all replicas of its project",
    { [compose]: "db:service_healthy:true" },
    ["shop.db", "shop.db.2"],
    compose,
  ],
  ["Compose, a job that ends", { [compose]: "db:service_completed_successfully:false" }],
  ["Compose, without conditions", { [compose]: "cache,db" }, ["shop.db", "shop.db.2"], compose],
  ["Compose, a container that is not healed", { [compose]: "cache:service_started:false" }],
  ["docker-surgeon, names of containers", { [surgeon]: "alone, shop-db-2" }, ["alone", "shop.db.2"], surgeon],
  ["docker-surgeon before Compose", { [surgeon]: "alone", [compose]: "db" }, ["alone"], surgeon],
  ["ours, names of services", { [ours]: "shop.db,other.db" }, ["shop.db", "other.db"], ours],
  ["ours, a service of the same project", { [ours]: "db" }, ["shop.db", "shop.db.2"], ours],
  ["ours, empty: on nothing", { [ours]: "", [compose]: "db" }, [], ours],
  ["ours, what nobody is called", { [ours]: "alone,nobody" }, ["alone"], ours, ["nobody"]],
];

for (const [what, labels, on, by, absent = []] of DEPENDENCIES) {
  test(`depends on: ${what}`, () => assert.deepEqual(dependsOn(labels), { on, by, absent }));
}

test("depends on: a service that a file lists", () => {
  assert.deepEqual(dependsOn({ [ours]: "listed" }, { listed: ["listed"] }).on, ["listed"]);
});

test("a cycle of dependencies refuses those on it, and nobody else", () => {
  const after = (name: string, other: string) =>
    container(name, { labels: { ...on, "watchdog.depends-on": other } });
  const said = all([after("a", "b"), after("b", "c"), after("c", "a"), after("d", "a"), after("e", "e")]);
  const cycle = "watchdog.depends-on: found a cycle of a, b, c; accepted: dependencies without a cycle";
  assert.deepEqual(said.slice(0, 3).map(told), Array(3).fill(`refused: ${cycle}`));
  assert.equal(told(said[3]!), "service d");
  assert.deepEqual(said[3]!.kind === "service" && said[3]!.settings.dependsOn, []);
  assert.match(told(said[4]!), /found a cycle of e;/);
});

test("a chain of 20,000 dependencies is followed to its end", () => {
  const chain = Array.from({ length: 20_000 }, (_, at) =>
    container(`c${at}`, { labels: { ...on, "watchdog.depends-on": `c${at + 1}` } }),
  );
  assert.ok(all(chain).every(({ kind }) => kind === "service"));
});
