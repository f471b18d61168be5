/** Code of a user that never ends must not keep the command from saying so. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openWorkshop, type Workshop } from "./workshop.ts";

let shop: Workshop;

before(async () => {
  shop = await openWorkshop();
});

after(() => shop.close());

const NEVER = "new Promise(() => {})";
const plugin = (name: string) => JSON.stringify({ plugins: { mine: { from: `./${name}` } } });

/** Files by name; the first is the configuration. */
const cases: [what: string, files: Record<string, string>, status: number, wanted: RegExp][] = [
  [
    "a configuration's function",
    { "function.mjs": `export default () => ${NEVER};` },
    2,
    /function\.mjs: found a function without a result after 10 s\n {4}accepted: a module whose/,
  ],
  [
    "a configuration's function, while a connection of its own stays open",
    { "alive.mjs": `setInterval(() => {}, 100); export default () => ${NEVER};` },
    2,
    /alive\.mjs: found a function without a result after 10 s/,
  ],
  [
    "a configuration's promise",
    { "promise.mjs": `export default ${NEVER};` },
    2,
    /promise\.mjs: found a promise without a result after 10 s/,
  ],
  [
    "a configuration's module",
    { "module.mjs": `await ${NEVER}; export default {};` },
    2,
    /module\.mjs: found a module that was not loaded after 10 s/,
  ],
  [
    "a plugin's module",
    { "from.json": plugin("from.mjs"), "from.mjs": `await ${NEVER}; export default () => {};` },
    2,
    /plugins\.mine\.from: found "\.\/from\.mjs": a module that was not loaded after 10 s/,
  ],
  [
    "a plugin's setup",
    {
      "setup.json": plugin("setup.mjs"),
      "setup.mjs": `export default () => ({ name: "mine", setup: () => ${NEVER} });`,
    },
    1,
    /plugins\.mine: found a plugin that could not be set up: its setup did not end in 10 s/,
  ],
];

test("what never ends is said after 10 s, with the other faults, and ends the command", async () => {
  // All at once: each takes its 10 s.
  const runs = await Promise.all(
    cases.map(async ([what, files, status, wanted]) => {
      for (const [name, text] of Object.entries(files)) await writeFile(join(shop.folder, name), text);
      const config = join(shop.folder, Object.keys(files)[0]!);
      const env = { WATCHDOG_CONFIG: config, PORT: status === 2 ? "many" : "0" };
      return { what, status, wanted, run: shop.run(["tick"], env) };
    }),
  );
  for (const { what, status, wanted, run } of runs) {
    await run.says(wanted);
    assert.equal(await run.exit, status, what);
    if (status === 2) assert.match(run.err(), /env PORT: found "many"/, what);
  }
});
