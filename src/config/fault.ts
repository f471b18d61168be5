/** What is wrong with a configuration, in words that suffice to fix it. */
import { createRedactor } from "../redaction/redactor.ts";
import { secretsOfEnvironment } from "../redaction/secrets.ts";

export interface Fault {
  /** The place: `services.executor.interval`, `env PORT`, `watchdog.config.json:3:14`. */
  path: string;
  /** The value that was there, cut to 80 characters; `(hidden, 12 characters)` for a secret. */
  found: string;
  /** The values that are accepted. */
  accepted: string;
}

const FOUND_LIMIT = 80;
// Control, format and direction characters could change what a terminal shows of the line.
const UNPRINTABLE = /[\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Text in quotes, on one line, cut to 80 characters between characters. */
export function quote(text: string): string {
  const letters = [...text];
  const cut = letters.length > FOUND_LIMIT - 2 ? `${letters.slice(0, FOUND_LIMIT - 3).join("")}…` : text;
  return JSON.stringify(cut).replace(
    UNPRINTABLE,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function hidden(text: string): string {
  return `(hidden, ${text.length} character${text.length === 1 ? "" : "s"})`;
}

/**
 * A value as a fault shows it. Objects and lists are not printed, because they may contain a secret. A URL loses its
 * query, and is hidden completely if it may contain a password.
 */
export function show(value: unknown, secret = false): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object") return "an object";
  if (typeof value === "function") return "a function";
  if (secret) return hidden(String(value));
  if (typeof value !== "string") return String(value).slice(0, FOUND_LIMIT);
  if (/:[^@]*@/.test(value)) return hidden(value);
  return quote(/:\/\//.test(value) ? value.replace(/[?#].*$/s, "?[redacted]") : value);
}

/** A long key, or one with a URL in it, may be a misplaced secret. */
function keyText(key: string): string {
  return key.length <= 64 && !/:\/\/|@/.test(key) ? quote(key) : hidden(key);
}

/** `services.executor.dependsOn[1]`. A key that is not a plain word is quoted: `services["a.b"]`. */
export function joinPath(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    if (!/^[\w$-]{1,64}$/.test(key)) return `${text}[${keyText(key)}]`;
    return text === "" ? key : `${text}.${key}`;
  }, "");
}

/** An unknown key in a fault: its name, never its value. */
export function showUnknownKey(key: string): string {
  return `unknown key ${keyText(key)}`;
}

/**
 * The last line of defence: hides secrets in faults. Parsers and imported modules have their own messages, which may
 * quote what they read.
 */
export function redactFaults(
  faults: readonly Fault[],
  env: Readonly<Record<string, string>>,
  secrets: readonly string[] = [],
): Fault[] {
  const redact = createRedactor([...secretsOfEnvironment(env), ...secrets]);
  return faults.map(({ path, found, accepted }) => ({ path, found: redact(found), accepted }));
}

/** For the terminal: a heading with the source, then two lines per fault. */
export function formatFaults(
  faults: readonly Fault[],
  source = "environment and file",
  consequence = "nothing was started",
): string {
  const heading = `The configuration (${source}) has ${faults.length} fault${faults.length === 1 ? "" : "s"}; ${consequence}.`;
  const lines = faults.map(
    ({ path, found, accepted }) => `  ${path}: found ${found}\n    accepted: ${accepted}`,
  );
  return [heading, ...lines].join("\n");
}
