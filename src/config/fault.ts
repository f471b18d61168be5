/** What is wrong with a configuration, said so that it can be mended without reading the source. */

export interface Fault {
  /** Where: `services.executor.interval`, `env PORT`, `watchdog.config.json:3:14`. */
  path: string;
  /** What was there, cut to 80 characters; `(hidden, 12 characters)` for a secret. */
  found: string;
  /** What may be there. */
  accepted: string;
}

const FOUND_LIMIT = 80;
const SECRET_NAME =
  /secret|token|passw|passphrase|pwd|key|auth|credential|cookie|header|signature|private|dsn/i;
// Control, format and direction characters could rewrite what a terminal shows of the line.
const UNPRINTABLE = /[\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Whether what stands under this name is a secret, as far as a name can tell. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

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
 * A value as a fault shows it. Objects and lists are only named, since a secret may be inside; a URL loses
 * its query, and is hidden whole when it may hold a password.
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
  return quote(/:\/\//.test(value) ? value.replace(/[?#].*$/s, "?(hidden)") : value);
}

/** A long key, or one with a URL in it, may be a secret in the wrong place. */
function keyText(key: string): string {
  return key.length <= 64 && !/:\/\/|@/.test(key) ? quote(key) : hidden(key);
}

/** `services.executor.dependsOn[1]`; a key that is not a plain word in brackets, `services["a.b"]`. */
export function joinPath(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    if (!/^[\w$-]{1,64}$/.test(key)) return `${text}[${keyText(key)}]`;
    return text === "" ? key : `${text}.${key}`;
  }, "");
}

/** What was found where an unknown key stands: its name, never its value. */
export function showUnknownKey(key: string): string {
  return `unknown key ${keyText(key)}`;
}

/**
 * The last line of defence: takes the values of secrets out of what is shown. Parsers and imported
 * modules write their own messages, and may quote what they read.
 */
export function redactFaults(faults: readonly Fault[], secrets: Iterable<string>): Fault[] {
  const values = [...secrets].filter((value) => value.length >= 6).sort((a, b) => b.length - a.length);
  return faults.map(({ path, found, accepted }) => ({
    path,
    found: values.reduce((rest, value) => rest.replaceAll(value, () => "(hidden)"), found),
    accepted,
  }));
}

/** For the terminal: a heading with the source, then two lines a fault. */
export function formatFaults(faults: readonly Fault[], source = "environment and file"): string {
  const heading = `The configuration (${source}) has ${faults.length} fault${faults.length === 1 ? "" : "s"}; nothing was started.`;
  const lines = faults.map(
    ({ path, found, accepted }) => `  ${path}: found ${found}\n    accepted: ${accepted}`,
  );
  return [heading, ...lines].join("\n");
}
