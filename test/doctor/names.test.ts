/** Names that do not resolve, and why: the restarter knows the networks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "../../src/config/config.ts";
import { lookAtNames } from "../../src/doctor/names.ts";
import type { FailedCheck } from "../../src/plugin/container-facts.ts";
import type { Ports, Restarter } from "../../src/plugin/contract.ts";
import type { Registry } from "../../src/plugin/registry.ts";
import { createFakeClock } from "../simulation/clock.ts";

const URLS: Record<string, string> = {
  api: "http://api:8080/",
  worker: "http://worker:8080/",
  mail: "tcp://mail:25",
  here: "http://127.0.0.1:1/",
  six: "http://[::1]:1/",
  none: "",
  gone: "http://gone/",
  stopped: "http://stopped/",
};

function world(inspect?: Restarter["inspect"]) {
  const names = Object.keys(URLS);
  const config = {
    services: new Map(names.map((name) => [name, { name, container: name === "mail" ? "" : `c-${name}` }])),
    targets: new Map(names.map((name) => [name, { url: URLS[name], restarter: "docker" }])),
  } as unknown as Config;
  const restarters = new Map(inspect ? [["docker", { name: "docker", inspect }]] : []);
  const registry = { restarters } as unknown as Registry;
  const clock = createFakeClock(0);
  return { config, registry, clock, ports: { clock } as unknown as Ports };
}

const nobody = () => Promise.reject(new Error("ENOTFOUND"));

test("services with one reason share a line; addresses, and names that resolve, are not told of", async () => {
  const asked: FailedCheck[] = [];
  const far = { outOfReach: { cause: "net", reason: "docker network connect net watchdog" } };
  const { config, registry, ports } = world(async (_, __, failed) => {
    asked.push(...failed!.values());
    const running = { status: "running", ...far };
    const containers = { "c-api": running, "c-worker": running, "c-stopped": { status: "exited" } };
    return { ok: true, containers } as never;
  });
  const notices = await lookAtNames(config, registry, ports, nobody);
  assert.deepEqual(
    notices.map(({ text }) => text),
    [
      "these names do not resolve here: api (of api), worker (of worker): docker network connect net watchdog",
      "this name does not resolve here: mail (of mail): start its container, join the watchdog to its network (`docker network connect`), or correct its url",
      "this name does not resolve here: stopped (of stopped): its container c-stopped is exited; start it",
    ],
  );
  assert.ok(asked.every(({ fault }) => fault === "unresolved"));
  assert.deepEqual(await lookAtNames(config, registry, ports, async () => "1.2.3.4"), []);
});

test("a resolver that hangs is given up after 2 s; of what it did not answer, nothing is said", async () => {
  const { config, registry, ports, clock } = world();
  const looked = lookAtNames(config, registry, ports, () => new Promise(() => {}));
  await clock.advance(2000);
  assert.deepEqual(await looked, []);
});

test("a restarter that throws or rejects takes nothing away: the name is told of all the same", async () => {
  const throwing = () => {
    throw new Error("broken");
  };
  for (const inspect of [throwing, nobody]) {
    const { config, registry, ports } = world(inspect);
    const [notice] = await lookAtNames(config, registry, ports, nobody);
    assert.match(
      notice!.text,
      /^these names do not resolve here: api \(of api\), worker .*: start its container/,
    );
  }
});
