import type { Config } from "../config/config.ts";

/** Settings that are secrets by their name; a receiver's whole address is one. */
const SECRET_NAME = /url|secret|token|key|pass|auth|header|hook|receiver/i;
/** Shorter texts are words that stand in ordinary sentences. */
const SHORTEST = 8;

/** Every secret of the configuration, longest first, so that a part of one never hides the rest of it. */
export function secretsOf(config: Config): string[] {
  const found = new Set(config.tokens);
  for (const { name, options } of config.plugins) if (name !== "http") collect(options, false, found);
  for (const { options } of config.targets.values()) collect(options, false, found);
  return [...found].filter((secret) => secret.length >= SHORTEST).sort((a, b) => b.length - a.length);
}

function collect(value: unknown, isSecret: boolean, found: Set<string>): void {
  if (typeof value === "string") {
    if (isSecret) addText(value, found);
  } else if (Array.isArray(value)) {
    for (const one of value) collect(one, isSecret, found);
  } else if (typeof value === "object" && value !== null) {
    for (const [name, one] of Object.entries(value)) collect(one, isSecret || SECRET_NAME.test(name), found);
  }
}

/** Of an address the host may be shown: the path, the query and a password in it may not. */
function addText(text: string, found: Set<string>): void {
  if (!URL.canParse(text)) {
    found.add(text);
    return;
  }
  const { pathname, search, password } = new URL(text);
  for (const part of [pathname + search, pathname, search, password, ...pathname.split("/")]) found.add(part);
}

/** Hides what `secrets` holds, wherever it stands in a line. */
export function hiding(secrets: readonly string[]): (text: string) => string {
  return (text) => secrets.reduce((shown, secret) => shown.replaceAll(secret, "(hidden)"), text);
}
