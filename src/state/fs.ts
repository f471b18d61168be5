/** The file system as the state needs it: atomic replacement, and errors worded for people. */
import * as nodeFs from "node:fs/promises";
import { dirname } from "node:path";

export type StateFs = Pick<
  typeof nodeFs,
  "link" | "mkdir" | "open" | "readFile" | "readdir" | "realpath" | "rename" | "stat" | "unlink"
>;
export type Handle = Awaited<ReturnType<StateFs["open"]>>;

/** Not the module object: tests copy it and replace single functions. */
export const realFs: StateFs = nodeFs;

/** `ENOENT` and the like; empty for anything but a system error. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}

/** What happened to `path`, and what to do about it. */
export function explainDiskError(error: unknown, path: string): string {
  const code = codeOf(error);
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return `no space left for ${path}: free some space (or raise the quota)`;
    case "EROFS":
      return `${path} is on a read-only file system: make it writable, or set STATE_FILE to a writable place`;
    case "EACCES":
    case "EPERM":
      return `no permission for ${path} ${asWhom()}: give that user the directory and the files in it, or set STATE_FILE to another place`;
    case "EBUSY":
    case "EXDEV":
      return `${path} cannot be replaced (${code}); if the file itself is a mount, mount its directory instead`;
    case "ENOTDIR":
    case "EEXIST":
      return `${path} cannot be used: a part of its directory is a file, or a broken link; set STATE_FILE to another place`;
    case "ENOENT":
      return `${path} cannot be created: its directory is gone, or its file system takes no new files (such as /proc); set STATE_FILE to another place`;
    case "ENAMETOOLONG":
      return `the path of the state file is too long (${path.length} characters, or more than 255 in one name): set STATE_FILE to another place`;
    case "ELOOP":
      return `${path} leads through a loop of symbolic links: set STATE_FILE to another place`;
    case "EISDIR":
      return `${path} is a directory: set STATE_FILE to a file in it`;
    default:
      return `${path}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function asWhom(): string {
  const uid = process.getuid?.();
  return uid === undefined ? "as this user" : `as user ${uid}`;
}

/**
 * Creates a directory and its parents, readable by the owner alone. Node's own `recursive` option loops for
 * ever where the parent exists and takes no new directory, as in /proc.
 */
export async function makeDirectory(
  fs: Pick<StateFs, "mkdir" | "stat">,
  path: string,
  parentExists = false,
): Promise<void> {
  try {
    await fs.mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (await isDirectory(fs, path)) return;
    if (codeOf(error) !== "ENOENT" || parentExists) throw error;
    await makeDirectory(fs, dirname(path));
    await makeDirectory(fs, path, true);
  }
}

async function isDirectory(fs: Pick<StateFs, "stat">, path: string): Promise<boolean> {
  return fs.stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

/** Unlinks. Ignores errors: the next start removes what is left. */
export async function discard(fs: StateFs, path: string): Promise<void> {
  await fs.unlink(path).catch(() => undefined);
}

/**
 * Writes `text` to `temp` (mode 0600), syncs it, asks `mayReplace`, renames it over `path` and syncs the
 * directory. Returns the reason of `mayReplace` when there is one. Throws the disk's error. In both cases
 * `path` keeps its content, also across a power cut, and `temp` is gone.
 */
export async function replaceFile(
  fs: StateFs,
  path: string,
  temp: string,
  text: string,
  mayReplace: () => Promise<string | undefined>,
): Promise<string | undefined> {
  let renamed = false;
  try {
    const handle = await fs.open(temp, "w", 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    const refusal = await mayReplace();
    if (refusal !== undefined) return refusal;
    await fs.rename(temp, path);
    renamed = true;
  } finally {
    if (!renamed) await discard(fs, temp);
  }
  await syncDirectory(fs, dirname(path));
  return undefined;
}

/** Renames a broken file, never over an earlier one. Returns its new path. */
export async function setFileAside(fs: StateFs, path: string, now: number): Promise<string> {
  const stem = `${path}.corrupt-${new Date(now).toISOString().replace(/[-:]|\.\d+/g, "")}`;
  let target = stem;
  for (let n = 2; await exists(fs, target); n++) target = `${stem}-${n}`;
  await fs.rename(path, target);
  await syncDirectory(fs, dirname(path));
  return target;
}

/** Throws when the disk does not say. */
export async function exists(fs: StateFs, path: string): Promise<boolean> {
  try {
    await fs.stat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** The content of a file; `undefined` when there is none. Throws the disk's other errors. */
export async function readIfThere(fs: StateFs, path: string): Promise<Uint8Array | undefined> {
  try {
    return await fs.readFile(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

export async function writeAll(handle: Handle, data: Uint8Array, position: number): Promise<void> {
  for (let offset = 0; offset < data.length; ) {
    const { bytesWritten } = await handle.write(data, offset, data.length - offset, position + offset);
    offset += bytesWritten;
  }
}

/** Answers of platforms and network file systems that do not sync directories. */
const NO_DIRECTORY_SYNC = ["EISDIR", "EPERM", "EACCES", "EINVAL", "EBADF", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"];

export async function syncDirectory(fs: StateFs, directory: string): Promise<void> {
  try {
    const handle = await fs.open(directory, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!NO_DIRECTORY_SYNC.includes(codeOf(error))) throw error;
  }
}
