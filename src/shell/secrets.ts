import type { Config } from "../config/config.ts";

/** Texts under these names are secrets, whatever they look like; of an address, under any name, a part is. */
const SECRET_NAME = /secret|token|key|pass|authorization|headers/i;
/** Shorter texts are words that stand in ordinary sentences. */
const SHORTEST = 8;
/** A part of a path that is shorter is a word such as `webhooks`. */
const KEY_LENGTH = 16;

/** Every secret of the configuration, longest first, so that a part of one never hides the rest of it. */
export function secretsOf(config: Config): string[] {
  const found = new Set(config.tokens);
  for (const { name, options } of config.plugins) if (name !== "http") collect(options, false, found);
  for (const { options } of config.targets.values()) collect(options, false, found);
  return [...found].filter((secret) => secret.length >= SHORTEST).sort((a, b) => b.length - a.length);
}

function collect(value: unknown, isSecret: boolean, found: Set<string>): void {
  if (typeof value === "string") {
    if (URL.canParse(value)) addAddress(new URL(value), found);
    else if (isSecret) found.add(value);
  } else if (Array.isArray(value)) {
    for (const one of value) collect(one, isSecret, found);
  } else if (typeof value === "object" && value !== null) {
    for (const [name, one] of Object.entries(value)) collect(one, isSecret || SECRET_NAME.test(name), found);
  }
}

/** The host may be shown; a password, the query and the whole path may not, nor a part that looks like a key. */
function addAddress({ pathname, search, searchParams, password }: URL, found: Set<string>): void {
  for (const part of [pathname + search, pathname, search, password, decoded(password)]) found.add(part);
  const parts = [...pathname.split("/"), ...searchParams.values()];
  for (const part of parts) if (part.length >= KEY_LENGTH) found.add(part);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Hides what `secrets` holds, wherever it stands in a line. */
export function hiding(secrets: readonly string[]): (text: string) => string {
  return (text) => secrets.reduce((shown, secret) => shown.replaceAll(secret, "(hidden)"), text);
}
