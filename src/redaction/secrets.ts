/** Finds the secrets in settings, in the environment and in requests. */
import { isPublicName, isSecretName } from "./names.ts";

/** Shorter parts of an address are words, such as `webhooks`. */
const KEY_LENGTH = 16;
/** Parts of this length are keys if they have a digit, such as `T0123456`. */
const SHORT_KEY_LENGTH = 8;
/** Shorter paths are words, such as `/health`. */
const PATH_LENGTH = 8;
const PUBLIC_HEADERS = new Set(["accept", "content-type", "user-agent"]);

/**
 * Adds the secrets of a value to `found`: texts with a secret name, and all of an address but its host. `isSecret`:
 * every text in the value is a secret, whatever its name.
 */
export function collectSecrets(value: unknown, isSecret: boolean, found: Set<string>): void {
  if (typeof value === "string") {
    if (URL.canParse(value)) addAddress(new URL(value), found);
    else if (isSecret) found.add(value);
  } else if (Array.isArray(value)) {
    for (const one of value) collectSecrets(one, isSecret, found);
  } else if (typeof value === "object" && value !== null) {
    for (const [name, one] of Object.entries(value)) {
      collectSecrets(one, !isPublicName(name) && (isSecret || isSecretName(name)), found);
    }
  }
}

/** The host may be shown; a password, the query, the whole path and a part that looks like a key may not. */
function addAddress(address: URL, found: Set<string>): void {
  // The path of a socket is its host.
  if (address.protocol === "unix:") return;
  const { pathname, search } = address;
  for (const part of [pathname + search, pathname]) if (part.length >= PATH_LENGTH) found.add(part);
  addKeys(address, found);
}

/** What is secret in the address of any service: a password, the query, and parts that look like keys. */
function addKeys({ pathname, search, searchParams, password }: URL, found: Set<string>): void {
  found.add(search).add(password).add(decoded(password));
  for (const part of [...pathname.split("/"), ...searchParams.values()]) {
    const text = decoded(part);
    // A receiver may echo Telegram's `bot<id>:<key>` without its beginning. The host of an address is no key.
    const pieces = text.includes("//") ? [] : text.split(/[:=]/);
    for (const piece of [part, text, ...pieces]) {
      if (looksLikeKey(piece)) found.add(piece);
    }
  }
}

function looksLikeKey(text: string): boolean {
  return text.length >= KEY_LENGTH || (text.length >= SHORT_KEY_LENGTH && /\d/.test(text));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A shell's folders: in these names, "pwd" does not mean a password. */
const FOLDERS = new Set(["PWD", "OLDPWD"]);

/** The values of the variables whose names say that they are secrets. After a name in `_FILE` comes a path. */
export function namedSecrets(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.keys(env)
    .filter((name) => isSecretName(name) && !FOLDERS.has(name) && !name.endsWith("_FILE"))
    .map((name) => env[name] ?? "");
}

/** Like `namedSecrets`, with all of a webhook's address, and the secret parts of other addresses. */
export function secretsOfEnvironment(env: Readonly<Record<string, string | undefined>>): Set<string> {
  const found = new Set(namedSecrets(env));
  for (const value of [...found]) collectSecrets(value.split(","), true, found);
  for (const [name, value = ""] of Object.entries(env)) {
    if (name.endsWith("_FILE") || isPublicName(name)) continue;
    if (/HOOK/i.test(name)) collectSecrets(value.split(","), true, found);
    else if (/URL|URI/i.test(name)) {
      for (const one of value.split(",")) if (URL.canParse(one)) addKeys(new URL(one), found);
    }
  }
  return found;
}

/**
 * The parts of a request that nobody else may see, and that a receiver may echo: its address and the values of its
 * headers.
 */
export function secretsOfRequest(request: { url: string; headers: Readonly<Record<string, string>> }) {
  const found = new Set<string>([request.url]);
  collectSecrets(request.url, true, found);
  for (const [name, value] of Object.entries(request.headers)) {
    if (PUBLIC_HEADERS.has(name.toLowerCase())) continue;
    // `Bearer <token>` may be echoed without its scheme.
    found.add(value).add(value.replace(/^\S+\s+/, ""));
  }
  return found;
}
