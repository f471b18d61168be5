/** A changed file is noticed by its content, in whatever way it was changed. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { link, mkdir, open, rename, rm, symlink, unlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { trackFiles } from "../../src/config/tracked-files.ts";
import { watchFiles } from "../../src/reload/watch.ts";
import { folderOf, reloading, servicesFile, watched } from "./rig.ts";

test("a changed file is taken up; one that was only touched is not read again", async (t) => {
  const dog = await watched(t);
  await dog.look();
  await utimes(dog.path, new Date(), new Date());
  await dog.look();
  assert.equal(dog.reads(), 0);
  await dog.write(servicesFile("a", "b"));
  await dog.look();
  assert.deepEqual(dog.names(), ["a", "b"]);
  await dog.look();
  assert.equal(dog.reads(), 1);
});

test("a file that is still being written is read when it has settled", async (t) => {
  const dog = await watched(t);
  const whole = servicesFile("a", "b", "c");
  await dog.write(whole.slice(0, 20));
  let written = 20;
  await dog.look(async () => {
    written = Math.min(whole.length, written + 40);
    await dog.write(whole.slice(0, written));
  });
  assert.deepEqual(dog.names(), ["a", "b", "c"]);
  assert.deepEqual([dog.reads(), dog.troubles], [1, []]);
});

test("a file that never settles is read in the end", async (t) => {
  const dog = await watched(t);
  let written = 0;
  await dog.write(servicesFile("a", "b"));
  await dog.look(() => dog.write(servicesFile("a", "b", `n${written++}`)));
  assert.ok(written > 5, `it was written ${written} times`);
  assert.equal(dog.names().length, 3);
});

test("an editor that writes another file and renames it is noticed", async (t) => {
  const dog = await watched(t);
  await writeFile(`${dog.path}.tmp`, servicesFile("b"));
  await rename(`${dog.path}.tmp`, dog.path);
  await dog.look();
  assert.deepEqual(dog.names(), ["b"]);
});

test("a folder that is swapped behind a link, as Kubernetes does, is noticed", async (t) => {
  const folder = await folderOf(t);
  for (const version of ["1", "2"]) {
    await mkdir(join(folder, `..${version}`));
    await writeFile(join(folder, `..${version}`, "watchdog.yaml"), servicesFile(`v${version}`));
  }
  await symlink("..1", join(folder, "..data"));
  await symlink("..data/watchdog.yaml", join(folder, "watchdog.yaml"));
  const dog = await reloading(t, { WATCHDOG_CONFIG: join(folder, "watchdog.yaml") });
  void dog.watch();
  await dog.look();
  assert.deepEqual(dog.names(), ["v1"]);
  await symlink("..2", join(folder, "..data_tmp"));
  await rename(join(folder, "..data_tmp"), join(folder, "..data"));
  await rm(join(folder, "..1"), { recursive: true });
  await dog.look();
  assert.deepEqual([dog.names(), dog.reads()], [["v2"], 1]);
});

test("an included file that is added, changed or removed is noticed", async (t) => {
  const folder = await folderOf(t);
  await mkdir(join(folder, "conf.d"));
  const part = (name: string) => join(folder, "conf.d", `${name}.yaml`);
  await writeFile(join(folder, "watchdog.yaml"), "include: conf.d/*.yaml\n");
  await writeFile(part("a"), servicesFile("a"));
  const dog = await reloading(t, { WATCHDOG_CONFIG: join(folder, "watchdog.yaml") });
  void dog.watch();
  await writeFile(part("b"), servicesFile("b"));
  await dog.look();
  assert.deepEqual(dog.names(), ["a", "b"]);
  await writeFile(part("b"), servicesFile("c"));
  await dog.look();
  assert.deepEqual(dog.names(), ["a", "c"]);
  await unlink(part("a"));
  await dog.look();
  assert.deepEqual(dog.names(), ["c"]);
  // What an editor leaves beside them is looked at once, and changes nothing.
  await writeFile(part(".c"), "half of a file");
  await dog.look();
  assert.deepEqual([dog.names(), dog.troubles], [["c"], []]);
});

test("a secret in a file of its own is rotated", async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, "token");
  await writeFile(path, "the-first-token-of-all\n");
  const dog = await reloading(t, { WATCHDOG_TOKEN_FILE: path }, { cwd: folder });
  void dog.watch();
  assert.deepEqual(dog.setup().config.tokens, ["the-first-token-of-all"]);
  await writeFile(path, "the-second-token-of-all\n");
  await dog.look();
  assert.deepEqual(dog.setup().config.tokens, ["the-second-token-of-all"]);
  assert.doesNotMatch(dog.lines.join("\n"), /-token-of-all/);
});

test("a file that vanishes is a fault until it is back, and the old configuration stays", async (t) => {
  const dog = await watched(t);
  await unlink(dog.path);
  await dog.look();
  assert.match(dog.troubles[0]!, /env WATCHDOG_CONFIG/);
  assert.deepEqual(dog.names(), ["a"]);
  await dog.look();
  assert.equal(dog.reads(), 1);
  await dog.write(servicesFile("a"));
  await dog.look();
  assert.deepEqual([dog.troubles.length, dog.troubles[1]], [2, null]);
});

test("a wrong file is not tried again until it has changed", async (t) => {
  const dog = await watched(t);
  await dog.write("services: { a: { url: 7 } }");
  for (let looks = 0; looks < 5; looks++) await dog.look();
  assert.deepEqual([dog.reads(), dog.troubles.length, dog.names()], [1, 1, ["a"]]);
  await dog.write("services: { a: { url: 8 } }");
  await dog.look();
  assert.deepEqual([dog.reads(), dog.troubles.length], [2, 2]);
});

test("a file that changes between two readings of one load is read again", async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, "secret");
  await writeFile(path, "one");
  const tracked = trackFiles();
  await tracked.io.readFile(path);
  await writeFile(path, "two");
  await tracked.io.readFile(path);
  assert.notEqual(await tracked.fingerprint(), await tracked.known());
});

test("a pipe that was read to its end has not changed", async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, "pipe");
  execFileSync("mkfifo", [path]);
  const tracked = trackFiles();
  const writing = writeFile(path, "a secret");
  assert.equal(await tracked.io.readFile(path), "a secret");
  await writing;
  assert.equal(await tracked.fingerprint(), await tracked.known());
});

// A file that is mounted alone and replaced on the host looks like this: its name still leads to it, and no folder has it.
test("a file that was replaced behind its mount is told once", async (t) => {
  const folder = await folderOf(t);
  const path = join(folder, "mounted.yaml");
  await writeFile(path, servicesFile("a"));
  const mounted = await open(path);
  t.after(() => mounted.close());
  await link(path, `${path}.kept`);
  const name = `/proc/${process.pid}/fd/${mounted.fd}`;
  const tracked = trackFiles();
  await tracked.io.readFile(name);
  const dog = await reloading(t, {});
  void watchFiles(
    () => tracked,
    async () => assert.fail("its content is the same"),
    { clock: dog.clock, log: { ...console, warn: (line: string) => dog.lines.push(line) } as never },
    dog.ending.signal,
  );
  await dog.look();
  assert.deepEqual(dog.lines, []);
  await unlink(path);
  await unlink(`${path}.kept`);
  await dog.look();
  await dog.look();
  assert.equal(dog.lines.length, 1);
  assert.match(dog.lines[0]!, /was replaced by another file.*mount its folder instead/);
});
