/** A process for one tick looks at this host once. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { after, before, test } from "node:test";
import { installDocker } from "../fake-docker.ts";
import { openWorkshop, type Workshop } from "./workshop.ts";

let shop: Workshop;

before(async () => {
  shop = await openWorkshop();
});

after(() => shop.close());

test("a one-shot tick with discovery on lists the containers once", async () => {
  const calls = join(shop.folder, "calls");
  await installDocker(join(shop.folder, "bin"), `#!/bin/sh\necho "$1" >> ${calls}\n`);
  const path = join(shop.folder, "found.json");
  const services = { web: { url: "http://127.0.0.1:1/", action: "notify" } };
  await writeFile(path, JSON.stringify({ services, plugins: { docker: { discover: true } } }));
  const PATH = [join(shop.folder, "bin"), process.env.PATH].join(delimiter);
  const { exit } = shop.run(["tick"], { WATCHDOG_CONFIG: path, PATH });
  await exit;
  const said = (await readFile(calls, "utf8")).trim().split("\n");
  assert.equal(said.filter((one) => one === "ps").length, 1, said.join());
});
