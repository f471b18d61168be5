/** Real processes that are killed, and that contend. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Clock, Log } from "../../src/plugin.ts";
import { openStateFile } from "../../src/state/store.ts";

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const clock: Clock = { now: Date.now, monotonicMs: () => performance.now(), wait: async () => {} };
const SOURCE = new URL("../../src/state/store.ts", import.meta.url);
const onDeno = "deno" in process.versions;

/** Opens, says so, and then: `hold`s; saves in a `loop`; or kills itself at its second `rename`. */
const CHILD = `
import * as fs from "node:fs/promises";
const [module, path, mode] = process.argv.slice(2);
const { openStateFile } = await import(module);
const log = { debug() {}, info() {}, warn() {}, error() {} };
const clock = { now: Date.now, monotonicMs: () => performance.now(), wait: async () => {} };
let saves = 0;
const rename = async (from, to) => {
  if (mode === "rename" && saves === 2) process.kill(process.pid, "SIGKILL");
  return fs.rename(from, to);
};
const opened = await openStateFile({ path, format: { version: 1 }, clock, log, fs: { ...fs, rename } });
console.log(opened.ok ? "open" : opened.fault + " " + opened.reason);
if (opened.ok) {
  const text = "x".repeat(200_000);
  while (mode !== "hold") {
    saves++;
    const saved = await opened.store.save({ n: saves, text, end: saves });
    console.log(saved.ok ? "saved " + saves : saved.reason);
  }
  setInterval(() => {}, 1000);
}
`;

let dir = "";
let module = "";
const children = new Set<ChildProcess>();

before(async () => {
  dir = await mkdtemp(join(tmpdir(), "watchdog-crash-"));
  await writeFile(join(dir, "child.mjs"), CHILD);
  module = SOURCE.href;
  if (onDeno) return;
  // A bundle starts in a tenth of the time that tsx takes, and there are thirty children to come.
  const { build } = await import("esbuild");
  const outfile = join(dir, "file.mjs");
  await build({
    entryPoints: [fileURLToPath(SOURCE)],
    bundle: true,
    platform: "node",
    format: "esm",
    outfile,
  });
  module = pathToFileURL(outfile).href;
});

after(async () => {
  for (const child of children) await kill(child);
  await rm(dir, { recursive: true });
});

function start(path: string, mode: string) {
  const args = onDeno ? ["run", "-A", "--no-check"] : [];
  const child = spawn(process.execPath, [...args, join(dir, "child.mjs"), module, path, mode], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.add(child);
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return { child, next: async () => String((await lines.next()).value) };
}

async function kill(child: ChildProcess): Promise<void> {
  children.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

test("a process that is killed while it saves, thirty times, always leaves a whole state", async () => {
  const path = join(dir, "loop.json");
  let last = 0;
  for (let round = 0; round < 30; round++) {
    const { child, next } = start(path, "loop");
    assert.equal(await next(), "open", `round ${round}`);
    const told = Number(/^saved (\d+)$/.exec(await next())?.[1]);
    assert.ok(told >= 1, "the first save was told");
    // Somewhere in the next save or two: spread over the rounds, the same in every run.
    const spinUntil = performance.now() + (round % 10) * 0.7;
    while (performance.now() < spinUntil);
    await kill(child);
    const { version, n, text, end } = JSON.parse(await readFile(path, "utf8"));
    assert.deepEqual([version, n === end, text.length], [1, true, 200_000]);
    assert.ok(n >= told, `save ${told} was told, and ${n} is on the disk`);
    last = n;
  }
  const opened = await openStateFile({ path, format: { version: 1 }, clock, log: silent });
  assert.ok(opened.ok && !opened.setAside, JSON.stringify(opened));
  assert.equal((opened.loaded as { n: number }).n, last);
  await opened.store.close();
  assert.deepEqual(
    (await readdir(dir)).filter((name) => name.startsWith("loop.json")),
    ["loop.json"],
  );
});

test("a process that dies between the write and the rename leaves the old state", async () => {
  const path = join(dir, "rename.json");
  const { child, next } = start(path, "rename");
  const exited = once(child, "exit");
  assert.equal(await next(), "open");
  assert.equal(await next(), "saved 1");
  await exited;
  assert.ok(
    (await readdir(dir)).some((name) => name.startsWith("rename.json.tmp-")),
    "a temporary file is left",
  );
  const opened = await openStateFile({ path, format: { version: 1 }, clock, log: silent });
  assert.ok(opened.ok, JSON.stringify(opened));
  assert.equal((opened.loaded as { n: number }).n, 1);
  await opened.store.close();
  assert.deepEqual(
    (await readdir(dir)).filter((name) => name.startsWith("rename.json")),
    ["rename.json"],
  );
});

test("of two processes that start at once one gets the lock, and the other is told who", async () => {
  const path = join(dir, "contend.json");
  for (let round = 0; round < 5; round++) {
    // From the second round on, both find the lock of a process that was killed.
    const pair = [start(path, "hold"), start(path, "hold")];
    const said = await Promise.all(pair.map(({ next }) => next()));
    const winner = said.indexOf("open");
    assert.ok(winner >= 0, said.join("\n"));
    const other = said[1 - winner] ?? "";
    assert.match(other, new RegExp(`^locked .* held by process ${pair[winner]?.child.pid} `));
    await Promise.all(pair.map(({ child }) => kill(child)));
  }
});

test("the lock of a process that was killed is taken over at once", async () => {
  const path = join(dir, "killed.json");
  const { child, next } = start(path, "hold");
  assert.equal(await next(), "open");
  const during = await openStateFile({ path, format: { version: 1 }, clock, log: silent });
  assert.ok(!during.ok && during.fault === "locked", JSON.stringify(during));
  await kill(child);
  const opened = await openStateFile({ path, format: { version: 1 }, clock, log: silent });
  assert.ok(opened.ok, JSON.stringify(opened));
  await opened.store.close();
});
