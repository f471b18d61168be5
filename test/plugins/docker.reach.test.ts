/** Why a running container is out of reach: every place of the watchdog against every place of the container. */
import assert from "node:assert/strict";
import test from "node:test";
import { createClient } from "../../plugins/docker/client.ts";
import { type Inspected, parseInspect } from "../../plugins/docker/facts.ts";
import { outOfReach } from "../../plugins/docker/reach.ts";
import { createSelf, type Place, type Spot } from "../../plugins/docker/self.ts";
import type { CheckFault } from "../../src/plugin.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";
import { clock, fakeClient, never } from "./docker.setup.ts";

/** Networks by name, each with the container's number in it and its names there. */
const SUBNETS: Record<string, string> = { bridge: "172.17", shop: "172.20", back: "172.21", lan: "172.22" };

function raw(name: string, on: Record<string, string[]>, more: object = {}) {
  const networks = Object.entries(on).map(([network, aliases]) => [
    network,
    {
      NetworkID: `id-${network}`,
      IPAddress: `${SUBNETS[network]}.0.9`,
      IPPrefixLen: 16,
      Gateway: `${SUBNETS[network]}.0.1`,
      Aliases: aliases,
    },
  ]);
  return {
    Id: "ab".repeat(32),
    Name: `/${name}`,
    State: { Status: "running" },
    NetworkSettings: { Networks: Object.fromEntries(networks) },
    ...more,
  };
}

const inspected = (...parts: Parameters<typeof raw>): Inspected => parseInspect([raw(...parts)])[0]!;

const addressOn = (network: string) => `${SUBNETS[network]}.0.5`;
/** The watchdog in a container on these networks. */
const among = (...networks: string[]): Place => ({
  kind: "container",
  container: inspected("guard", Object.fromEntries(networks.map((network) => [network, []]))),
  addresses: networks.map(addressOn),
});
const hidden = (...networks: string[]): Place => ({
  kind: "unknown",
  addresses: ["127.0.0.1", ...networks.map(addressOn)],
});
const host: Place = { kind: "host", addresses: ["127.0.0.1", "10.0.0.2", "172.17.0.1", "172.20.0.1"] };
/** On a Docker Desktop, whose networks the host has no part in. */
const farHost: Place = { kind: "host", addresses: ["127.0.0.1", "10.0.0.2"] };

const executor = inspected("spreadpilot-executor", { shop: ["executor"] });
const both = inspected("spreadpilot-executor", { shop: ["web"], back: ["executor"] });

type Row = [
  what: string,
  container: Inspected,
  asked: [fault: CheckFault, host: string, ...addresses: string[]],
  place: Place,
  cause: string | undefined,
  reason?: RegExp,
];

const NAME: Row[2] = ["unresolved", "executor"];
const TABLE: Row[] = [
  [
    "the README's docker run: the watchdog on the default network",
    executor,
    NAME,
    among("bridge"),
    "shop",
    /container guard \(network bridge\) is not on the network shop: run `docker network connect shop guard`, and start/,
  ],
  [
    "on another network",
    executor,
    NAME,
    among("lan"),
    "shop",
    /\(network lan\) is not on the network shop: run/,
  ],
  ["on two others", executor, NAME, among("bridge", "lan"), "shop", /\(network bridge, lan\) is not on/],
  ["on none", executor, NAME, among(), "shop", /\(network none\) is not on the network shop/],
  [
    "the name is known on another network than the shared one",
    both,
    NAME,
    among("shop"),
    "back",
    /connect back/,
  ],
  [
    "the name is known nowhere, and no network is shared",
    executor,
    ["unresolved", "exekutor"],
    among("bridge"),
    "shop",
    /network shop, where it is called spreadpilot-executor, executor: run `docker network connect shop guard`/,
  ],
  [
    "the name is known nowhere, and a network is shared",
    executor,
    ["unresolved", "exekutor"],
    among("shop"),
    "spreadpilot-executor",
    /on the network shop, which it shares.*called spreadpilot-executor, executor, and not "exekutor": correct its url/,
  ],
  [
    "the name is known on the shared network",
    executor,
    NAME,
    among("shop"),
    "spreadpilot-executor",
    /"executor" is its name on the network shop.*does not resolve: look at the watchdog's \/etc\/resolv\.conf/,
  ],
  ["with the network's name after it", executor, ["unresolved", "executor.shop"], among("bridge"), "shop"],
  [
    "both on the default network",
    inspected("app", { bridge: [] }),
    ["unresolved", "app"],
    among("bridge"),
    "bridge",
    /default network \(bridge\), on which names do not resolve: run `docker network create services`/,
  ],
  [
    "only the container is on the default network",
    inspected("app", { bridge: [] }),
    ["unresolved", "app"],
    among("shop"),
    "app",
    /not on shop: run `docker network connect shop app`/,
  ],
  [
    "a name of the world",
    executor,
    ["unresolved", "app.example.com"],
    among("bridge"),
    "names",
    /"app\.example\.com" do not resolve here: look at the name servers/,
  ],
  [
    "the watchdog on the host",
    executor,
    NAME,
    host,
    "host",
    /runs on the host, which does not resolve the names of the network shop: publish.*http:\/\/127\.0\.0\.1:<port>, or run/,
  ],
  ["on the host, with a name that is none", executor, ["unresolved", "nas"], host, "names"],
  [
    "a process beside the engine, in a container of another one",
    executor,
    NAME,
    { ...hidden(), addresses: ["172.20.0.1"] },
    "host",
  ],
  [
    "the watchdog's container is not shown",
    executor,
    NAME,
    hidden("bridge"),
    "shop",
    /the watchdog \(172\.17\.0\.5\) is not on the network shop: run `docker network connect shop <the watchdog's container>`/,
  ],
  [
    "nor is it where a network is shared",
    executor,
    ["unresolved", "exekutor"],
    hidden("shop"),
    "spreadpilot-executor",
    /correct its url/,
  ],
  [
    "a container of the host's network",
    inspected("app", {}, { HostConfig: { NetworkMode: "host" } }),
    ["unresolved", "app"],
    among("shop"),
    "app",
    /the host's own network/,
  ],
  [
    "a container without a network",
    inspected("app", {}, { HostConfig: { NetworkMode: "none" } }),
    ["unresolved", "app"],
    among("shop"),
    "app",
    /no network at all/,
  ],

  [
    "an address of another network",
    executor,
    ["unconnected", "172.20.0.9", "172.20.0.9"],
    among("bridge"),
    "shop",
    /\(network bridge\) has no way to the network shop: run `docker network connect shop guard`/,
  ],
  [
    "an address of another network, at once",
    executor,
    ["unrouted", "172.20.0.9", "172.20.0.9"],
    among("bridge"),
    "shop",
  ],
  ["a name that leads to one", executor, ["unconnected", "alias", "172.20.0.9"], among("bridge"), "shop"],
  [
    "not shown, an address of another network",
    executor,
    ["unconnected", "172.20.0.9", "172.20.0.9"],
    hidden("bridge"),
    "shop",
  ],
  [
    "a host that has no part in the network",
    executor,
    ["unconnected", "172.20.0.9", "172.20.0.9"],
    farHost,
    "host",
    /has no way to the network shop: publish/,
  ],
  [
    "an address of a shared network",
    executor,
    ["unconnected", "172.20.0.9", "172.20.0.9"],
    among("shop"),
    undefined,
  ],
  [
    "an address of a shared network of two",
    both,
    ["unrouted", "web", "172.20.0.9"],
    among("shop"),
    undefined,
  ],
  ["the host reaches it", executor, ["unconnected", "172.20.0.9", "172.20.0.9"], host, undefined],
  ["an address elsewhere", executor, ["unconnected", "10.9.9.9", "10.9.9.9"], among("bridge"), undefined],
  [
    "a published port",
    executor,
    ["unconnected", "host.docker.internal", "172.17.0.1"],
    among("bridge"),
    undefined,
  ],
  [
    "an address, and no network is known",
    inspected("app", {}),
    ["unrouted", "172.20.0.9", "172.20.0.9"],
    among("bridge"),
    undefined,
  ],
];

for (const [what, container, [fault, name, ...addresses], place, cause, reason] of TABLE) {
  test(`${cause === undefined ? "within reach" : "out of reach"}: ${what}`, () => {
    const why = outOfReach(container, container, { fault, host: name, addresses }, place);
    assert.equal(why?.cause, cause, why?.reason ?? "");
    if (reason) assert.match(why!.reason, reason);
    if (why) assert.ok(why.reason.length < 400, why.reason);
  });
}

test("a container that does not run is never out of reach, whatever is asked and from where", () => {
  const states = ["created", "restarting", "removing", "exited", "dead", "paused", ""];
  for (const Status of states) {
    for (const [, , [fault, name, ...addresses], place] of TABLE) {
      const one = inspected("spreadpilot-executor", { shop: ["executor"] }, { State: { Status } });
      assert.equal(outOfReach(one, one, { fault, host: name, addresses }, place), undefined, Status);
    }
  }
});

test("one that lives in another's network is where that one is, and says less when that is not shown", () => {
  const child = inspected("app", {}, { HostConfig: { NetworkMode: `container:${"cd".repeat(32)}` } });
  const failure = { fault: "unresolved", host: "executor", addresses: [] } as const;
  assert.equal(outOfReach(child, executor, failure, among("bridge"))?.cause, "shop");
  assert.match(
    outOfReach(child, undefined, failure, among("bridge"))!.reason,
    /the container cdcdcdcdcdcd, in whose/,
  );
});

const ID = "5e".repeat(32);
const spot = (changes: Partial<Spot> = {}): Spot => ({
  isInContainer: true,
  id: ID,
  hostname: ID.slice(0, 12),
  addresses: ["172.17.0.5"],
  ...changes,
});
const guard = (name: string, more: object = {}) =>
  JSON.stringify([raw(name, { bridge: [] }, { Id: ID, ...more })]);
const answers = (asked: string, answer: string) =>
  `case "$*" in *" ${asked}") echo '${answer}';; *) echo 'Error response from daemon: Forbidden' >&2; exit 1;; esac\n`;

const SELVES: [what: string, spot: Spot, script: string, kind: Place["kind"], calls: number][] = [
  ["a process of the host asks nobody", spot({ isInContainer: false, id: "" }), "exit 9\n", "host", 0],
  ["by the id of its mounts", spot(), answers(ID, guard("guard")), "container", 1],
  [
    "by its host name, where that is its name",
    spot({ hostname: "guard" }),
    answers("guard", guard("guard")),
    "container",
    1,
  ],
  [
    "by its id, where its host name is not its name",
    spot({ hostname: "box" }),
    answers(ID, guard("guard")),
    "container",
    2,
  ],
  [
    "another container has its host name for a name",
    spot({ hostname: "guard" }),
    answers("guard", guard("guard").replaceAll(ID, "77".repeat(32))),
    "unknown",
    2,
  ],
  [
    "in the network of the host",
    spot(),
    answers(ID, guard("guard", { HostConfig: { NetworkMode: "host" } })),
    "host",
    1,
  ],
  [
    "an engine that knows it not",
    spot(),
    "echo '[]'; echo 'Error: No such container: x' >&2; exit 1\n",
    "unknown",
    1,
  ],
  ["a proxy that does not show it", spot(), answers("never", ""), "unknown", 1],
  ["nothing to ask by", spot({ id: "" }), "exit 9\n", "unknown", 0],
];

for (const [what, look, script, kind, calls] of SELVES) {
  test(`the watchdog finds itself: ${what}`, async (t) => {
    const fake = fakeClient(t, script);
    const client = createClient({ clock, env: { ...process.env, ...fake.env } });
    const self = createSelf(client, createRedactor(), () => look);
    assert.equal((await self(never)).kind, kind);
    assert.equal(fake.calls().length, calls);
    assert.equal((await self(never)).kind, kind);
    if (kind === "unknown") assert.equal(fake.calls().length, calls, "it is not asked for again");
  });
}

test("in another container's network, it is where that one is", async (t) => {
  const parent = "cd".repeat(32);
  const own = guard("guard", { HostConfig: { NetworkMode: `container:${parent}` } });
  const other = JSON.stringify([raw("gate", { lan: [] }, { Id: parent })]);
  const fake = fakeClient(
    t,
    `case "$*" in *" ${ID}") echo '${own}';; *" ${parent}") echo '${other}';; esac\n`,
  );
  const client = createClient({ clock, env: { ...process.env, ...fake.env } });
  const place = await createSelf(client, createRedactor(), () => spot())(never);
  assert.equal(place.kind === "container" && place.container.name, "gate");
});

test("an engine that is busy is asked again", async (t) => {
  const fake = fakeClient(
    t,
    `[ -e "$0.ready" ] && echo '${guard("guard")}' || { touch "$0.ready"; echo 'EOF' >&2; exit 1; }\n`,
  );
  const client = createClient({ clock, env: { ...process.env, ...fake.env } });
  const self = createSelf(client, createRedactor(), () => spot());
  assert.equal((await self(never)).kind, "unknown");
  assert.equal((await self(never)).kind, "container");
});
