/** Remembers which files a configuration was read from, and whether their content has changed since. */
import { readdir, realpath, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { LoadInput } from "./load.ts";
import { readWholeFile } from "./whole-file.ts";

export interface Tracked {
  /** What the configuration is read with. */
  io: Required<Pick<LoadInput, "readFile" | "readFolder" | "importModule">>;
  /** Tells the content of all that was read, as it is now. Never rejects. */
  fingerprint(): Promise<string>;
  /** The fingerprint of what was read, when it was read. */
  known(): Promise<string>;
  /**
   * A file that was read and is not the one with its name any more: it was mounted alone into a container and replaced
   * on the host. The container keeps the old one.
   */
  replaced(): Promise<string | undefined>;
}

/** No file of a configuration begins so. */
const ERROR = "\0error ";
const CHANGED = "\0changed";

export function trackFiles(): Tracked {
  /** What was found, by `file` or `folder` and path. */
  const read = new Map<string, string>();

  async function reading<T>(key: string, look: () => Promise<T>): Promise<T> {
    const found = await looked(look);
    // What was read twice, with a change in between, has changed since.
    read.set(key, (read.get(key) ?? found.content) === found.content ? found.content : CHANGED);
    if ("error" in found) throw found.error;
    return found.value;
  }

  return {
    io: {
      readFile: (path) => reading(`file ${path}`, () => readWholeFile(path)),
      readFolder: (path) => reading(`folder ${path}`, () => readdir(path)),
      async importModule(specifier) {
        if (!specifier.startsWith("file:")) return import(specifier);
        const path = fileURLToPath(specifier);
        const key = `file ${path}`;
        const look = () => reading(key, () => readWholeFile(path)).catch(() => undefined);
        await look();
        const content = read.get(key)!;
        const { cache } = createRequire(import.meta.url);
        // Node keeps a module for as long as it runs, even one that failed: an ES module by its URL, others by their path.
        for (const known of [path, await realpath(path).catch(() => path)]) delete cache?.[known];
        const module = await import(
          content.startsWith(ERROR) ? specifier : await withDigest(specifier, content)
        );
        await look();
        return module;
      },
    },
    known: () => fingerprintOf(read),
    async fingerprint() {
      const now = new Map<string, string>();
      for (const key of read.keys()) {
        const [kind, path] = [key.slice(0, key.indexOf(" ")), key.slice(key.indexOf(" ") + 1)];
        const look = () => (kind === "file" ? readWholeFile(path) : readdir(path));
        // A pipe has been read to its end.
        const isPipe = kind === "file" && (await stat(path).catch(() => undefined))?.isFile() === false;
        now.set(key, isPipe ? read.get(key)! : (await looked<unknown>(look)).content);
      }
      return fingerprintOf(now);
    },
    async replaced() {
      for (const key of read.keys()) {
        if (!key.startsWith("file ")) continue;
        const path = key.slice("file ".length);
        const found = await stat(path).catch(() => undefined);
        if (found?.nlink === 0) return path;
      }
      return undefined;
    },
  };
}

async function looked<T>(
  look: () => Promise<T>,
): Promise<{ content: string; value: T } | { content: string; error: unknown }> {
  try {
    const value = await look();
    return { content: Array.isArray(value) ? JSON.stringify([...value].sort()) : String(value), value };
  } catch (error) {
    return { content: `${ERROR}${String((error as { code?: unknown } | null)?.code)}`, error };
  }
}

async function withDigest(specifier: string, content: string): Promise<string> {
  const url = new URL(specifier);
  url.searchParams.set("content", (await sha256(content)).slice(0, 16));
  return url.href;
}

const fingerprintOf = (contents: ReadonlyMap<string, string>) => sha256(JSON.stringify([...contents]));

/** Imported late: a one-shot tick compares nothing. */
async function sha256(text: string): Promise<string> {
  const { createHash } = await import("node:crypto");
  return createHash("sha256").update(text).digest("hex");
}
