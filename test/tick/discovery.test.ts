/** When the host is looked at, and what is told of what was found there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "../../src/config/config.ts";
import type { Discovery, ListedService, Ports } from "../../src/plugin.ts";
import { createFinder, type Looked, tellFound } from "../../src/tick/discovery.ts";
import type { Configured } from "../../src/tick/roster.ts";
import { json, loaded } from "../config/fixture.ts";
import { rig } from "./harness.ts";

const LISTED = { services: { web: { url: "http://web/", container: "web" }, api: { url: "http://api/" } } };
const HERE: Discovery = { ok: true, services: [], refused: [], containers: { api: ["shop-api-1"] } };
const nobody = () => false;

/** `answer` is what the discoverer says; `asked` what it was asked. */
async function finder(isOn: boolean, answer: () => Discovery | Promise<Discovery>) {
  const { clock } = rig([]);
  const config: Config = await loaded(json(LISTED));
  const asked: (readonly ListedService[])[] = [];
  const discover = async (listed: readonly ListedService[]) => {
    asked.push(listed);
    return answer();
  };
  const registry = {
    checks: new Map([["http", {}]]),
    discoverers: new Map([["docker", { name: "docker", isOn, discover }]]),
  };
  const base = { config, registry } as unknown as Configured;
  return { clock, base, asked, finder: createFinder({ clock }) };
}

test("a quiet tick asks no engine, and a failing service without a container does, once a minute", async () => {
  const { finder: one, base, asked, clock } = await finder(false, () => HERE);
  assert.deepEqual(await one.look(base, nobody), { kind: "off" });
  assert.deepEqual(await one.look(base, (name) => name === "web"), { kind: "off" });
  assert.equal(asked.length, 0);
  const isFailing = (name: string) => name === "api";
  const looked = await one.look(base, isFailing);
  assert.ok(looked.kind === "merged");
  assert.equal(looked.merged.config.services.get("api")!.container, "shop-api-1");
  await clock.advance(59_000);
  assert.deepEqual(await one.look(base, isFailing), { kind: "same" });
  assert.equal(asked.length, 1);
  await clock.advance(1000);
  assert.deepEqual(await one.look(base, isFailing), { kind: "same" });
  assert.equal(asked.length, 2);
});

test("a service keeps its container when another one gets the name of its host, and loses it with the container", async () => {
  let api = ["shop-api-1", "trade-api-1"];
  const { finder: one, base } = await finder(true, () => ({ ...HERE, containers: { api } }) as Discovery);
  const container = async (names: string[]) => {
    api = names;
    const looked = await one.look(base, nobody);
    return looked.kind === "merged" ? looked.merged.config.services.get("api")!.container : looked.kind;
  };
  assert.equal(await container(["shop-api-1", "trade-api-1"]), "", "nobody knows which");
  assert.equal(await container(["shop-api-1"]), "shop-api-1");
  assert.equal(await container(["trade-api-1", "shop-api-1"]), "same");
  assert.equal(await container(["trade-api-1", "other-api-1"]), "");
  assert.equal(await container(["trade-api-1"]), "trade-api-1");
});

test("with discovery on, every tick looks, until changes are noticed as they happen", async () => {
  const { finder: one, base, asked, clock } = await finder(true, () => HERE);
  for (let ticks = 0; ticks < 3; ticks++) await one.look(base, nobody);
  assert.equal(asked.length, 3);
  one.followed();
  for (let ticks = 0; ticks < 3; ticks++) await one.look(base, nobody);
  assert.equal(asked.length, 4);
  one.changed();
  await one.look(base, nobody);
  assert.equal(asked.length, 5);
  await clock.advance(60_000);
  await one.look(base, nobody);
  assert.equal(asked.length, 6);
});

test("a discoverer that fails, throws or hangs is a failed look, and the next look tries again", async () => {
  const answers: (() => Discovery | Promise<Discovery>)[] = [
    () => ({ ok: false, reason: "no engine" }),
    () => Promise.reject(new Error("no client")),
    () => new Promise(() => {}),
    // Not what the contract says.
    () => ({ ok: true, services: [null], refused: [], containers: {} }) as unknown as Discovery,
    () => HERE,
  ];
  const { finder: one, base, clock } = await finder(true, () => answers.shift()!());
  const reasons: string[] = [];
  for (let looks = 0; looks < 4; looks++) {
    const looking = one.look(base, nobody);
    await clock.advance(5000);
    const looked = await looking;
    assert.ok(looked.kind === "failed");
    reasons.push(looked.reason);
  }
  assert.deepEqual(reasons.slice(0, 3), ["no engine", "no client", "no answer in 5 s"]);
  assert.match(reasons[3]!, /^an error of ours: /);
  assert.equal((await one.look(base, nobody)).kind, "merged");
});

test("after a failed look, the same answer as before is told again, so that the trouble ends", async () => {
  const answers: Discovery[] = [HERE, { ok: false, reason: "no engine" }, HERE, HERE];
  const { finder: one, base } = await finder(true, () => answers.shift()!);
  const kinds: string[] = [];
  while (answers.length > 0) kinds.push((await one.look(base, nobody)).kind);
  assert.deepEqual(kinds, ["merged", "failed", "merged", "same"]);
});

test("when the configuration is reloaded while the engine is away, what was found before stays", async () => {
  const shop = {
    name: "shop",
    container: "shop",
    settings: { url: "http://shop/", check: "http" },
    origins: {},
  };
  const answers: Discovery[] = [
    { ...HERE, services: [shop] } as Discovery,
    { ok: false, reason: "no engine" },
  ];
  const { finder: one, base } = await finder(true, () => answers.shift()!);
  assert.equal((await one.look(base, nobody)).kind, "merged");
  const looked = await one.look({ ...base }, nobody);
  assert.ok(looked.kind === "failed");
  assert.deepEqual([...looked.merged!.config.services.keys()].sort(), ["api", "shop", "web"]);
});

test("troubles of discovery begin once, and end when they are mended and when discovery is switched off", async () => {
  const { ledger } = rig([]);
  const lines: string[] = [];
  const say = (line: string) => lines.push(line);
  const ports = {
    log: { debug: say, info: say, warn: say, error: say },
    redact: (text: string) => text.replaceAll("hunter2hunter2", "[redacted]"),
  } as unknown as Ports;
  const tell = (looked: Looked) => {
    tellFound(ledger, looked, ports);
    return Object.keys(ledger.state.troubles).sort();
  };
  const merged = (container: string, found = "hunter2hunter2"): Looked => ({
    kind: "merged",
    merged: {
      config: {} as Config,
      refused:
        container === "" ? [] : [{ container, faults: [{ label: "watchdog.url", found, accepted: "x" }] }],
      unresolved: [],
      leftOut: [],
    },
  });
  const failed: Looked = { kind: "failed", reason: "no engine", isOn: true };
  assert.deepEqual(tell(merged("bad")), ["container:bad"]);
  assert.match(ledger.state.troubles["container:bad"]!.reason, /watchdog\.url: found \[redacted\]/);
  assert.deepEqual(tell(failed), ["container:bad", "discovery"]);
  assert.deepEqual(tell({ kind: "same" }), ["container:bad", "discovery"]);
  assert.deepEqual(tell(merged("worse")), ["container:worse"]);
  assert.deepEqual(tell({ kind: "off" }), []);
  assert.deepEqual(tell(failed), ["discovery"]);
  assert.deepEqual(tell(merged("")), []);
});
