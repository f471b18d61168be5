/** The shapes of secrets that nobody declared: tokens in URLs, headers, `password=…`, keys of known services. */
import { SECRET_WORD } from "./names.ts";

export const REDACTED = "[redacted]";

const VALUE = `(?:"(?:[^"\\\\]|\\\\.)*"|'[^']*'|[\\\\"']*[^\\s,;&"'\\\\]+)`;
/** As long as the shortest key of a webhook. Digests in hexadecimal are not keys: engines and registries print them. */
const PATH_KEY = "(?=[\\w~%+=:-]*\\d)(?![0-9a-f]{64}(?![\\w-]))[\\w~%+=:-]{16,}";

/** What the help says to send; it gives nothing away. */
const NOT_OF_HELP = "(?!\\s*(?:Bearer )?<WATCHDOG_TOKEN>)";

/** In this order: a block before its lines, a URL before the words in it. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, REDACTED],
  [/([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/"']*@/gi, `$1${REDACTED}@`],
  [/\b(https:\/\/hooks\.slack\.com\/)[^\s"'<>]+/gi, `$1${REDACTED}`],
  [/(\/api\/webhooks\/)[^\s"'<>]+/gi, `$1${REDACTED}`],
  [/\b((?:https?|wss?):\/\/[^\s"'<>?#]+\?)[^\s"'<>]+/gi, `$1${REDACTED}`],
  [
    new RegExp(
      `((?:authorization|cookie)\\\\?["']?\\s*[:=]${NOT_OF_HELP}\\s*\\\\?["']?)[^"'\r\n,\\\\]+`,
      "gi",
    ),
    `$1${REDACTED}`,
  ],
  [/\b(bearer)\s+[\w.~+/=-]{6,}/gi, `$1 ${REDACTED}`],
  // "There is no token: send one" gives nothing away.
  [
    new RegExp(
      `((?<!\\bno )${SECRET_WORD}\\w{0,30}\\\\?["']?\\s*(?:=>|[:=])${NOT_OF_HELP}\\s*)${VALUE}`,
      "gi",
    ),
    `$1${REDACTED}`,
  ],
  [new RegExp(`(--?${SECRET_WORD}\\w{0,30}\\s+)${VALUE}`, "gi"), `$1${REDACTED}`],
  [/([?&](?:sig|signature|key|code)=)[^\s&"']+/gi, `$1${REDACTED}`],
  [/\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*/g, REDACTED],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, REDACTED],
  [
    /\b(?:gh[pousr]_|github_pat_|glpat-|npm_|whsec_|xox[abeprs]-|[sr]k[-_](?:live|test|proj|ant)[-_]|sk-|AIza)[\w+/=-]{16,}/g,
    REDACTED,
  ],
  [/\b\d{8,10}:[\w-]{35}\b/g, REDACTED],
  // A line of a key whose BEGIN was cut off; digests in hexadecimal are spared.
  [/(^|\s)(?![0-9a-f]+(?:\s|$))[A-Za-z0-9+/]{60,}={0,2}(?=\s|$)/gm, `$1${REDACTED}`],
];

const URL_PATH = /\b((?:https?|wss?):\/\/[^\s"'<>/]+)(\/[^\s"'<>?#]+)/gi;
const KEY_IN_PATH = new RegExp(`(?<=\\/)${PATH_KEY}(?=\\/|$)`, "g");

/** Each pattern needs one of these; most lines have none of them. */
const ANY = new RegExp(
  `-----BEGIN|://|/api/webhooks/|${SECRET_WORD}|authorization|cookie|bearer|[?&](?:sig|key|code)|eyJ|A[KS]IA|gh[pousr]_|_pat_|npm_|whsec_|glpat-|xox|[rs]k[_-]|AIza|\\d{8}:|[A-Za-z0-9+/]{60}`,
  "i",
);

/** Hides what has the shape of a secret. Hiding twice changes nothing more. */
export function hideShapes(text: string): string {
  if (!ANY.test(text)) return text;
  let shown = text;
  for (const [pattern, by] of PATTERNS) shown = shown.replace(pattern, by);
  return shown.replace(URL_PATH, (_, origin: string, path: string) => {
    return origin + path.replace(KEY_IN_PATH, REDACTED);
  });
}
