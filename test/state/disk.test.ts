/** Real full and read-only disks, where mounting is permitted; and the same played, everywhere. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Clock, Log } from "../../src/plugin.ts";
import { realFs, type StateFs } from "../../src/state/fs.ts";
import { openStateFile } from "../../src/state/store.ts";

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const clock: Clock = { now: Date.now, monotonicMs: () => performance.now(), wait: async () => {} };

async function mustOpen(t: TestContext, path: string, fs: StateFs = realFs) {
  const opened = await openStateFile({ path, format: { version: 1 }, clock, log: silent, fs });
  assert.ok(opened.ok, JSON.stringify(opened));
  t.after(() => opened.store.close());
  return opened;
}

/** A small file system of its own; `undefined`, with the test skipped, where mounting is not permitted. */
async function smallDisk(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), "watchdog-disk-"));
  const run = (...args: string[]) => spawnSync(args[0]!, args.slice(1), { encoding: "utf8" });
  const mounted = run("mount", "-t", "tmpfs", "-o", "size=64k", "watchdog-test", dir);
  if (mounted.error || mounted.status !== 0) {
    await rm(dir, { recursive: true });
    t.skip("a tmpfs cannot be mounted here (not root): the real disk is not tried");
    return undefined;
  }
  t.after(async () => {
    run("umount", "--lazy", dir);
    await rm(dir, { recursive: true });
  });
  const remount = (mode: "ro" | "rw") => assert.equal(run("mount", "-o", `remount,${mode}`, dir).status, 0);
  return { dir, path: join(dir, "state.json"), remount };
}

async function fill(dir: string): Promise<void> {
  for (let n = 0; n < 1000; n++) {
    try {
      await writeFile(join(dir, `filler-${n}`), Buffer.alloc(4096));
    } catch {
      return;
    }
  }
}

test("a disk that fills up fails the saves, keeps the state, and recovers by itself", async (t) => {
  const disk = await smallDisk(t);
  if (!disk) return;
  const { store } = await mustOpen(t, disk.path);
  assert.deepEqual(await store.save({ n: 1 }), { ok: true });
  await fill(disk.dir);
  const failed = await store.save({ n: 2 });
  assert.ok(!failed.ok, JSON.stringify(failed));
  assert.match(failed.reason, /no space left/);
  assert.equal(store.lost(), undefined);
  assert.equal(JSON.parse(await readFile(disk.path, "utf8")).n, 1);
  await unlink(join(disk.dir, "filler-0"));
  assert.deepEqual(await store.save({ n: 3 }), { ok: true });
  assert.equal(JSON.parse(await readFile(disk.path, "utf8")).n, 3);
});

test("a disk that is full at the start prevents no start", async (t) => {
  const disk = await smallDisk(t);
  if (!disk) return;
  await writeFile(disk.path, '{"version":1,"n":1}');
  await fill(disk.dir);
  const { store, loaded, unwritable } = await mustOpen(t, disk.path);
  assert.deepEqual(loaded, { n: 1 });
  assert.match(unwritable ?? "", /no space left/);
  assert.equal((await store.save({ n: 2 })).ok, false);
  // No empty lock may stay: it would hold us off for a lease.
  assert.equal((await readdir(disk.dir)).includes("state.json.lock"), false);
  await unlink(join(disk.dir, "filler-0"));
  await unlink(join(disk.dir, "filler-1"));
  assert.deepEqual(await store.save({ n: 3 }), { ok: true });
  assert.equal(JSON.parse(await readFile(disk.path, "utf8")).n, 3);
});

test("a read-only disk prevents no start, keeps a broken file, and recovers by itself", async (t) => {
  const disk = await smallDisk(t);
  if (!disk) return;
  await writeFile(disk.path, "{ half");
  disk.remount("ro");
  const { store, setAside, unwritable } = await mustOpen(t, disk.path);
  assert.match(unwritable ?? "", /read-only file system/);
  assert.equal(setAside?.path, disk.path);
  assert.match(setAside?.reason ?? "", /stays where it is until the disk can be written/);
  const failed = await store.save({ n: 1 });
  assert.ok(!failed.ok && failed.reason.includes("read-only file system"), JSON.stringify(failed));
  disk.remount("rw");
  assert.deepEqual(await store.save({ n: 2 }), { ok: true });
  assert.equal(JSON.parse(await readFile(disk.path, "utf8")).n, 2);
  const aside = (await readdir(disk.dir)).find((name) => name.includes(".corrupt-"));
  assert.equal(await readFile(join(disk.dir, aside ?? ""), "utf8"), "{ half");
});

for (const code of ["ENOSPC", "EROFS", "EACCES"]) {
  test(`a disk that answers ${code} to every write prevents no start`, async (t) => {
    const dir = await mkdtemp(join(tmpdir(), "watchdog-disk-"));
    t.after(() => rm(dir, { recursive: true }));
    const path = join(dir, "state.json");
    await writeFile(path, '{"version":1,"n":1}');
    let broken = true;
    const open: StateFs["open"] = async (name, flags, ...rest) => {
      if (broken && flags !== "r") throw Object.assign(new Error(code), { code });
      return realFs.open(name, flags, ...rest);
    };
    const { store, loaded, unwritable } = await mustOpen(t, path, { ...realFs, open });
    assert.deepEqual(loaded, { n: 1 });
    assert.ok(unwritable, "says that it cannot be written");
    assert.equal((await store.save({ n: 2 })).ok, false);
    broken = false;
    assert.deepEqual(await store.save({ n: 3 }), { ok: true });
    assert.equal(JSON.parse(await readFile(path, "utf8")).n, 3);
  });
}

test("who could not lock, and finds the state saved by another, does not write over it", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "watchdog-disk-"));
  t.after(() => rm(dir, { recursive: true }));
  const path = join(dir, "state.json");
  let broken = true;
  const open: StateFs["open"] = async (...args) => {
    if (broken) throw Object.assign(new Error("EROFS"), { code: "EROFS" });
    return realFs.open(...args);
  };
  const first = await mustOpen(t, path, { ...realFs, open });
  const second = await mustOpen(t, path);
  await second.store.save({ n: 2 });
  await second.store.close();
  broken = false;
  assert.equal((await first.store.save({ n: 1 })).ok, false);
  assert.match(first.store.lost() ?? "", /another process saved/);
  assert.equal(JSON.parse(await readFile(path, "utf8")).n, 2);
});
