/** Takes secrets out of texts that people will read, and bounds them. Pure. */

const HIDDEN = "[redacted]";

/** Names under which secrets are kept, in `NAME=value`, `"name": "value"` and `--name value`. */
const SECRET_NAME =
  "(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)";
const VALUE = `(?:"(?:[^"\\\\]|\\\\.)*"|'[^']*'|[\\\\"']*[^\\s,;&"'\\\\]+)`;

/** In this order: a block before its lines, a URL before the words in it. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, HIDDEN],
  [/([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/"']*@/gi, `$1${HIDDEN}@`],
  [/\b(https:\/\/hooks\.slack\.com\/)\S+/gi, `$1${HIDDEN}`],
  [/(\/api\/webhooks\/)\S+/gi, `$1${HIDDEN}`],
  [/(authorization\\?["']?\s*[:=]\s*\\?["']?)[^"'\r\n,\\]+/gi, `$1${HIDDEN}`],
  [/\b(bearer)\s+[\w.~+/=-]{6,}/gi, `$1 ${HIDDEN}`],
  [new RegExp(`(${SECRET_NAME}\\w{0,30}\\\\?["']?\\s*(?:=>|[:=])\\s*)${VALUE}`, "gi"), `$1${HIDDEN}`],
  [new RegExp(`(--?${SECRET_NAME}\\w{0,30}\\s+)${VALUE}`, "gi"), `$1${HIDDEN}`],
  [/([?&](?:sig|signature|key|code)=)[^\s&"']+/gi, `$1${HIDDEN}`],
  [/\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g, HIDDEN],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, HIDDEN],
  [
    /\b(?:gh[pousr]_|github_pat_|glpat-|npm_|whsec_|xox[abeprs]-|[sr]k[-_](?:live|test|proj|ant)[-_]|sk-|AIza)[\w+/=-]{16,}/g,
    HIDDEN,
  ],
  [/\b\d{8,10}:[\w-]{35}\b/g, HIDDEN],
  // A line of a key whose BEGIN was cut off; digests in hexadecimal are spared.
  [/(^|\s)(?![0-9a-f]+(?:\s|$))[A-Za-z0-9+/]{60,}={0,2}(?=\s|$)/gm, `$1${HIDDEN}`],
];

/** `known`: values that are secret wherever they appear. */
export type Redact = (text: string, known?: readonly string[]) => string;

/** `extra`: regular expressions of the configuration, matched without regard to case. */
export function createRedact(extra: readonly string[] = []): Redact {
  const configured = extra.map((source) => new RegExp(source, "gi"));
  return (text, known = []) => {
    let clean = text;
    for (const value of known) clean = clean.replaceAll(value, HIDDEN);
    for (const [pattern, by] of PATTERNS) clean = clean.replace(pattern, by);
    for (const pattern of configured) clean = clean.replace(pattern, HIDDEN);
    return clean;
  };
}

/** The values of the variables (`NAME=value`) that look like secrets by their names, longest first. */
export function secretValues(env: readonly string[]): string[] {
  const values: string[] = [];
  for (const entry of env) {
    const at = entry.indexOf("=");
    const value = entry.slice(at + 1);
    // A shorter value ("true", "8080") would blot out half of the log.
    if (/pass|pwd|secret|token|key|credential|dsn/i.test(entry.slice(0, at)) && value.length >= 6)
      values.push(value);
  }
  return values.sort((a, b) => b.length - a.length);
}

/** One readable line of at most `max` characters: no control characters, no colours. */
export function oneLine(text: string, max: number): string {
  const plain = text
    .replace(/\p{Cc}\[[0-9;]*[A-Za-z]/gu, "")
    .replace(/\p{Cc}+/gu, " ")
    .trim();
  if (plain.length <= max) return plain;
  // Not through the middle of a surrogate pair: the text goes into JSON.
  return `${plain.slice(0, max - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}
