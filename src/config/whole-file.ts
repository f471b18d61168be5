/** Reads a file that others may be writing at the same time. */
import { open } from "node:fs/promises";

/** The size limit. Ten thousand services take about 3 MiB. */
const MOST_BYTES = 16 * 1024 * 1024;
const TRIES = 3;

/** Rejects with `EFBIG` if the file is too large, and with `EBUSY` if it changes during every attempt to read it. */
export async function readWholeFile(path: string): Promise<string> {
  for (let tries = 0; tries < TRIES; tries++) {
    const file = await open(path);
    try {
      const before = await file.stat();
      if (before.size > MOST_BYTES) throw Object.assign(new Error("too large"), { code: "EFBIG" });
      const text = await file.readFile("utf8");
      const after = await file.stat();
      // A pipe can be read only once.
      if (!before.isFile()) return text;
      if (after.size === before.size && after.mtimeMs === before.mtimeMs) return text;
    } finally {
      await file.close();
    }
  }
  throw Object.assign(new Error("it changes"), { code: "EBUSY" });
}
