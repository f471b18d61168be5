import type { Delivery } from "../../src/plugin.ts";

/**
 * Why nodemailer could not talk to the server. nodemailer's own messages are not shown, because they may contain the
 * address.
 */
const FAULTS: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection closed by the mail server",
  ECONNECTION: "connection closed by the mail server",
  EDNS: "unknown host",
  ENOTFOUND: "unknown host",
  ETIMEDOUT: "the mail server did not answer in time",
  EPROTOCOL: "the answer is not SMTP",
  EABORT: "stopped before the mail server took it",
};
/** TLS errors of nodemailer, Node and OpenSSL. */
const TLS = /TLS|SSL|CERT|SELF_SIGNED|UNABLE_TO/;
/** Why a certificate is not trusted, by the codes of OpenSSL and Node. */
const CERTIFICATE: readonly (readonly [RegExp, string])[] = [
  [/SELF_SIGNED/, "self-signed"],
  [/ALTNAME/, "issued for another name"],
  [/EXPIRED|NOT_YET_VALID/, "not valid at this time"],
  [/CERT|UNABLE_TO/, "not signed by a known authority"],
];
const AUTH = new Set(["EAUTH", "ENOAUTH", "EOAUTH2"]);
const FINAL = new Set([...AUTH, "ECONFIG"]);

/** The texts of Node and Deno for a server that hangs up during the handshake; the code is that of any reset. */
const HANDSHAKE = /before secure TLS connection/;

interface SmtpFault {
  message?: string;
  code?: string;
  originalCode?: string;
  responseCode?: number;
  response?: string;
  /**
   * nodemailer's verdict whether the same message would be refused again. 503 is not permanent, although it begins
   * with 5.
   */
  permanent?: boolean;
}

/**
 * What an error of nodemailer means: 4xx and network errors are retried; 5xx and a refused login are final (RFC 5321,
 * 4.2.1).
 */
export function classifyFault(fault: unknown): Delivery {
  const { code = "", originalCode = "", responseCode, response, permanent } = (fault ?? {}) as SmtpFault;
  const said = response ?? "";
  const final = permanent ?? (responseCode === undefined ? FINAL.has(code) : responseCode >= 500);
  const outcome = final ? "rejected" : "retry";
  if (AUTH.has(code)) {
    const answer =
      said === "" ? "the mail server asks for a login" : `the mail server refused the login (${said})`;
    return { outcome, reason: `${answer}; check the user name and the password in SMTP_URL` };
  }
  // Also if the server rejects STARTTLS with a 5xx: that says nothing about the message.
  if (isTlsFault(fault)) return { outcome: "retry", reason: tlsReason(fault) };
  if (responseCode !== undefined) return { outcome, reason: `the mail server said ${said || responseCode}` };
  const known =
    FAULTS[originalCode] ?? FAULTS[code] ?? `no mail was sent (${originalCode || code || "unknown"})`;
  return { outcome, reason: known };
}

export function isTlsFault(fault: unknown): boolean {
  const { code = "", originalCode = "", message = "" } = (fault ?? {}) as SmtpFault;
  return TLS.test(`${originalCode} ${code}`) || HANDSHAKE.test(message);
}

export function isRefused(fault: unknown): boolean {
  return ((fault ?? {}) as SmtpFault).originalCode === "ECONNREFUSED";
}

/** What is wrong with TLS, and which setting would send the mail anyway. */
function tlsReason(fault: unknown): string {
  const { originalCode = "", responseCode } = (fault ?? {}) as SmtpFault;
  const why = CERTIFICATE.find(([pattern]) => pattern.test(originalCode))?.[1];
  if (why !== undefined) {
    return `the mail server's certificate is not trusted (${why}); set tls: opportunistic (EMAIL_TLS=opportunistic) to encrypt without verifying it`;
  }
  const what =
    responseCode === undefined
      ? `TLS with the mail server failed${originalCode === "" ? "" : ` (${originalCode})`}`
      : "the mail server offers no TLS";
  return `${what}; set tls: off (EMAIL_TLS=off) to send mails, and a password, in the clear`;
}
