/** Changes of the state file that are whole or not at all, also across a power cut. */
import { dirname } from "node:path";
import { codeOf, discard, type StateFs } from "./disk.ts";

/** What platforms and network file systems answer that do not sync directories. */
const NO_DIRECTORY_SYNC = ["EISDIR", "EPERM", "EACCES", "EINVAL", "EBADF", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"];

/**
 * Writes `text` to `temp` (mode 0600), syncs it, asks `mayReplace` (a reason stops it), renames it over `path`
 * and syncs the directory. Throws the disk's error; `path` then still holds what it held, `temp` is gone.
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

/** Renames a file that cannot be used; never over an earlier one. Returns its new path. */
export async function setFileAside(fs: StateFs, path: string, now: number): Promise<string> {
  const stem = `${path}.corrupt-${new Date(now).toISOString().replace(/[-:]|\.\d+/g, "")}`;
  let target = stem;
  for (let n = 2; await exists(fs, target); n++) target = `${stem}-${n}`;
  await fs.rename(path, target);
  await syncDirectory(fs, dirname(path));
  return target;
}

async function exists(fs: StateFs, path: string): Promise<boolean> {
  try {
    await fs.stat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw error;
  }
}

async function syncDirectory(fs: StateFs, directory: string): Promise<void> {
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
