/** Keeps the lock of a state file over its life: late, when the disk was full; anew, when somebody removed it. */
import { dirname } from "node:path";
import type { Clock, Log } from "../plugin.ts";
import { codeOf, explain, type StateFs } from "./disk.ts";
import { acquireLock, type Lock } from "./lock.ts";

/** `wrong`: the path itself is, and no waiting mends it. */
export type Refusal = { fault: "held" | "wrong" | "disk"; reason: string; retryInMs?: number };

export interface KeepOptions {
  path: string;
  fs: StateFs;
  clock: Clock;
  log: Log;
  leaseMs?: number;
  renewMs?: number;
}

export type LockKeeper = ReturnType<typeof keepLock>;

const WRONG_PATH = ["ENOTDIR", "EEXIST", "ENAMETOOLONG", "ELOOP", "EINVAL"];

export function keepLock(options: KeepOptions) {
  const { path, fs, log } = options;
  const lockPath = `${path}.lock`;
  let lock: Lock | undefined;
  let lost: string | undefined;
  /** The file as we last saw or wrote it; empty when there is none. */
  let seen = "";

  function lose(reason: string): string {
    if (lost === undefined) log.error(`the state is no longer saved: ${reason}`);
    lost ??= reason;
    return lost;
  }

  /** Makes the directory and takes the lock; says why when that fails. */
  async function acquire(): Promise<Refusal | undefined> {
    try {
      await fs.mkdir(dirname(path), { recursive: true, mode: 0o700 });
    } catch (error) {
      return refused(error, dirname(path));
    }
    const acquired = await acquireLock({ ...options, path: lockPath, onTaken: lose });
    if (acquired.ok) lock = acquired.lock;
    else return acquired.fault === "held" ? acquired : refused(acquired.error, lockPath);
  }

  async function release(): Promise<void> {
    await lock?.release();
    lock = undefined;
  }

  async function remember(): Promise<void> {
    seen = await signature(fs, path);
  }

  /** Why the file may not be written now; `undefined` when it may. */
  async function mayWrite(): Promise<string | undefined> {
    if (lost !== undefined || !lock) return lost ?? `the lock ${lockPath} is not ours`;
    const holding = await lock.verify();
    if (holding.state === "ours") return undefined;
    return holding.state === "taken" ? lose(holding.reason) : holding.reason;
  }

  /** As `mayWrite`, and takes the lock when nobody has it and nobody has written since we last looked. */
  async function own(): Promise<string | undefined> {
    if (lock && lost === undefined && (await lock.verify()).state === "gone") await release();
    if (lock || lost !== undefined) return mayWrite();
    const refusal = await acquire();
    if (refusal) return refusal.fault === "held" ? lose(refusal.reason) : refusal.reason;
    const now = await signature(fs, path);
    if (now === "" || now === seen) return undefined;
    await release();
    return lose(`another process saved ${path} while this one did not hold its lock: restart this one`);
  }

  return { acquire, release, remember, mayWrite, own, lost: () => lost, token: () => lock?.token };
}

function refused(error: unknown, path: string): Refusal {
  return { fault: WRONG_PATH.includes(codeOf(error)) ? "wrong" : "disk", reason: explain(error, path) };
}

/** Changes with every save: each one makes a new inode. */
async function signature(fs: StateFs, path: string): Promise<string> {
  const stats = await fs.stat(path).catch(() => undefined);
  return stats ? `${stats.ino}:${stats.size}:${stats.mtimeMs}` : "";
}
