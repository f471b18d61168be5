/** How settings are shown to people: a secret has a mark in its place, and the rest stays readable. */
import { isSecretName, SECRET_NAME } from "./names.ts";

/** What is shown in place of a secret. */
export const HIDDEN = "***";

const ADDRESS = /([a-z][a-z0-9+.-]{0,20}:\/\/)(\S*)/gi;
const HOST = /^(\[[\da-f:.]*\]|[^:]*)(:\d*)?$/i;
const ASSIGNED = new RegExp(
  `([\\w-]{0,40}(?:${SECRET_NAME.source})[\\w-]{0,40}(?:=|:\\s+))(?:(?:Bearer|Basic)\\s+)?[^\\s&]+`,
  "gi",
);

/**
 * Hides what the form of a text gives away: of an address all but its host, and what follows `TOKEN=`. `withPaths`: the
 * paths of addresses may be shown.
 */
export function hideByForm(text: string, withPaths: boolean): string {
  return text
    .replace(ADDRESS, (_, scheme: string, rest: string) => scheme + shownAddress(rest, withPaths))
    .replace(ASSIGNED, (_, name: string) => `${name}${HIDDEN}`);
}

/** `text`: an address without its scheme. */
function shownAddress(text: string, withPath: boolean): string {
  // A password may have any character in it: only in an address that is known to have none, an "@" is part of a path.
  const user = withPath ? "" : text.slice(0, text.lastIndexOf("@") + 1);
  const [, host = "", path = "", rest = ""] = /^([^/?#]*)([^?#]*)(.*)$/s.exec(text.slice(user.length)) ?? [];
  const start = `${user === "" ? "" : `${HIDDEN}@`}${HOST.test(host) ? host : HIDDEN}`;
  if (!withPath && path.length > 1) return `${start}/${HIDDEN}`;
  return `${start}${path}${rest === "" ? "" : `${rest[0]}${HIDDEN}`}`;
}

/** Whether what follows this word, as an argument of a command, is a secret: `--password`. */
export function announcesSecret(argument: unknown): boolean {
  return typeof argument === "string" && /^--?[\w-]+$/.test(argument) && isSecretName(argument);
}
