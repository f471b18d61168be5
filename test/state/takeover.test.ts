/** When a lock changes hands: whose lease is over, who is dead, and who of many contenders wins. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { link, readdir, rename, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { hostname } from "node:os";
import { test } from "node:test";
import { realFs, type StateFs } from "../../src/state/fs.ts";
import type { Lock } from "../../src/state/lock.ts";
import { formatOwner, newOwner, socketPath } from "../../src/state/lock-owner.ts";
import { gone, lockWorld } from "./lock-world.ts";

test("a lock of another host is taken over only when its lease is over", async (t) => {
  const { acquire, mustAcquire, lockOf, time, ownerToken } = await lockWorld(t);
  await lockOf({});
  time.ms += 20_000;
  const early = await acquire();
  assert.ok(!early.ok && early.fault === "held", JSON.stringify(early));
  assert.match(early.reason, /on host elsewhere/);
  assert.equal(await ownerToken(), "gone");
  time.ms += 1;
  const lock = await mustAcquire();
  assert.equal(await ownerToken(), lock.token);
});

test("a lock of this host is taken over at once when its process is dead", async (t) => {
  const { mustAcquire, lockOf } = await lockWorld(t);
  await lockOf({ host: hostname(), pid: 0x3f_ff_ff });
  await mustAcquire();
});

test("a lock of our own pid and an earlier life is taken over at once", async (t) => {
  const { mustAcquire, lockOf } = await lockWorld(t);
  await lockOf({ host: hostname(), pid: process.pid });
  await mustAcquire();
});

test("a lock whose pid was given to another process is taken over at once", async (t) => {
  if (process.platform !== "linux") return t.skip("process start times are read from /proc");
  const { acquire, mustAcquire, lockOf } = await lockWorld(t);
  const { rootInode } = newOwner(0);
  await lockOf({ host: hostname(), rootInode, pid: process.ppid, pidStart: "" });
  assert.equal((await acquire()).ok, false);
  await lockOf({ host: hostname(), rootInode, pid: process.ppid, pidStart: "1" });
  await mustAcquire();
});

test("another container of the same host name has its lease: our pids say nothing about it", async (t) => {
  const { acquire, lockOf } = await lockWorld(t);
  await lockOf({ host: hostname(), rootInode: "another", pid: process.pid });
  assert.equal((await acquire()).ok, false);
});

test("a lock that cannot be read holds for a lease from its last change", async (t) => {
  const { acquire, mustAcquire, path, time } = await lockWorld(t);
  for (const text of [
    "",
    "{",
    formatOwner({ ...gone, token: "../../x" }),
    formatOwner({ ...gone, pid: -1 }),
  ]) {
    await writeFile(path, text);
    await utimes(path, time.ms / 1000, time.ms / 1000);
    const young = await acquire();
    assert.ok(
      !young.ok && young.fault === "held" && young.reason.includes("an unknown process"),
      JSON.stringify(young),
    );
    time.ms += 21_000;
    await (await mustAcquire()).release();
  }
});

test("of many contenders for a stale lock exactly one wins, every time", async (t) => {
  const { acquire, lockOf, dir } = await lockWorld(t);
  for (let round = 0; round < 40; round++) {
    await lockOf({ token: `round-${round}`, renewedAt: 0, startedAt: 0 });
    const all = await Promise.all(Array.from({ length: 8 }, () => acquire()));
    const winners = all.filter((one) => one.ok);
    assert.equal(winners.length, 1, `round ${round}: ${winners.length} winners`);
    assert.deepEqual(await winners[0]?.lock.verify(), { state: "ours" });
    await winners[0]?.lock.release();
    assert.deepEqual(await readdir(dir), []);
  }
});

test("a contender that stops between its look and its claim does not take a lock that has changed hands", async (t) => {
  const { acquire, mustAcquire, lockOf, path } = await lockWorld(t);
  await lockOf({ renewedAt: 0 });
  let first: Lock | undefined;
  // The slow one sees the stale lock; before its claim another one takes over.
  const open: StateFs["open"] = async (name, ...rest) => {
    if (String(name).startsWith(`${path}.gone`) && !first) first = await mustAcquire();
    return realFs.open(name, ...rest);
  };
  const slow = await acquire({ fs: { ...realFs, open } });
  assert.ok(first && !slow.ok, JSON.stringify(slow));
  assert.deepEqual(await first.verify(), { state: "ours" });
});

test("a takeover that died half way does not block the next", async (t) => {
  const { mustAcquire, lockOf, path } = await lockWorld(t);
  await lockOf({ renewedAt: 0 });
  await writeFile(`${path}.gone`, formatOwner({ ...gone, token: "claimer" }));
  await writeFile(`${path}.claimer`, formatOwner({ ...gone, token: "claimer-of-claimer" }));
  const lock = await mustAcquire();
  assert.deepEqual(await lock.verify(), { state: "ours" });
});

test("a contender gives up when the owner renews after the claim", async (t) => {
  const { acquire, mustAcquire, time, path } = await lockWorld(t);
  const owner = await mustAcquire();
  time.ms += 20_001;
  let sawClaim: string | undefined;
  const link: StateFs["link"] = async (from, to) => {
    await realFs.link(from, to);
    if (String(to) === `${path}.${owner.token}`) sawClaim = (await owner.verify()).state;
  };
  const contender = await acquire({ fs: { ...realFs, link } });
  assert.equal(sawClaim, "unsure");
  assert.equal(contender.ok, false);
  assert.deepEqual(await owner.verify(), { state: "ours" });
});

/** As another container of this very kernel would write it: its pids say nothing here. */
const elsewhere = (token: string) => ({
  ...newOwner(Date.now()),
  token,
  host: "another-container",
  rootInode: "another",
});

test("the lock of a container that is gone is taken over at once; one that lives has its lease", async (t) => {
  const { acquire, mustAcquire, lockOf, path } = await lockWorld(t);
  await lockOf(elsewhere("abcdef0123456789"));
  assert.equal((await acquire()).ok, false, "without a socket, its lease counts");
  const listening = createServer().listen(socketPath(path, "abcdef0123456789"));
  await once(listening, "listening");
  assert.equal((await acquire()).ok, false, "somebody listens");
  // A socket file that outlives its process, as after a SIGKILL.
  const kept = `${path}.kept`;
  await link(socketPath(path, "abcdef0123456789"), kept);
  listening.close();
  await once(listening, "close");
  await rename(kept, socketPath(path, "abcdef0123456789"));
  await mustAcquire();
});

test("a socket says nothing of a process under another kernel, whatever its name is", async (t) => {
  const { acquire, lockOf, path } = await lockWorld(t);
  const owner = { ...newOwner(Date.now()), token: "abcdef0123456789", bootId: "another-boot" };
  await lockOf({ ...owner, pid: 0x3f_ff_ff });
  await writeFile(socketPath(path, owner.token), "");
  assert.equal((await acquire()).ok, false);
});

test("a lease in the future holds for a lease from when it was first seen, unless it is renewed", async (t) => {
  const { acquire, mustAcquire, lockOf, time, dir } = await lockWorld(t);
  const DAY = 86_400_000;
  const ahead = time.ms + DAY;
  await lockOf({ renewedAt: ahead, startedAt: ahead });
  const first = await acquire();
  assert.ok(!first.ok && first.fault === "held" && first.retryInMs === 20_000, JSON.stringify(first));
  time.ms += 20_000;
  assert.equal((await acquire()).ok, false);
  // Its owner lives, and its clock is ahead: it is left alone for ever.
  for (let i = 1; i <= 10; i++) {
    await lockOf({ renewedAt: ahead + i * 5000, startedAt: ahead });
    assert.equal((await acquire()).ok, false);
    time.ms += 15_000;
  }
  assert.equal((await acquire()).ok, false);
  time.ms += 20_001;
  await (await mustAcquire()).release();
  assert.deepEqual(
    (await readdir(dir)).filter((name) => !name.includes(".seen-")),
    [],
  );
});
