/**
 * Drops root before anything else is loaded. Root is needed for one thing: which group may use Docker's socket
 * differs between hosts, so it is known only when the container runs.
 *
 * `WATCHDOG_RUN_AS=uid:gid` asks for it, and the Dockerfile sets that. On a bare host it is not set, and root stays
 * root. `WATCHDOG_RUN_AS=0:0` keeps root in the container; an empty value is refused.
 */
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";

/** The system calls, so that tests need no root. */
export interface PrivilegeSystem {
  getuid(): number | undefined;
  setgroups(gids: number[]): void;
  setgid(gid: number): void;
  setuid(uid: number): void;
  stat(path: string): { uid: number; gid: number; mode: number };
  list(directory: string): string[];
  makeDirectory(path: string): void;
  /** Never follows a link: another user may own the directory, and we are root. */
  chown(path: string, uid: number, gid: number): void;
}

interface PrivilegeRequest {
  uid: number;
  gid: number;
  /** Docker's socket; absent when the engine is reached by TCP or SSH. */
  socketPath?: string;
  stateFile: string;
}

/** `warnings` say what will not work, and what to do about it. There is no log yet. */
export type PrivilegeOutcome =
  | { ok: true; dropped: boolean; reason: string; warnings: string[] }
  | { ok: false; reason: string };

/**
 * Reads `WATCHDOG_RUN_AS`, `DOCKER_HOST` (or `DOCKER_SOCK`) and `STATE_FILE`, and becomes that user. Does nothing without
 * `WATCHDOG_RUN_AS`, or when the process is not root. On `ok: false` the process is still root and must end.
 */
export function dropPrivilegesFromEnv(
  env: Readonly<Record<string, string | undefined>>,
  system: PrivilegeSystem = realSystem,
): PrivilegeOutcome {
  const runAs = env.WATCHDOG_RUN_AS;
  if (runAs === undefined) return kept("WATCHDOG_RUN_AS is not set");
  // `WATCHDOG_RUN_AS=` in a Compose file overrides the image's value: a mistake must not leave us root.
  if (runAs.trim() === "") {
    if (system.getuid() !== 0) return kept("the process is not root");
    return {
      ok: false,
      reason:
        "WATCHDOG_RUN_AS is empty and the process is root: give a user and a group as numbers, such as " +
        "1000:1000, or remove the variable (0:0 keeps root)",
    };
  }
  const match = /^(\d{1,9}):(\d{1,9})$/.exec(runAs);
  if (!match) {
    return {
      ok: false,
      reason: `WATCHDOG_RUN_AS is "${runAs}": give a user and a group as numbers, such as 1000:1000`,
    };
  }
  const host = env.DOCKER_HOST || hostOf(env.DOCKER_SOCK || "/var/run/docker.sock");
  return dropPrivileges(
    {
      uid: Number(match[1]),
      gid: Number(match[2]),
      socketPath: host.startsWith("unix://") ? host.slice("unix://".length) : undefined,
      stateFile: env.STATE_FILE || "data/state.json",
    },
    system,
  );
}

/** Other tools name the socket by its path. */
const hostOf = (socket: string) => (socket.startsWith("/") ? `unix://${socket}` : socket);

/** Gives the state's folder to the user, keeps the socket's group, and becomes `uid:gid`. Cannot be undone. */
function dropPrivileges(request: PrivilegeRequest, system: PrivilegeSystem = realSystem): PrivilegeOutcome {
  if (system.getuid() !== 0) return kept("the process is not root");
  if (request.uid === 0) return kept("WATCHDOG_RUN_AS asks for root");

  const warnings: string[] = [];
  const socket = socketGroup(request, system);
  if (socket.warning) warnings.push(socket.warning);
  const state = handOverState(request, system);
  if (state) warnings.push(state);

  const groups = [...new Set([request.gid, ...(socket.gid === undefined ? [] : [socket.gid])])];
  try {
    // In this order, because each step gives up the right to do the one before it.
    system.setgroups(groups);
    system.setgid(request.gid);
    system.setuid(request.uid);
  } catch (error) {
    return {
      ok: false,
      reason:
        `could not become ${request.uid}:${request.gid}: ${text(error)}. Give the container the capabilities ` +
        "SETUID and SETGID, or start it as that user (--user) with the socket's group (--group-add)",
    };
  }
  const reason = `runs as ${request.uid}:${request.gid} with the groups ${groups.join(", ")}`;
  return { ok: true, dropped: true, reason, warnings };
}

function kept(reason: string): PrivilegeOutcome {
  return { ok: true, dropped: false, reason, warnings: [] };
}

/**
 * The group to keep. This may be group 0 when the socket belongs to root's group (Docker Desktop, rootless engines):
 * its members can read what root's group can, but have none of root's rights.
 */
function socketGroup(
  { socketPath, uid }: PrivilegeRequest,
  system: PrivilegeSystem,
): { gid?: number; warning?: string } {
  if (socketPath === undefined) return {};
  try {
    const { uid: owner, gid, mode } = system.stat(socketPath);
    if (owner === uid || (mode & 0o006) === 0o006) return {};
    if ((mode & 0o060) === 0o060) return { gid };
    return {
      warning:
        `${socketPath} is for its owner ${owner} only (mode ${(mode & 0o777).toString(8)}): nothing can be ` +
        `restarted. Let its group use it (chmod g+rw), or set WATCHDOG_RUN_AS to its owner`,
    };
  } catch (error) {
    return {
      warning:
        `${socketPath} cannot be looked at (${text(error)}): nothing can be restarted. Mount it with ` +
        "-v /var/run/docker.sock:/var/run/docker.sock, or set DOCKER_HOST; then start again",
    };
  }
}

/**
 * A volume of an older engine, or a mounted folder, may belong to root. This gives the folder and the state's own
 * files in it (`state.json`, `state.json.lock`, ...) to the user, and leaves other files alone. Returns what went
 * wrong.
 */
function handOverState(
  { stateFile, uid, gid }: PrivilegeRequest,
  system: PrivilegeSystem,
): string | undefined {
  const folder = dirname(stateFile);
  try {
    system.makeDirectory(folder);
    const handedOver = writableBy(system.stat(folder), uid, gid);
    if (!handedOver) system.chown(folder, uid, gid);
    for (const name of listed(folder, handedOver, system)) {
      if (!name.startsWith(basename(stateFile))) continue;
      const path = join(folder, name);
      if (!writableBy(system.stat(path), uid, gid)) system.chown(path, uid, gid);
    }
  } catch (error) {
    return (
      `${folder} could not be given to the user ${uid}: ${text(error)}. If the state cannot be saved there, ` +
      `run "chown -R ${uid}:${gid}" on the folder that is mounted at ${folder}`
    );
  }
}

/** Root without DAC_OVERRIDE cannot list a folder that only the user may read: then nothing in it is root's. */
function listed(folder: string, usersOwn: boolean, system: PrivilegeSystem): string[] {
  try {
    return system.list(folder);
  } catch (error) {
    if (usersOwn) return [];
    throw error;
  }
}

function writableBy(
  { uid: owner, gid: group, mode }: { uid: number; gid: number; mode: number },
  uid: number,
  gid: number,
): boolean {
  if (owner === uid) return (mode & 0o200) !== 0;
  if (group === gid) return (mode & 0o020) !== 0;
  return (mode & 0o002) !== 0;
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Node's own `recursive` option loops for ever where the parent exists and takes no new directory, as in /proc. */
function makeDirectory(path: string, parentExists = false): void {
  try {
    fs.mkdirSync(path);
  } catch (error) {
    if (fs.statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    if ((error as { code?: unknown }).code !== "ENOENT" || parentExists) throw error;
    makeDirectory(dirname(path));
    makeDirectory(path, true);
  }
}

const realSystem: PrivilegeSystem = {
  getuid: () => process.getuid?.(),
  setgroups: (gids) => process.setgroups!(gids),
  setgid: (gid) => process.setgid!(gid),
  setuid: (uid) => process.setuid!(uid),
  stat: (path) => fs.statSync(path),
  list: (directory) => fs.readdirSync(directory),
  makeDirectory,
  chown: (path, uid, gid) => fs.lchownSync(path, uid, gid),
};
