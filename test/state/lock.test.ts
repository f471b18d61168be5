/** The owner of a lock: how it gets it, keeps it, learns that it is gone, and gives it back. */
import assert from "node:assert/strict";
import { readdir, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { test } from "node:test";
import { realFs, type StateFs } from "../../src/state/fs.ts";
import { formatOwner } from "../../src/state/lock-owner.ts";
import { gone, lockWorld } from "./lock-world.ts";
import { filesIn } from "./world.ts";

test("the second one is told who holds the lock, since when, and what to do", async (t) => {
  const { acquire, mustAcquire, time } = await lockWorld(t);
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
  const { mustAcquire, dir } = await lockWorld(t);
  await (await mustAcquire()).release();
  assert.deepEqual(await readdir(dir), []);
  await mustAcquire();
});

test("the lease is renewed by itself, in place", async (t) => {
  const { mustAcquire, path, time } = await lockWorld(t);
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
  const { mustAcquire, time, taken, ownerToken } = await lockWorld(t);
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
  const { acquire, mustAcquire, time } = await lockWorld(t);
  const lock = await mustAcquire();
  time.ms += 3_600_000;
  assert.deepEqual(await lock.verify(), { state: "ours" });
  assert.equal((await acquire()).ok, false);
});

test("an owner that wakes during a takeover does not write until it is decided", async (t) => {
  const { mustAcquire, time, path } = await lockWorld(t);
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

test("without links the lock is taken all the same, by one", async (t) => {
  const { acquire, lockOf, dir } = await lockWorld(t);
  const link: StateFs["link"] = async () => {
    throw Object.assign(new Error("EPERM"), { code: "EPERM" });
  };
  const fs = { ...realFs, link };
  await lockOf({ renewedAt: 0, startedAt: 0 });
  const all = await Promise.all(Array.from({ length: 8 }, () => acquire({ fs })));
  const winners = all.filter((one) => one.ok);
  assert.equal(winners.length, 1);
  assert.deepEqual(await winners[0]?.lock.verify(), { state: "ours" });
  assert.deepEqual(await filesIn(dir), ["state.json.lock"]);
});

test("a lock that somebody removed or moved is gone, not ours", async (t) => {
  const { mustAcquire, path } = await lockWorld(t);
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

test("an owner that sleeps in the middle of its question asks again, and learns who took over", async (t) => {
  const { mustAcquire, time } = await lockWorld(t);
  let asleep = false;
  const stat = async (path: string, options: object) => {
    const found = await realFs.stat(path, options);
    if (asleep) {
      asleep = false;
      time.ms += 20_001;
      await mustAcquire();
    }
    return found;
  };
  const first = await mustAcquire({ fs: { ...realFs, stat: stat as StateFs["stat"] } });
  assert.deepEqual(await first.confirm(), { state: "ours" });
  asleep = true;
  assert.equal((await first.confirm()).state, "taken");
});

test("a lease is over by the wall clock or by the monotonic one, whichever is first", async (t) => {
  const { mustAcquire, time, clock } = await lockWorld(t);
  const lock = await mustAcquire();
  assert.ok(lock.isLeased());
  time.ms += 19_000;
  assert.ok(lock.isLeased());
  // Suspended: the monotonic clock stood still.
  const monotonic = clock.monotonicMs();
  clock.monotonicMs = () => monotonic;
  time.ms += 1000;
  assert.ok(!lock.isLeased());
  await lock.confirm();
  assert.ok(lock.isLeased());
});
