import type { SinkRequest } from "../plugin.ts";

/** A reason is one line on a phone. */
const REASON_LIMIT = 300;
/** Shorter parts of an address are words such as `api` or `hooks`, and hiding them would garble reasons. */
const SHORTEST_SECRET = 8;
const PUBLIC_HEADERS = new Set(["accept", "content-type", "user-agent"]);

/**
 * Makes a text fit to be shown: one line of at most 300 characters, every URL cut to its origin, and
 * nothing in it that `request` keeps secret (its address, tokens in the address, values of its headers),
 * since receivers echo what they were sent.
 */
export function redact(text: string, request?: Pick<SinkRequest, "url" | "headers">): string {
  let shown = request ? text.replaceAll(request.url, originOf(request.url)) : text;
  shown = shown.replace(/\bhttps?:\/\/[^\s"'<>]+/gi, (url) => originOf(url));
  for (const secret of request ? secretsOf(request) : []) shown = shown.replaceAll(secret, "…");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence must not reach a terminal.
  shown = shown.replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
  const characters = [...shown];
  return characters.length > REASON_LIMIT ? `${characters.slice(0, REASON_LIMIT - 1).join("")}…` : shown;
}

/** Longest first, so that a part of a secret never hides the rest of it. */
function secretsOf({ url, headers }: Pick<SinkRequest, "url" | "headers">): string[] {
  const found = new Set<string>();
  if (URL.canParse(url)) {
    const { pathname, search, searchParams } = new URL(url);
    found.add(pathname + search);
    for (const part of [...pathname.split("/"), ...searchParams.values()]) {
      found.add(part).add(decoded(part));
      // Telegram's `bot<id>:<key>` is echoed without its beginning.
      for (const piece of decoded(part).split(/[:=]/)) found.add(piece);
    }
  }
  for (const [name, value] of Object.entries(headers)) {
    if (PUBLIC_HEADERS.has(name.toLowerCase())) continue;
    found.add(value).add(value.replace(/^\S+\s+/, ""));
  }
  return [...found].filter((text) => text.length >= SHORTEST_SECRET).sort((a, b) => b.length - a.length);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function originOf(url: string): string {
  return URL.canParse(url) ? `${new URL(url).origin}/…` : "…";
}
