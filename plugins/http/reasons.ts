/** Why a request came to nothing. `unknown`: the fault is on our side, and says nothing about the service. */
export interface Fault {
  reason: string;
  unknown?: true;
}

/** Text of the other side, fit for a log and a chat: no control characters, no bidi tricks, cut. */
export function foreign(text: string, maxLength = 120): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, " ").trim();
  return clean.length > maxLength ? `${clean.slice(0, maxLength)}…` : clean;
}

/** `300 ms`, `5 s`, `1.5 s` */
export function showMs(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Number((ms / 1000).toFixed(1))} s`;
}

const CLOSED = "connection closed before an answer";
const NO_SOCKET = "no socket for this check";
const MORE_FILES = "raise the limit of open files (ulimit -n) or lower http.maxInFlight";
const TRUST = "to trust it, name its authority's file in NODE_EXTRA_CA_CERTS (on Deno: DENO_CERT)";

type Say = (host: string) => Fault;
const fails =
  (reason: string): Say =>
  () => ({ reason });
const ours =
  (reason: string): Say =>
  () => ({ reason, unknown: true });
const unknownHost: Say = (host) => ({ reason: `unknown host ${host}` });
const resolverSilent: Say = (host) => ({ reason: `unknown host ${host}: the name server did not answer` });
const wrongName: Say = (host) => ({ reason: `certificate is not for ${host}` });
const selfSigned = fails(`certificate is self-signed; ${TRUST}`);
const untrusted = fails(`certificate is signed by an unknown authority; ${TRUST}`);

/** Node: `error.code`. */
const BY_CODE: Record<string, Say> = {
  EMFILE: ours(`${NO_SOCKET}: too many open files; ${MORE_FILES}`),
  ENFILE: ours(`${NO_SOCKET}: too many open files on this machine`),
  ENOBUFS: ours(`${NO_SOCKET}: the system has no buffer left`),
  ENOMEM: ours(`${NO_SOCKET}: the system has no memory left`),
  EADDRNOTAVAIL: ours(`${NO_SOCKET}: no local address or port is free for it`),
  EAI_MEMORY: ours("the name could not be looked up: the system has no memory left"),
  EAI_SYSTEM: ours("the name could not be looked up: the system refused"),
  ENOTFOUND: unknownHost,
  EAI_NODATA: unknownHost,
  EAI_AGAIN: resolverSilent,
  ECONNREFUSED: fails("connection refused"),
  ECONNRESET: fails("connection reset before an answer"),
  EPIPE: fails(CLOSED),
  ETIMEDOUT: fails("connection timed out"),
  EHOSTUNREACH: fails("host unreachable"),
  ENETUNREACH: fails("network unreachable"),
  HPE_HEADER_OVERFLOW: fails("headers over 16 KiB"),
  CERT_HAS_EXPIRED: fails("certificate has expired"),
  CERT_NOT_YET_VALID: fails("certificate is not valid yet"),
  DEPTH_ZERO_SELF_SIGNED_CERT: selfSigned,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  ERR_TLS_CERT_ALTNAME_INVALID: wrongName,
  ERR_SSL_WRONG_VERSION_NUMBER: fails("TLS failed: the server does not speak TLS on this port"),
};

/** Deno: its errors have no code. What the other side can word comes first, so that it can pass for nothing else. */
const BY_TEXT: readonly (readonly [RegExp, Say])[] = [
  [/certificate.*(not valid for name|NotValidForName)/i, wrongName],
  [/certificate.*(CaUsedAsEndEntity|self.signed)/i, selfSigned],
  [/certificate.*UnknownIssuer/i, untrusted],
  [/certificate.*not ?valid ?yet/i, fails("certificate is not valid yet")],
  [/certificate.*expired/i, fails("certificate has expired")],
  [/corrupt message|InvalidContentType/i, fails("TLS failed: the server does not speak TLS on this port")],
  [/too many open files/i, BY_CODE.EMFILE!],
  [/cannot assign requested address|can't assign requested address/i, BY_CODE.EADDRNOTAVAIL!],
  [/no buffer space/i, BY_CODE.ENOBUFS!],
  [/cannot allocate memory/i, BY_CODE.ENOMEM!],
  [/Requests to port \d+ are blocked/, ours("Deno's fetch refuses to ask this port: use another, or Node")],
  [/dns error.*(temporary failure)/i, resolverSilent],
  [/dns error.*(memory|system error)/i, BY_CODE.EAI_SYSTEM!],
  [/dns error/i, unknownHost],
  [/connection refused/i, BY_CODE.ECONNREFUSED!],
  [/connection reset/i, BY_CODE.ECONNRESET!],
  [/timed out/i, BY_CODE.ETIMEDOUT!],
  [/no route to host|host is unreachable/i, BY_CODE.EHOSTUNREACH!],
  [/network is unreachable/i, BY_CODE.ENETUNREACH!],
  [/closed before message completed|socket hang up|unexpected eof|broken pipe/i, fails(CLOSED)],
  [/message head is too large/i, fails("headers too long")],
  [/invalid HTTP|parsed|invalid (header|chunk|content-length)/i, fails("malformed HTTP answer")],
];

/** What an error of the request means, for people. `host` is the URL's. */
export function faultOf(error: unknown, host: string): Fault {
  const { code = "", message } = rootOf(error);
  // Node gives a connection that was closed the code of one that was reset.
  if (message === "socket hang up") return { reason: CLOSED };
  const byCode = BY_CODE[code];
  if (byCode) return byCode(host);
  if (code.startsWith("HPE_")) return { reason: "malformed HTTP answer" };
  if (/^(ERR_SSL|ERR_TLS|EPROTO|CERT_)/.test(code)) return { reason: `TLS failed: ${foreign(message)}` };
  // Deno words the request's URL into the text: only what follows it tells what went wrong.
  const text = message.replace(/^error sending request .*?client error \(\w+\): /s, "");
  if (!code) for (const [pattern, say] of BY_TEXT) if (pattern.test(text)) return say(host);
  return { reason: `request failed: ${foreign(text)}${code && !text.includes(code) ? ` (${code})` : ""}` };
}

interface Root {
  code?: string;
  message: string;
}

/** The error that the others were wrapped around (ofetch's FetchError, Deno's "fetch failed"). */
function rootOf(error: unknown): Root {
  let root = error as Error & { code?: unknown };
  for (let depth = 0; depth < 5 && root?.cause instanceof Error; depth++) root = root.cause as typeof root;
  if (root instanceof AggregateError) return decisive(root.errors as Root[]);
  const code = typeof root?.code === "string" ? root.code : undefined;
  return { code, message: String(root?.message ?? root) };
}

/**
 * A name with several addresses fails with an error of each. Want of files decides: the last address may
 * have been fine. Want of an address does not: it is how a machine without IPv6 answers for `::1`.
 */
function decisive(errors: readonly Root[]): Root {
  const shortage = errors.find(({ code }) => code === "EMFILE" || code === "ENFILE" || code === "ENOBUFS");
  const reached = errors.find(({ code }) => code !== "EADDRNOTAVAIL" && code !== "ENETUNREACH");
  return shortage ?? reached ?? errors[0] ?? { message: "no address answered" };
}
