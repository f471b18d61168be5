import type { Delivery } from "../../src/plugin.ts";

/** Why nodemailer could not speak to the server. Its own messages are not shown: they may carry the address. */
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
/** Of nodemailer, of Node's TLS and of OpenSSL. */
const TLS = /TLS|SSL|CERT|SELF_SIGNED|UNABLE_TO/;
const AUTH = new Set(["EAUTH", "ENOAUTH", "EOAUTH2"]);
const FINAL = new Set([...AUTH, "ECONFIG"]);

interface SmtpFault {
  code?: string;
  originalCode?: string;
  responseCode?: number;
  response?: string;
  /** nodemailer: whether the same message would be refused again. 503 is not, although it begins with 5. */
  permanent?: boolean;
}

/**
 * What a fault of nodemailer means: 4xx and faults of the network are tried again; 5xx, and a login that is
 * refused, are final (RFC 5321, 4.2.1). `hide` takes secrets out of what the server said.
 */
export function classifyFault(fault: unknown, hide: (text: string) => string): Delivery {
  const { code = "", originalCode = "", responseCode, response, permanent } = (fault ?? {}) as SmtpFault;
  const said = hide(response ?? "");
  const final = permanent ?? (responseCode === undefined ? FINAL.has(code) : responseCode >= 500);
  const outcome = final ? "rejected" : "retry";
  if (AUTH.has(code)) {
    const answer =
      said === "" ? "the mail server asks for a login" : `the mail server refused the login (${said})`;
    return { outcome, reason: `${answer}; check the user name and the password in SMTP_URL` };
  }
  // Also where the server refuses STARTTLS with a 5xx: that says nothing of the message.
  if (TLS.test(`${originalCode} ${code}`)) {
    return {
      outcome: "retry",
      reason: "TLS: none is offered, or its certificate or protocol is not accepted",
    };
  }
  if (responseCode !== undefined) return { outcome, reason: `the mail server said ${said || responseCode}` };
  const known =
    FAULTS[originalCode] ?? FAULTS[code] ?? `no mail was sent (${originalCode || code || "unknown"})`;
  return { outcome, reason: known };
}
