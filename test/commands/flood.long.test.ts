/** A running watchdog beside a docker client that prints 100 MB of errors: it answers all the while. */
import assert from "node:assert/strict";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openWorkshop, type Workshop } from "./workshop.ts";

let shop: Workshop;

before(async () => {
  shop = await openWorkshop();
});

after(() => shop.close());

const CONTAINER = { Id: "ab".repeat(32), Name: "/app", State: { Status: "running" } };

test("100 MB of the docker client's errors stop nothing, and their end is told", {
  timeout: 60_000,
}, async () => {
  const bin = join(shop.folder, "bin");
  await mkdir(bin);
  const script = `#!/bin/sh
[ "$1" = inspect ] && { echo '${JSON.stringify([CONTAINER])}'; exit 0; }
[ "$1" = restart ] && { head -c 100000000 /dev/zero | tr '\\0' x; echo 'Error: the disk is on fire'; } >&2
exit 1
`;
  await writeFile(join(bin, "docker"), script);
  await chmod(join(bin, "docker"), 0o755);
  const server = await shop.serving("flood", {
    PATH: `${bin}:${process.env.PATH}`,
    WATCHDOG_CONFIG: await shop.config("flooded", {
      container: "app",
      http: { status: 204 },
      failureThreshold: 1,
    }),
  });
  let over = false;
  const told = server.says(/the restart of app failed: .*the disk is on fire/).finally(() => {
    over = true;
  });
  let longestMs = 0;
  while (!over) {
    const askedMs = performance.now();
    assert.equal((await fetch(`${server.url}/livez`)).status, 200);
    longestMs = Math.max(longestMs, performance.now() - askedMs);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await told;
  assert.ok(longestMs < 1500, `/livez was answered after ${Math.round(longestMs)} ms`);
  server.signal("SIGTERM");
  assert.equal(await server.exit, 0);
});
