/** A lock in a folder of its own, a clock in hand, and locks that are released at the end. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Clock, Log } from "../../src/plugin.ts";
import { realFs, type StateFs } from "../../src/state/fs.ts";
import { type Acquired, acquireLock, type Lock } from "../../src/state/lock.ts";
import { formatOwner, newOwner, type Owner } from "../../src/state/lock-owner.ts";

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
export const gone = { ...newOwner(0), token: "gone", host: "elsewhere" };

export async function lockWorld(t: TestContext) {
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
