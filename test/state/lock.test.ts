import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rename, rm, unlink, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Clock, Log } from "../../src/plugin.ts";
import { realFs, type StateFs } from "../../src/state/disk.ts";
import { type Acquired, acquireLock, type Lock } from "../../src/state/lock.ts";
import { formatOwner, newOwner, type Owner } from "../../src/state/owner.ts";

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const gone = { ...newOwner(0), token: "gone", host: "elsewhere" };

async function world(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), "watchdog-lock-"));
  const path = join(dir, "state.json.lock");
  const time = { ms: Date.now() };
  const clock: Clock = { now: () => time.ms, monotonicMs: () => time.ms, wait: async () => {} };
  const held: Lock[] = [];
  const taken: string[] = [];
  t.after(async () => {
    for (const lock of held) await lock.release();
    await rm(dir, { recursive: true });
  });
  async function acquire(more: { fs?: StateFs; renewMs?: number } = {}): Promise<Acquired> {
    const onTaken = (reason: string) => taken.push(reason);
    const acquired = await acquireLock({ path, fs: realFs, clock, log: silent, onTaken, ...more });
    if (acquired.ok) held.push(acquired.lock);
    return acquired;
  }
  async function mustAcquire(more: { fs?: StateFs; renewMs?: number } = {}): Promise<Lock> {
    const acquired = await acquire(more);
    assert.ok(acquired.ok, JSON.stringify(acquired));
    return acquired.lock;
  }
  const lockOf = (owner: Partial<Owner>) =>
    writeFile(path, formatOwner({ ...gone, startedAt: time.ms, renewedAt: time.ms, ...owner }));
  const ownerToken = async () => JSON.parse(await readFile(path, "utf8")).token;
  return { dir, path, time, clock, taken, acquire, mustAcquire, lockOf, ownerToken };
}

test("the second one is told who holds the lock, since when, and what to do", async (t) => {
  const { acquire, mustAcquire, time } = await world(t);
  await mustAcquire();
  const since = new Date(time.ms).toISOString();
  time.ms += 3000;
  const second = await acquire();
  assert.ok(!second.ok && second.fault === "held", JSON.stringify(second));
  assert.ok(
    second.reason.includes(`process ${process.pid} on host ${hostname()} since ${since}`),
    second.reason,
  );
  assert.match(second.reason, /last sign of life 3 s ago\): stop that watchdog, or set STATE_FILE/);
  assert.equal(second.retryInMs, 17_000);
});

test("a released lock is free, and leaves nothing behind", async (t) => {
  const { mustAcquire, dir } = await world(t);
  await (await mustAcquire()).release();
  assert.deepEqual(await readdir(dir), []);
  await mustAcquire();
});

test("a lock of another host is taken over only when its lease is over", async (t) => {
  const { acquire, mustAcquire, lockOf, time, ownerToken } = await world(t);
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
  const { mustAcquire, lockOf } = await world(t);
  await lockOf({ host: hostname(), pid: 0x3f_ff_ff });
  await mustAcquire();
});

test("a lock of our own pid and an earlier life is taken over at once", async (t) => {
  const { mustAcquire, lockOf } = await world(t);
  await lockOf({ host: hostname(), pid: process.pid });
  await mustAcquire();
});

test("a lock whose pid was given to another process is taken over at once", async (t) => {
  if (process.platform !== "linux") return t.skip("process start times are read from /proc");
  const { acquire, mustAcquire, lockOf } = await world(t);
  const { rootInode } = newOwner(0);
  await lockOf({ host: hostname(), rootInode, pid: process.ppid, pidStart: "" });
  assert.equal((await acquire()).ok, false);
  await lockOf({ host: hostname(), rootInode, pid: process.ppid, pidStart: "1" });
  await mustAcquire();
});

test("another container of the same host name has its lease: our pids say nothing about it", async (t) => {
  const { acquire, lockOf } = await world(t);
  await lockOf({ host: hostname(), rootInode: "another", pid: process.pid });
  assert.equal((await acquire()).ok, false);
});

test("a lock that cannot be read holds for a lease from its last change", async (t) => {
  const { acquire, mustAcquire, path, time } = await world(t);
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
  const { acquire, lockOf, dir } = await world(t);
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
  const { acquire, mustAcquire, lockOf, path } = await world(t);
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
  const { mustAcquire, lockOf, path } = await world(t);
  await lockOf({ renewedAt: 0 });
  await writeFile(`${path}.gone`, formatOwner({ ...gone, token: "claimer" }));
  await writeFile(`${path}.claimer`, formatOwner({ ...gone, token: "claimer-of-claimer" }));
  const lock = await mustAcquire();
  assert.deepEqual(await lock.verify(), { state: "ours" });
});

test("the lease is renewed by itself, in place", async (t) => {
  const { mustAcquire, path, time } = await world(t);
  await mustAcquire({ renewMs: 20 });
  const before = await readFile(path, "utf8");
  time.ms += 4321;
  const wanted = new Date(time.ms).toISOString();
  const deadline = Date.now() + 5000;
  let text = before;
  while (!text.includes(`"renewedAt": "${wanted}"`) && Date.now() < deadline)
    text = await readFile(path, "utf8");
  assert.equal(text.length, before.length);
  assert.ok(text.includes(`"renewedAt": "${wanted}"`), text);
});

test("an owner that slept too long learns that another one took over, and leaves the lock to it", async (t) => {
  const { mustAcquire, time, taken, ownerToken } = await world(t);
  const first = await mustAcquire({ renewMs: 50 });
  time.ms += 20_001;
  const second = await mustAcquire();
  const holding = await first.verify();
  assert.ok(holding.state === "taken", JSON.stringify(holding));
  assert.match(holding.reason, /process \d+ on host .* took over .* stop one of the two/);
  await until(() => taken.length > 0);
  await first.release();
  assert.equal(await ownerToken(), second.token);
});

test("an owner that slept too long keeps its lock when nobody took it", async (t) => {
  const { acquire, mustAcquire, time } = await world(t);
  const lock = await mustAcquire();
  time.ms += 3_600_000;
  assert.deepEqual(await lock.verify(), { state: "ours" });
  assert.equal((await acquire()).ok, false);
});

test("an owner that wakes during a takeover does not write until it is decided", async (t) => {
  const { mustAcquire, time, path } = await world(t);
  const lock = await mustAcquire();
  time.ms += 20_001;
  const claim = `${path}.${lock.token}`;
  await writeFile(claim, formatOwner({ ...gone, token: "claimer", renewedAt: time.ms }));
  for (let again = 0; again < 2; again++) {
    const holding = await lock.verify();
    assert.ok(
      holding.state === "unsure" && holding.reason.includes("about to take over"),
      JSON.stringify(holding),
    );
  }
  await unlink(claim);
  assert.deepEqual(await lock.verify(), { state: "ours" });
});

test("a contender gives up when the owner renews after the claim", async (t) => {
  const { acquire, mustAcquire, time, path } = await world(t);
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

test("without links the lock is taken all the same, by one", async (t) => {
  const { acquire, lockOf, dir } = await world(t);
  const link: StateFs["link"] = async () => {
    throw Object.assign(new Error("EPERM"), { code: "EPERM" });
  };
  const fs = { ...realFs, link };
  await lockOf({ renewedAt: 0, startedAt: 0 });
  const all = await Promise.all(Array.from({ length: 8 }, () => acquire({ fs })));
  const winners = all.filter((one) => one.ok);
  assert.equal(winners.length, 1);
  assert.deepEqual(await winners[0]?.lock.verify(), { state: "ours" });
  assert.deepEqual(await readdir(dir), ["state.json.lock"]);
});

test("a lock that somebody removed or moved is gone, not ours", async (t) => {
  const { mustAcquire, path } = await world(t);
  const lock = await mustAcquire();
  await rename(path, `${path}-moved`);
  assert.equal((await lock.verify()).state, "gone");
});

/** Waits for something that happens on a timer of the thing under test. */
async function until(met: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!met() && Date.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(met(), "did not happen in 5 s");
}
