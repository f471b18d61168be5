/** Who holds the state file: what a lock file says, and whether that process still lives. */
import { readFileSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { freshToken } from "./token.ts";

export interface Owner {
  token: string;
  pid: number;
  host: string;
  /** The inode of `/`: tells a container from its host, or from another container of the same host name. */
  rootInode: string;
  /** When the process began, in ticks since the boot; empty where unknown. Tells a reused pid. */
  pidStart: string;
  /** Both ms since the epoch. */
  startedAt: number;
  renewedAt: number;
}

/** Locks that this process holds. A lock of our pid that is not here is of an earlier life (pid 1 in a container). */
const heldHere = new Set<string>();

export function newOwner(now: number): Owner {
  return {
    token: freshToken(),
    pid: process.pid,
    host: hostname(),
    rootInode: rootInode(),
    pidStart: processStart(process.pid)?.start ?? "",
    startedAt: now,
    renewedAt: now,
  };
}

export function setHeldHere(owner: Owner, held: boolean): void {
  if (held) heldHere.add(owner.token);
  else heldHere.delete(owner.token);
}

/** Always of the same length for one owner, so that a renewal overwrites in place. */
export function formatOwner(owner: Owner): string {
  const iso = (ms: number) => new Date(ms).toISOString();
  const { startedAt, renewedAt, ...rest } = owner;
  return `${JSON.stringify({ ...rest, startedAt: iso(startedAt), renewedAt: iso(renewedAt) }, null, 2)}\n`;
}

/** `undefined` for anything that is not a whole lock file. */
export function parseOwner(text: string): Owner | undefined {
  try {
    const { token, pid, host, rootInode = "", pidStart = "", startedAt, renewedAt } = JSON.parse(text);
    const owner = {
      token: String(token),
      pid: Number(pid),
      host: String(host),
      rootInode: String(rootInode),
      pidStart: String(pidStart),
      startedAt: Date.parse(startedAt),
      renewedAt: Date.parse(renewedAt),
    };
    // The token becomes part of a file's name, a pid of 0 or less would ask for a group of processes.
    const whole = /^[\w-]{1,64}$/.test(owner.token) && Number.isInteger(owner.pid) && owner.pid > 0;
    return whole && owner.startedAt >= 0 && owner.renewedAt >= 0 ? owner : undefined;
  } catch {
    return undefined;
  }
}

/** Whether its lock may be taken over: the lease is over, or the process is known to be dead. */
export function isStale(owner: Owner, now: number, leaseMs: number): boolean {
  return now - owner.renewedAt > leaseMs || isDead(owner);
}

/** True only when it is certain: a process of this very host (or container) that is no more. */
function isDead(owner: Owner): boolean {
  if (owner.host !== hostname() || owner.rootInode !== rootInode()) return false;
  if (owner.pid === process.pid) return !heldHere.has(owner.token);
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // EPERM: it lives, as another user.
    if ((error as { code?: string }).code === "ESRCH") return true;
  }
  const found = processStart(owner.pid);
  if (!found) return false;
  return found.zombie || (owner.pidStart !== "" && owner.pidStart !== found.start);
}

/** proc(5): field 3 of `/proc/<pid>/stat` is the state, field 22 the start; the name in field 2 may hold anything. */
function processStart(pid: number): { zombie: boolean; start: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { zombie: fields[0] === "Z" || fields[0] === "X", start: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}

function rootInode(): string {
  try {
    return String(statSync("/", { bigint: true }).ino);
  } catch {
    return "";
  }
}
