/** Reads a state file, and says what is wrong with one that cannot be used. */
import { reviveTimes } from "./codec.ts";
import { codeOf, explain, type StateFs } from "./disk.ts";

export type Loaded =
  | { kind: "none" }
  | { kind: "state"; value: object; version: number }
  | { kind: "broken" | "newer" | "unusable"; reason: string };

/** `version`: the format that this watchdog writes; an older one is handed over with its own number. */
export async function loadState(fs: StateFs, path: string, version: number): Promise<Loaded> {
  let bytes: Uint8Array;
  try {
    const stats = await fs.stat(path);
    if (!stats.isFile()) {
      return { kind: "unusable", reason: `${path} is not a plain file: set STATE_FILE to another place` };
    }
    bytes = await fs.readFile(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return { kind: "none" };
    return { kind: "unusable", reason: `the state cannot be read: ${explain(error, path)}` };
  }
  return parseState(bytes, path, version);
}

function parseState(bytes: Uint8Array, path: string, version: number): Loaded {
  const broken = (what: string): Loaded => ({ kind: "broken", reason: `${path} ${what}` });
  if (bytes.length === 0) return broken("is empty");
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    reviveTimes(parsed);
  } catch {
    // The parser's own words quote the file, and the file may hold what is not for a log.
    return broken(`is not whole JSON (${bytes.length} bytes): it was cut off or overwritten`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    return broken("does not hold a JSON object");
  }
  const { version: found, ...value } = parsed as Record<string, unknown>;
  if (typeof found !== "number" || !Number.isInteger(found) || found < 1) {
    return broken(`has no version (found ${describeVersion(found)}, accepted 1 to ${version})`);
  }
  if (found <= version) return { kind: "state", value, version: found };
  return {
    kind: "newer",
    reason: `${path} has version ${found} of the format, and this watchdog reads versions up to ${version}: start the newer watchdog that wrote it, or move the file away (this one then starts without a memory), or set STATE_FILE to another file`,
  };
}

function describeVersion(found: unknown): string {
  if (found === undefined) return "none";
  return typeof found === "number" ? String(found) : `a ${found === null ? "null" : typeof found}`;
}
