/** What the state file needs of a file system, and what its errors mean to a person. */
import * as nodeFs from "node:fs/promises";

export type StateFs = Pick<
  typeof nodeFs,
  "link" | "mkdir" | "open" | "readFile" | "readdir" | "realpath" | "rename" | "stat" | "unlink"
>;

/** Not the module object: a test replaces single functions of a copy. */
export const realFs: StateFs = nodeFs;

/** `ENOENT` and the like; empty for anything that is not a system's error. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}

/** What happened to `path`, and what to do about it. */
export function explain(error: unknown, path: string): string {
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
      return `${path} cannot be replaced (${code}), as when it is a mount by itself: mount its directory instead`;
    case "ENOTDIR":
    case "EEXIST":
      return `${path} cannot be used: a part of its directory is a file; set STATE_FILE to another place`;
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

/** Unlinks; a file that is not there, or cannot go, is left to the next open. */
export async function discard(fs: StateFs, path: string): Promise<void> {
  await fs.unlink(path).catch(() => undefined);
}
