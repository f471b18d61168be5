import assert from "node:assert/strict";
import { chmod, readdir, readFile, stat, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { realFs, type StateFs } from "../../src/state/fs.ts";
import { AT, failing, filesIn, world } from "./world.ts";

const SAMPLE = {
  lastTick: { id: "t1", startedAt: AT, completedAt: AT + 12, durationMs: 12 },
  services: {
    executor: { status: "healthy", failures: 0, lastCheck: { at: AT, ok: true, reason: "200 – ö" } },
  },
};

test("a state that was saved is loaded, and its file is private and readable", async (t) => {
  const { dir, mustOpen } = await world(t);
  const path = join(dir, "data", "deep", "state.json");
  const first = await mustOpen({ path });
  assert.equal(first.loaded, undefined);
  assert.deepEqual(await first.store.save(SAMPLE), { ok: true });
  await first.store.close();
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal((await stat(join(dir, "data"))).mode & 0o777, 0o700);
  assert.match(await readFile(path, "utf8"), /^\{\n {2}"version": 1,\n {2}"lastTick": \{\n {4}"id"/);
  const second = await mustOpen({ path });
  assert.deepEqual(second.loaded, SAMPLE);
  assert.equal(second.loadedVersion, 1);
  assert.equal(second.unwritable, undefined);
  assert.deepEqual(await filesIn(join(dir, "data", "deep")), ["state.json", "state.json.lock"]);
});

test("a second open is refused with the holder, and works after the first closed", async (t) => {
  const { open, mustOpen } = await world(t);
  const first = await mustOpen();
  const second = await open();
  assert.ok(!second.ok && second.fault === "locked", JSON.stringify(second));
  assert.match(
    second.reason,
    new RegExp(`held by process ${process.pid} on host .* since 2026-11-23T18:20:15`),
  );
  assert.equal(second.retryInMs, 20_000);
  await first.store.close();
  await mustOpen();
});

test("a store that was closed saves no more", async (t) => {
  const { mustOpen, dir } = await world(t);
  const { store } = await mustOpen();
  await store.close();
  assert.deepEqual(await store.save(SAMPLE), { ok: false, reason: "the state file was closed" });
  assert.deepEqual(await readdir(dir), []);
});

test("what a crash left is removed, what belongs to others is not", async (t) => {
  const { dir, path, mustOpen } = await world(t);
  await writeFile(path, '{"version":1,"n":1}');
  for (const name of ["state.json.tmp-1", "state.json.lock.some-token", "state.json.bak", "other.tmp-1"]) {
    await writeFile(join(dir, name), "half");
  }
  const { loaded } = await mustOpen();
  assert.deepEqual(loaded, { n: 1 });
  const kept = ["other.tmp-1", "state.json", "state.json.bak", "state.json.lock"];
  assert.deepEqual(await filesIn(dir), kept);
});

test("saves that arrive during a save are made as one, with the latest value", async (t) => {
  const { mustOpen, saved } = await world(t);
  const written: unknown[] = [];
  let letGo = () => {};
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const rename: StateFs["rename"] = async (from, to) => {
    await gate;
    written.push(JSON.parse(await readFile(from, "utf8")).n);
    await realFs.rename(from, to);
  };
  const { store } = await mustOpen({ fs: { ...realFs, rename } });
  const ended: number[] = [];
  const all = [1, 2, 3, 4].map(async (n) => {
    assert.deepEqual(await store.save({ n }), { ok: true });
    ended.push(n);
    assert.ok(written.at(-1) === (n === 1 ? 1 : 4), `save ${n} ended after ${written}`);
  });
  letGo();
  await Promise.all(all);
  assert.deepEqual(written, [1, 4]);
  assert.deepEqual(ended, [1, 2, 3, 4]);
  assert.deepEqual(await saved(), { version: 1, n: 4 });
  await store.save({ n: 5 });
  assert.deepEqual(written, [1, 4, 5]);
});

test("closing ends the saves under way", async (t) => {
  const { mustOpen, saved, dir } = await world(t);
  const { store } = await mustOpen();
  const all = [store.save({ n: 1 }), store.save({ n: 2 }), store.close()];
  await Promise.all(all);
  assert.deepEqual(await saved(), { version: 1, n: 2 });
  assert.deepEqual(await readdir(dir), ["state.json"]);
});

test("a failed write keeps the old state, leaves no litter, and the next save recovers", async (t) => {
  const { dir, mustOpen, saved } = await world(t);
  let fault = "";
  const open: StateFs["open"] = async (...args) => {
    const handle = await realFs.open(...args);
    if (fault === "ENOSPC" && String(args[0]).includes(".tmp-")) {
      handle.writeFile = async () => {
        throw failing(fault);
      };
    }
    return handle;
  };
  const rename: StateFs["rename"] = async (...args) => {
    if (fault === "EIO" || fault === "EBUSY") throw failing(fault);
    return realFs.rename(...args);
  };
  const { store } = await mustOpen({ fs: { ...realFs, open, rename } });
  await store.save({ n: 1 });
  for (const [code, words] of [
    ["ENOSPC", /no space left for .*state\.json: free some space/],
    ["EIO", /EIO/],
    ["EBUSY", /mount its directory instead/],
  ] as const) {
    fault = code;
    const failed = await store.save({ n: 2 });
    assert.ok(!failed.ok, JSON.stringify(failed));
    assert.match(failed.reason, words);
    assert.deepEqual(await saved(), { version: 1, n: 1 });
    assert.deepEqual(await filesIn(dir), ["state.json", "state.json.lock"]);
  }
  fault = "";
  assert.deepEqual(await store.save({ n: 3 }), { ok: true });
  assert.deepEqual(await saved(), { version: 1, n: 3 });
});

test("a value that is no JSON fails its save, and nothing else", async (t) => {
  const { mustOpen, saved } = await world(t);
  const { store } = await mustOpen();
  await store.save({ n: 1 });
  assert.equal((await store.save({ n: 2n })).ok, false);
  assert.deepEqual(await saved(), { version: 1, n: 1 });
});

test("a platform that refuses to sync directories is no fault; a disk that fails to is", async (t) => {
  const { dir, mustOpen } = await world(t);
  let code = "";
  let synced = 0;
  const open: StateFs["open"] = async (...args) => {
    if (String(args[0]) !== dir) return realFs.open(...args);
    synced++;
    throw failing(code);
  };
  const { store } = await mustOpen({ fs: { ...realFs, open } });
  for (code of ["EISDIR", "EPERM", "EINVAL"]) assert.deepEqual(await store.save(SAMPLE), { ok: true });
  assert.equal(synced, 3);
  code = "EIO";
  assert.equal((await store.save(SAMPLE)).ok, false);
});

test("a store that lost its lock says so and never writes again", async (t) => {
  const { mustOpen, saved, time } = await world(t);
  const first = await mustOpen();
  await first.store.save({ n: 1 });
  time.ms += 20_001;
  const second = await mustOpen();
  assert.deepEqual(second.loaded, { n: 1 });
  await second.store.save({ n: 2 });
  const refused = await first.store.save({ n: 3 });
  assert.ok(!refused.ok, JSON.stringify(refused));
  assert.match(refused.reason, /took over/);
  assert.equal(first.store.lost(), refused.reason);
  await second.store.close();
  assert.equal((await first.store.save({ n: 4 })).ok, false);
  assert.deepEqual(await saved(), { version: 1, n: 2 });
});

test("a takeover in the middle of a save stops that save", async (t) => {
  const { mustOpen, saved, time } = await world(t);
  let meanwhile = async () => {};
  const open: StateFs["open"] = async (...args) => {
    if (String(args[0]).includes(".tmp-")) await meanwhile();
    return realFs.open(...args);
  };
  const first = await mustOpen({ fs: { ...realFs, open } });
  meanwhile = async () => {
    time.ms += 20_001;
    const second = await mustOpen();
    await second.store.save({ n: 2 });
  };
  assert.equal((await first.store.save({ n: 1 })).ok, false);
  assert.deepEqual(await saved(), { version: 1, n: 2 });
});

test("a lock that somebody removed is taken again, unless another one saved meanwhile", async (t) => {
  const { path, mustOpen, saved } = await world(t);
  const first = await mustOpen();
  await first.store.save({ n: 1 });
  await unlink(`${path}.lock`);
  assert.deepEqual(await first.store.save({ n: 2 }), { ok: true });
  await unlink(`${path}.lock`);
  const second = await mustOpen();
  await second.store.save({ n: 3 });
  await second.store.close();
  const refused = await first.store.save({ n: 4 });
  assert.ok(!refused.ok && refused.reason.includes("another process saved"), JSON.stringify(refused));
  assert.equal(first.store.lost(), refused.reason);
  assert.deepEqual(await saved(), { version: 1, n: 3 });
});

test("a link to a state file stays a link", async (t) => {
  const { dir, path, mustOpen, saved } = await world(t);
  await writeFile(path, '{"version":1,"n":1}');
  await chmod(path, 0o600);
  await symlink(path, join(dir, "link.json"));
  const { store, loaded } = await mustOpen({ path: join(dir, "link.json") });
  assert.deepEqual(loaded, { n: 1 });
  await store.save({ n: 2 });
  assert.deepEqual(await saved(), { version: 1, n: 2 });
});
