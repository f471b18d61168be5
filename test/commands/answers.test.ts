/** What 0.1.0 answered over HTTP is still answered: the same keys, of the same kinds, with the same meaning. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { openWorkshop, type Workshop } from "./workshop.ts";

let shop: Workshop;

before(async () => {
  shop = await openWorkshop();
});

after(() => shop.close());

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
/** Ids and sentences may differ, and so do times and durations. */
const FREE = new Set(["id", "tick_id", "incident_id", "reason", "why", "text"]);

/** What of `old` is missing in `now`, or is another thing there. */
function lost(old: Json, now: Json | undefined, path = "", key = ""): string[] {
  if (typeof old === "string" && TIME.test(old)) {
    return typeof now === "string" && TIME.test(now) ? [] : [`${path}: no time`];
  }
  if (old === null || typeof old !== "object") {
    const isFree = FREE.has(key) || key.endsWith("_ms");
    const isSame = isFree ? typeof old === typeof now : old === now;
    return isSame ? [] : [`${path}: ${JSON.stringify(old)} is ${JSON.stringify(now)}`];
  }
  if (now === null || typeof now !== "object" || Array.isArray(old) !== Array.isArray(now)) {
    return [`${path}: of another kind`];
  }
  return Object.entries(old).flatMap(([name, value]) =>
    lost(value, (now as Record<string, Json>)[name], `${path}.${name}`, name),
  );
}

const of010 = (name: string) =>
  JSON.parse(readFileSync(new URL(`answers-0.1.0/${name}.json`, import.meta.url), "utf8")) as Json;

test("a scheduler and a dashboard made for 0.1.0 find all that they read", async (t) => {
  const service = createServer((request, response) => {
    response.writeHead(request.url === "/bad" ? 503 : 200).end("x");
  }).listen(0, "127.0.0.1");
  await once(service, "listening");
  t.after(() => service.close());
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
  const often = { interval: "1s", timeout: "900ms" };
  const services = {
    executor: { displayName: "Executor", url, ...often },
    monitor: { displayName: "Monitor", url: `${url}/bad`, ...often, action: "notify", container: "m" },
  };
  const path = join(shop.folder, "answers.json");
  await writeFile(path, JSON.stringify({ services }));
  const dog = await shop.serving("answers", { WATCHDOG_CONFIG: path, WATCHDOG_CRON: "false" });
  const ask = async (at: string, method = "GET") =>
    (await (await fetch(dog.url + at, { method })).json()) as Json;
  let tick: Json = null;
  for (let ticks = 0; ticks < 3; ticks++) {
    tick = await ask("/tick", "POST");
    if (ticks < 2) await wait(1000);
  }
  assert.deepEqual(lost(of010("tick"), tick), []);
  assert.deepEqual(lost(of010("skipped"), await ask("/tick", "POST")), []);
  assert.deepEqual(lost(of010("status"), await ask("/status")), []);
  assert.deepEqual(lost(of010("outbox"), await ask("/outbox")), []);
  await wait(1000);
  await ask("/tick", "POST");
  assert.deepEqual(lost(of010("service"), await ask("/services/monitor")), []);
  dog.signal("SIGTERM");
  await dog.exit;
});
