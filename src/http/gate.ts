/**
 * Who sends a request, and whether it is let in. Probes are open to everybody. Everything else needs a token; where
 * none is configured, it must come from this machine, and not from a web page.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Context } from "hono";

/** `error` goes to the sender, `why` to the log. */
export interface Refusal {
  status: 401 | 403;
  error: string;
  why: string;
}

const OPEN_PATHS = new Set(["/livez", "/readyz", "/health"]);
const LOOPBACK_HOST = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i;

const NEEDED =
  "a valid token is needed: Authorization: Bearer <WATCHDOG_TOKEN>, or X-Api-Key: <WATCHDOG_TOKEN>, or Basic with it as the password";
const WRONG_TOKEN = "its token is neither in WATCHDOG_TOKEN nor in CRON_SECRET";
const NO_TOKEN = "it has no token: send Authorization: Bearer <WATCHDOG_TOKEN>";

/** Returns why a request is refused; `undefined` lets it in. Without tokens, the server listens on loopback only. */
export function createGate(current: () => readonly string[]): (c: Context) => Refusal | undefined {
  let tokens = current();
  let isKnown = createComparison(tokens);
  return (c) => {
    if (isOpen(c)) return undefined;
    if (tokens !== current()) {
      tokens = current();
      isKnown = createComparison(tokens);
    }
    if (tokens.length === 0) return isFromAPage(c);
    const authorization = c.req.header("authorization") ?? "";
    const apiKey = c.req.header("x-api-key") ?? "";
    // A browser remembers Basic credentials, and adds them to requests that any web page makes it send.
    if (/^Basic\b/i.test(authorization) && isCrossSite(c)) {
      const error = "requests of web pages are refused with Basic credentials";
      return { status: 403, error, why: "a web page sent it, with credentials that the browser remembers" };
    }
    if (isKnown(candidatesIn(authorization, apiKey))) return undefined;
    const why = authorization === "" && apiKey === "" ? NO_TOKEN : WRONG_TOKEN;
    return { status: 401, error: NEEDED, why };
  };
}

/** HAProxy's default check is `OPTIONS /`. */
function isOpen(c: Context): boolean {
  return OPEN_PATHS.has(c.req.path) || (c.req.path === "/" && c.req.raw.method === "OPTIONS");
}

/** Where a token may be: after `Bearer`, in `X-Api-Key`, and in `Basic` as the password, or as a user name without one. */
function candidatesIn(authorization: string, apiKey: string): string[] {
  const bearer = /^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? "";
  const basic = /^Basic +(\S+) *$/i.exec(authorization)?.[1] ?? "";
  const pair = Buffer.from(basic, "base64").toString();
  const password = pair.includes(":") ? pair.slice(pair.indexOf(":") + 1) : "";
  const userAlone = pair.endsWith(":") ? pair.slice(0, -1) : "";
  return [bearer, apiKey, password, userAlone];
}

const digest = (text: string) => createHash("sha256").update(text).digest();

/** Compares digests, which have equal length, in constant time: each token with each candidate, without an early end. */
function createComparison(tokens: readonly string[]): (candidates: readonly string[]) => boolean {
  const known = tokens.map(digest);
  return (candidates) => {
    let found = false;
    for (const given of candidates.map(digest)) {
      for (const token of known) found = timingSafeEqual(token, given) || found;
    }
    return found;
  };
}

/**
 * Over loopback without a token, any page in a browser on this machine could restart containers: by a cross-site
 * request, or by a host name of its own that resolves to loopback (DNS rebinding).
 */
function isFromAPage(c: Context): Refusal | undefined {
  const host = c.req.header("host") ?? "";
  const isForeign = host !== "" && !LOOPBACK_HOST.test(host);
  if (!isForeign && !isCrossSite(c)) return undefined;
  const error = "requests of web pages are refused where no token is configured";
  const why = isForeign ? "its Host is no loopback address" : "a web page sent it";
  return { status: 403, error, why: `${why}, and no token is configured: set WATCHDOG_TOKEN` };
}

function isCrossSite(c: Context): boolean {
  const origin = c.req.header("origin");
  const site = c.req.header("sec-fetch-site");
  if (site !== undefined && site !== "same-origin" && site !== "none") return true;
  return origin !== undefined && origin.replace(/^https?:\/\//, "") !== (c.req.header("host") ?? "");
}

/** The other end of the connection, which may be a proxy; `undefined` when there is no connection, as in tests. */
export function addressOf(c: Context): string | undefined {
  const env = c.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined;
  return env?.incoming?.socket?.remoteAddress;
}

/** The name that the request gives in `by=`, and the address that it came from. */
export function originOf(c: Context): string {
  const by = (c.req.query("by") ?? "")
    .replace(/[^\p{L}\p{N} ._@-]/gu, "")
    .slice(0, 60)
    .trim();
  const address = addressOf(c) ?? "HTTP";
  return by === "" ? address : `${by} (${address})`;
}
