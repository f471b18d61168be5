/**
 * Who holds a lock, and whether that process is alive. A pid answers for processes of the same container. Across
 * containers of one host pids mean nothing, so the owner of a lock also listens on a Unix socket beside it: a
 * socket that refuses proves that the process has ended, even if its container is gone. A process that is only
 * stopped still accepts.
 */
import { readFileSync, statSync } from "node:fs";
import type { Server } from "node:net";
import { hostname } from "node:os";

export interface Owner {
  token: string;
  pid: number;
  host: string;
  /** The inode of `/`: tells containers apart that share a host name. */
  rootInode: string;
  /** Start of the process in ticks since boot; empty where unknown. Tells a reused pid. */
  pidStart: string;
  /** The kernel's boot id: the same in every container of a host, different on every other host. Empty where unknown. */
  bootId: string;
  /** Both in ms since the epoch. */
  startedAt: number;
  renewedAt: number;
}

/** Locks that this process holds. A lock with our pid that is not here is from an earlier process (pid 1 in a container). */
const heldHere = new Set<string>();

export function newOwner(now: number): Owner {
  return {
    token: freshToken(),
    pid: process.pid,
    host: hostname(),
    rootInode: rootInode(),
    pidStart: processStart(process.pid)?.start ?? "",
    bootId: bootId(),
    startedAt: now,
    renewedAt: now,
  };
}

/** Unique for each owner of a state file. Not a secret: importing node:crypto would cost a one-shot tick 2 ms. */
export function freshToken(): string {
  const part = () =>
    Math.floor(Math.random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, "0");
  return `${part()}${part()}${part()}${part()}`;
}

export function setHeldHere(owner: Owner, held: boolean): void {
  if (held) heldHere.add(owner.token);
  else heldHere.delete(owner.token);
}

export function describeOwner(owner: Owner): string {
  return owner.pid ? `process ${owner.pid} on host ${owner.host}` : "an unknown process";
}

/** Always the same length for one owner, so that a renewal overwrites in place. */
export function formatOwner(owner: Owner): string {
  const iso = (ms: number) => new Date(ms).toISOString();
  const { startedAt, renewedAt, ...rest } = owner;
  return `${JSON.stringify({ ...rest, startedAt: iso(startedAt), renewedAt: iso(renewedAt) }, null, 2)}\n`;
}

/** `undefined` for anything that is not a complete lock file. */
export function parseOwner(text: string): Owner | undefined {
  try {
    const parsed = JSON.parse(text);
    const { token, pid, host, rootInode = "", pidStart = "", bootId = "", startedAt, renewedAt } = parsed;
    const owner = {
      token: String(token),
      pid: Number(pid),
      host: String(host),
      rootInode: String(rootInode),
      pidStart: String(pidStart),
      bootId: String(bootId),
      startedAt: Date.parse(startedAt),
      renewedAt: Date.parse(renewedAt),
    };
    // The token becomes part of a file name; a pid of 0 or less would address a process group.
    const whole = /^[\w-]{1,64}$/.test(owner.token) && Number.isInteger(owner.pid) && owner.pid > 0;
    return whole && owner.startedAt >= 0 && owner.renewedAt >= 0 ? owner : undefined;
  } catch {
    return undefined;
  }
}

/**
 * True only when it is certain. A process of this host (or container) is looked up by pid. One in another
 * container of this kernel, which may have been removed long ago, is asked through its socket.
 */
export async function isDead(owner: Owner, lockPath: string): Promise<boolean> {
  const sameKernel = owner.bootId === "" || owner.bootId === bootId();
  if (!sameKernel) return false;
  if (owner.host === hostname() && owner.rootInode === rootInode()) return isGone(owner);
  return owner.bootId !== "" && refusesConnections(lockPath, owner.token);
}

function isGone(owner: Owner): boolean {
  if (owner.pid === process.pid) return !heldHere.has(owner.token);
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // EPERM: the process lives and belongs to another user.
    if ((error as { code?: string }).code === "ESRCH") return true;
  }
  const found = processStart(owner.pid);
  if (!found) return false;
  return found.zombie || (owner.pidStart !== "" && owner.pidStart !== found.start);
}

/** proc(5): field 3 of `/proc/<pid>/stat` is the state, field 22 the start; the name in field 2 may contain anything. */
function processStart(pid: number): { zombie: boolean; start: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { zombie: fields[0] === "Z" || fields[0] === "X", start: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

function rootInode(): string {
  try {
    return String(statSync("/", { bigint: true }).ino);
  } catch {
    return "";
  }
}

/** `sun_path` of Linux has 108 bytes, the last one 0. A longer path gets no socket; only the lease counts then. */
const LONGEST_PATH_BYTES = 107;

export const socketPath = (lockPath: string, token: string) => `${lockPath}.alive-${token.slice(0, 8)}`;

/**
 * Starts listening beside the lock. Resolves when it listens or cannot: on a file system without sockets a
 * takeover just has to wait for the lease.
 */
export async function listenAlive(lockPath: string, token: string): Promise<{ close(): void }> {
  const path = socketPath(lockPath, token);
  if (Buffer.byteLength(path) > LONGEST_PATH_BYTES) return { close() {} };
  const { createServer } = await import("node:net");
  const server: Server = createServer((connection) => connection.destroy());
  await new Promise<void>((resolve) => {
    // The listener stays: an "error" without one would end the process.
    server.on("error", () => resolve());
    server.listen(path, resolve);
  });
  server.unref();
  return { close: () => void server.close() };
}

/** True when the kernel says that nobody listens any more; false when somebody does, or it is unknown. */
async function refusesConnections(lockPath: string, token: string): Promise<boolean> {
  const path = socketPath(lockPath, token);
  if (Buffer.byteLength(path) > LONGEST_PATH_BYTES) return false;
  const { connect } = await import("node:net");
  return new Promise((resolve) => {
    const connection = connect(path, () => {
      connection.destroy();
      resolve(false);
    });
    // ENOENT proves nothing: somebody may have removed the socket of a living process.
    connection.on("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"));
  });
}
