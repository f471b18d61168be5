/**
 * Keeps the lock of a state file for as long as the store is open: takes it later when the disk is full at the
 * start, and again when somebody removed it.
 */
import { dirname } from "node:path";
import type { Clock, Log } from "../plugin/contract.ts";
import { codeOf, explainDiskError, makeDirectory, type StateFs } from "./fs.ts";
import { acquireLock, type Lock } from "./lock.ts";

/** `wrong`: the path itself is wrong, and waiting does not help. */
export type Refusal = { fault: "held" | "wrong" | "disk"; reason: string; retryInMs?: number };

export interface OwnershipOptions {
  path: string;
  fs: StateFs;
  clock: Clock;
  log: Log;
  leaseMs?: number;
  renewMs?: number;
  /** Called once, when another process owns the state. */
  onLost?(reason: string): void;
}

/** ENOENT: the directory exists, and takes no new file. */
const WRONG_PATH = ["ENOTDIR", "EEXIST", "ENOENT", "ENAMETOOLONG", "ELOOP", "EINVAL"];

export function createOwnership(options: OwnershipOptions) {
  const { path, fs, log } = options;
  const lockPath = `${path}.lock`;
  let lock: Lock | undefined;
  let lost: string | undefined;
  let owning: Promise<string | undefined> | undefined;
  /** The state file as we last saw or wrote it; empty when there is none. */
  let seen = "";

  function lose(reason: string): string {
    if (lost !== undefined) return lost;
    lost = reason;
    log.error(`this process no longer owns the state: ${reason}`);
    options.onLost?.(reason);
    return lost;
  }

  /** Creates the directory and takes the lock; returns why when that fails. */
  async function acquire(): Promise<Refusal | undefined> {
    try {
      await makeDirectory(fs, dirname(path));
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

  /** Like `mayWrite`, but first takes the lock if nobody has it and nobody has written since we last looked. */
  function own(): Promise<string | undefined> {
    // A save and a restart may ask at the same time; each would see the lock of the other as a stranger's.
    owning ??= takeOwnership().finally(() => {
      owning = undefined;
    });
    return owning;
  }

  async function takeOwnership(): Promise<string | undefined> {
    if (lock && lost === undefined && (await lock.verify()).state === "gone") await release();
    if (lock || lost !== undefined) return mayWrite();
    const refusal = await acquire();
    if (refusal) return refusal.fault === "held" ? lose(refusal.reason) : refusal.reason;
    const now = await signature(fs, path);
    if (now === "" || now === seen) return undefined;
    await release();
    return lose(`another process saved ${path} while this one did not hold its lock`);
  }

  /**
   * Why nothing may begin now; `undefined` when it may, in this turn of the event loop. A disk that refuses the
   * lock or its renewal does not stop healing: nobody else can get the lock there either.
   */
  async function mayAct(): Promise<string | undefined> {
    let holding = await lock?.confirm();
    if (holding === undefined || holding.state === "gone") {
      await own();
      holding = await lock?.confirm();
    }
    if (lost !== undefined || holding === undefined) return lost;
    if (holding.state === "taken") return lose(holding.reason);
    return holding.state === "ours" || holding.state === "unrenewed" ? undefined : holding.reason;
  }

  /** Like `mayAct`, but reads no file while the lease runs. */
  async function isOwner(): Promise<boolean> {
    if (lost === undefined && lock?.isLeased()) return true;
    return (await mayAct()) === undefined;
  }

  return {
    acquire,
    release,
    remember,
    mayWrite,
    own,
    mayAct,
    isOwner,
    lost: () => lost,
    token: () => lock?.token,
  };
}

function refused(error: unknown, path: string): Refusal {
  return {
    fault: WRONG_PATH.includes(codeOf(error)) ? "wrong" : "disk",
    reason: explainDiskError(error, path),
  };
}

/** Changes with every save, because each one creates a new inode. */
async function signature(fs: StateFs, path: string): Promise<string> {
  const stats = await fs.stat(path).catch(() => undefined);
  return stats ? `${stats.ino}:${stats.size}:${stats.mtimeMs}` : "";
}
