import { CONNECTION_FAULTS, type Fault, fails, foreign, ours, rootOf } from "../network/reasons.ts";

const CLOSED = "connection closed before an answer";
const TRUST = "to trust it, name its authority's file in NODE_EXTRA_CA_CERTS (on Deno: in DENO_CERT too)";

/** `certified`: the name that the certificate must have. */
type Say = (host: string, certified: string) => Fault;
const wrongName: Say = (_, certified) => ({ reason: `certificate is not for ${certified}` });
const selfSigned = fails(`certificate is self-signed; ${TRUST}`);
const untrusted = fails(`certificate is signed by an unknown authority; ${TRUST}`);

/** Node: `error.code`. */
const BY_CODE: Readonly<Record<string, Say>> = {
  ...CONNECTION_FAULTS,
  ECONNRESET: fails("connection reset before an answer"),
  EPIPE: fails(CLOSED),
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

/**
 * Deno's errors have no codes. Texts that the other side can influence come first, so that they cannot be taken for
 * something else.
 */
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
  [/dns error.*(temporary failure)/i, BY_CODE.EAI_AGAIN!],
  [/dns error.*(memory|system error)/i, BY_CODE.EAI_SYSTEM!],
  [/dns error/i, BY_CODE.ENOTFOUND!],
  [/connection refused/i, BY_CODE.ECONNREFUSED!],
  [/connection reset/i, BY_CODE.ECONNRESET!],
  [/timed out/i, BY_CODE.ETIMEDOUT!],
  [/no route to host|host is unreachable/i, BY_CODE.EHOSTUNREACH!],
  [/network is unreachable/i, BY_CODE.ENETUNREACH!],
  [/closed before message completed|socket hang up|unexpected eof|broken pipe/i, fails(CLOSED)],
  [/message head is too large/i, fails("headers too long")],
  [/invalid HTTP|parsed|invalid (header|chunk|content-length)/i, fails("malformed HTTP answer")],
];

/**
 * Explains an error of the request. `host` is the host of the URL; with a `Host` header, the certificate must have
 * another name.
 */
export function faultOf(error: unknown, host: string, certified = host): Fault {
  const { code = "", message } = rootOf(error);
  // Node reports a closed connection with the code of a reset one.
  if (message === "socket hang up") return { reason: CLOSED };
  const byCode = BY_CODE[code];
  if (byCode) return byCode(host, certified);
  if (code.startsWith("HPE_")) return { reason: "malformed HTTP answer" };
  if (/^(ERR_SSL|ERR_TLS|EPROTO|CERT_)/.test(code)) return { reason: `TLS failed: ${foreign(message)}` };
  // Deno puts the URL into the text. Only what follows it says what went wrong.
  const text = message.replace(/^error sending request .*?client error \(\w+\): /s, "");
  if (!code) for (const [pattern, say] of BY_TEXT) if (pattern.test(text)) return say(host, certified);
  return { reason: `request failed: ${foreign(text)}${code && !text.includes(code) ? ` (${code})` : ""}` };
}
