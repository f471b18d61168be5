/** The words by which a secret is known: in names of settings, variables and headers, and in ordinary text. */

/** After one of these, text such as `word=value` or `word: value` gives a secret away. */
const WORDS = [
  "secret",
  "token",
  "passwd",
  "password",
  "passphrase",
  "passcode",
  "pwd",
  "credential",
  "dsn",
  "api[_-]?key",
  "access[_-]?key",
  "private[_-]?key",
  "signing[_-]?key",
  "encryption[_-]?key",
  "[_-]pass",
];

/** Common words in sentences (`author: Bob`, `the key: …`), so they count only in the name of a setting. */
const WORDS_IN_NAMES = ["pass(?![a-z])", "key", "auth", "cookie", "header", "signature", "private"];

/** For patterns that look for names in text; no group in it is captured. */
export const SECRET_WORD = `(?:${WORDS.join("|")})`;

export const SECRET_NAME = new RegExp([...WORDS, ...WORDS_IN_NAMES].join("|"), "i");
/**
 * Each of these has a word of the list in its name. A `Host` header may be the name of a container; `keyFile` is a path.
 */
const PUBLIC_NAMES = /^host$|json_?key$|key_?file$/i;

/** Whether the value of this setting, variable or header is a secret, as far as its name can tell. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) && !isPublicName(name);
}

/** Whether the value is shown even where everything around it is secret. */
export function isPublicName(name: string): boolean {
  return PUBLIC_NAMES.test(name);
}
