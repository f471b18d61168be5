import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { systemClock } from "../../src/system/clock.ts";
import { openWorkshop, type Workshop } from "./workshop.ts";

let shop: Workshop;

before(async () => {
  shop = await openWorkshop();
});

after(() => shop.close());

test("a new incident takes the place of the oldest of 200, though its id comes first in the alphabet", async (t) => {
  let status = 200;
  const service = createServer((_, response) => response.writeHead(status).end()).listen(0, "127.0.0.1");
  t.after(() => service.close());
  const folder = join(shop.folder, "full");
  const incidents = join(folder, "incidents");
  await mkdir(incidents, { recursive: true });
  // As 0.1.0 left them; the clock was ahead when that process started.
  const older = Array.from({ length: 200 }, (_, i) => `inc_zzzzzzzz${"a".repeat(8)}${i.toString(36)}x0`);
  for (const [i, id] of older.entries()) {
    const endedAt = new Date(Date.UTC(2026, 0, 1) + i * 1000).toISOString();
    const file = { id, service: "feed", evidence: [], endedAt, outcome: `outage ${i}` };
    await writeFile(join(incidents, `${id}.json`), JSON.stringify(file));
  }
  await writeFile(join(incidents, "inc_1.json.tmp"), "{");

  const { port } = service.address() as AddressInfo;
  const config = join(folder, "watchdog.config.json");
  const feed = { url: `http://127.0.0.1:${port}/`, interval: "100ms", failureThreshold: 1, action: "notify" };
  await writeFile(config, JSON.stringify({ services: { feed } }));
  const env = { WATCHDOG_CONFIG: config, STATE_FILE: join(folder, "state.json") };
  const watchdog = await shop.serving("full", env);
  const detail = async () => (await fetch(`${watchdog.url}/services/feed`)).json() as Promise<Detail>;
  const whenIts = async (wanted: string) => {
    while ((await detail()).status !== wanted) await systemClock.wait(20);
  };
  await whenIts("healthy");
  status = 500;
  await whenIts("down");
  const { id } = (await detail()).incident!;
  status = 200;
  await whenIts("healthy");
  watchdog.signal("SIGTERM");
  assert.equal(await watchdog.exit, 0);

  const names = await readdir(incidents);
  const expected = [...older.slice(1), id].map((one) => `${one}.json`);
  assert.deepEqual(names.sort(), expected.sort());

  const next = await shop.serving("full", env);
  const answer = (await (await fetch(`${next.url}/services/feed`)).json()) as Detail;
  const last = answer.last_incidents.map((one) => one.id);
  assert.deepEqual(last, [id, ...older.slice(-4).reverse()]);
  next.signal("SIGTERM");
  assert.equal(await next.exit, 0);
});

interface Detail {
  status: string;
  incident: { id: string } | null;
  last_incidents: { id: string }[];
}
