/** Whether the state can be saved, who owns it, and what it last knew of the time. */
import { constants } from "node:fs";
import { access, statfs, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { codeOf, explainDiskError, readIfThere, realFs } from "../state/fs.ts";
import { LEASE_MS } from "../state/lock.ts";
import { describeOwner, isDead } from "../state/lock-owner.ts";
import { readOwner } from "../state/takeover.ts";
import type { Found } from "./finding.ts";

/** Below this, a few incidents and waiting alerts fill the disk. */
const LITTLE_BYTES = 20 * 1024 * 1024;
const PROBE_BYTES = 64 * 1024;

export async function examineDisk(stateFile: string): Promise<Found[]> {
  const folder = dirname(stateFile);
  try {
    const there = await existing(folder);
    if (there === folder) await tryToWrite(`${stateFile}.doctor-${process.pid}`);
    else await access(there, constants.W_OK | constants.X_OK);
    await mayReplace(stateFile);
    const { bavail, bsize } = await statfs(there);
    const free = bavail * bsize;
    const where = there === folder ? folder : `${folder} (it will be made)`;
    if (free >= LITTLE_BYTES) return [{ level: "ok", text: `${where} is writable, ${size(free)} free` }];
    return [
      {
        level: "wrong",
        text: `only ${size(free)} are free for ${where}`,
        todo: "free some space, or set STATE_FILE to a place with more",
      },
    ];
  } catch (error) {
    return [{ level: "wrong", text: explainDiskError(error, folder) }];
  }
}

/** The folder itself, or the nearest above it that exists. */
async function existing(folder: string): Promise<string> {
  try {
    await access(folder);
    return folder;
  } catch (error) {
    if (codeOf(error) !== "ENOENT" || dirname(folder) === folder) throw error;
    return existing(dirname(folder));
  }
}

async function tryToWrite(path: string): Promise<void> {
  try {
    const handle = await realFs.open(path, "wx", 0o600);
    try {
      await handle.writeFile(Buffer.alloc(PROBE_BYTES));
      await handle.sync();
    } finally {
      await handle.close();
    }
  } finally {
    await unlink(path).catch(() => {});
  }
}

/** A state of another user can be replaced where the folder is ours, but not read. */
async function mayReplace(stateFile: string): Promise<void> {
  await access(stateFile, constants.R_OK).catch((error) => {
    if (codeOf(error) !== "ENOENT") throw error;
  });
}

function size(bytes: number): string {
  const mib = bytes / 1024 ** 2;
  return mib >= 1024 ? `${Math.round((mib / 1024) * 10) / 10} GiB` : `${Math.floor(mib)} MiB`;
}

/** `isRunning`: a watchdog answers at our address. */
export async function examineLock(stateFile: string, isRunning: boolean, now: number): Promise<Found[]> {
  const path = `${stateFile}.lock`;
  try {
    const owner = await readOwner(realFs, path);
    if (owner === undefined) return [{ level: "ok", text: "nobody owns the state" }];
    const ends = new Date(owner.renewedAt + LEASE_MS).toISOString();
    const who = `${describeOwner(owner)} since ${new Date(owner.startedAt).toISOString()}`;
    const isOver = now - owner.renewedAt > LEASE_MS || (await isDead(owner, path));
    if (isOver) return [{ level: "ok", text: `left behind by ${who}: the next start takes it over` }];
    if (isRunning) return [{ level: "ok", text: `owned by ${who}, until ${ends} unless it renews` }];
    return [
      {
        level: "wrong",
        text: `owned by ${who}, until ${ends} unless it renews, and no watchdog answers here: a second one would wait`,
        todo: "stop that watchdog, set HOST and PORT to where it answers, or set STATE_FILE to another file",
      },
    ];
  } catch (error) {
    return [{ level: "wrong", text: explainDiskError(error, path) }];
  }
}

/** The latest time that the state file knows; `undefined` without one. */
export async function clockOfState(stateFile: string): Promise<number | undefined> {
  try {
    const bytes = await readIfThere(realFs, stateFile);
    const { clockAt } = JSON.parse(new TextDecoder().decode(bytes)) as { clockAt?: unknown };
    const at = Date.parse(String(clockAt));
    return Number.isNaN(at) ? undefined : at;
  } catch {
    return undefined;
  }
}
