/** What a watchdog begins after it was told to end: nothing. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { installFakeDocker } from "../fake-docker.ts";
import { freePort } from "../installed.ts";
import { openWorkshop, type Workshop } from "./workshop.ts";

/** Takes 2 s, so that all restarts but the first wait for their turn. */
const RESTART = `echo "$container" >>"$(dirname "$0")/restarts"
  sleep 2`;

let shop: Workshop;
let env: Record<string, string> = {};

before(async () => {
  shop = await openWorkshop();
  const bin = join(shop.folder, "bin");
  await installFakeDocker(bin, { restart: RESTART });
  // Nobody listens there.
  const port = await freePort();
  const service = (index: number) => ({
    url: `http://127.0.0.1:${port}/`,
    container: `c${index}`,
    interval: "1s",
    failureThreshold: 1,
  });
  const services = Object.fromEntries([0, 1, 2, 3].map((index) => [`s${index}`, service(index)]));
  const config = join(shop.folder, "ending.json");
  await writeFile(config, JSON.stringify({ services, maxConcurrentRestarts: 1 }));
  env = {
    PATH: `${bin}:${process.env.PATH}`,
    WATCHDOG_CONFIG: config,
    STATE_FILE: join(shop.folder, "ending-state.json"),
    PORT: "0",
  };
});
after(() => shop.close());

const restarts = async () =>
  (await readFile(join(shop.folder, "bin", "restarts"), "utf8").catch(() => "")).split("\n").filter(Boolean);

async function untilRestarts(count: number): Promise<void> {
  const deadline = Date.now() + 20_000;
  while ((await restarts()).length < count) {
    assert.ok(Date.now() < deadline, `${(await restarts()).length} of ${count} restarts in 20 s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`after ${signal} no restart begins; what waited is made by the next process, and costs no budget`, async () => {
    const before = (await restarts()).length;
    const ending = shop.run(["serve"], env);
    await untilRestarts(before + 1);
    ending.signal(signal);
    assert.equal(await ending.exit, 0, ending.err());
    assert.equal((await restarts()).length, before + 1, ending.err());
    assert.match(ending.err(), /the restart of c\d did not begin: the watchdog is shutting down/);
    const { services } = JSON.parse(await readFile(env.STATE_FILE!, "utf8"));
    const waiting = Object.values<{ status: string; restart: unknown; restarts: unknown[] }>(services).filter(
      ({ restarts }) => restarts.length === 0,
    );
    assert.equal(waiting.length, before === 0 ? 3 : 2);
    for (const { status, restart } of waiting) assert.deepEqual([status, restart], ["down", null]);
  });
}

test("the next process makes the restarts that waited", async () => {
  const before = await restarts();
  const next = shop.run(["serve"], env);
  await untilRestarts(before.length + 1);
  const [made] = (await restarts()).slice(before.length);
  assert.ok(!before.includes(made!), `${made} was restarted already`);
  next.signal("SIGTERM");
  await next.exit;
});
