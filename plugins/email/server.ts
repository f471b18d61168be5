import { Buffer } from "node:buffer";
import * as v from "valibot";

/** A mail server, and how to log in there. */
export interface MailServer {
  host: string;
  port: number;
  /** TLS from the first byte (`smtps:`); otherwise STARTTLS, if the server offers it. */
  secure: boolean;
  /** No mail, and no password, without TLS. */
  requireTLS: boolean;
  auth?: { user: string; pass: string };
  tls: { rejectUnauthorized: boolean };
}

const ACCEPTED =
  'an address such as "smtp://user:password@mail.example.com:587" or "smtps://…:465", special characters in the password as %XX, and after "?" nothing but requireTLS=true|false and tls.rejectUnauthorized=false';
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/**
 * The parts of an `SMTP_URL` that are known to be harmless; nodemailer's own reader would let it name any
 * option, among them transports that send nothing. A password asks for TLS (loopback aside) unless
 * `requireTLS=false` says otherwise. `undefined` for what is no such address.
 */
export function parseServer(text: unknown): MailServer | undefined {
  if (typeof text !== "string" || !URL.canParse(text)) return undefined;
  const { protocol, hostname, port, username, password, pathname, searchParams } = new URL(text);
  if (!/^smtps?:$/.test(protocol) || hostname === "" || !["", "/"].includes(pathname)) return undefined;
  const asked = Object.fromEntries(searchParams);
  const { requireTLS, "tls.rejectUnauthorized": rejectUnauthorized, ...unknown } = asked;
  const flags = [requireTLS, rejectUnauthorized].filter((flag) => flag !== undefined);
  if (Object.keys(unknown).length > 0 || !flags.every((flag) => /^(true|false)$/.test(flag)))
    return undefined;
  const secure = protocol === "smtps:";
  try {
    const auth = { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
    return {
      host: hostname.replace(/^\[(.*)\]$/, "$1"),
      port: port === "" ? (secure ? 465 : 587) : Number(port),
      secure,
      requireTLS: requireTLS ? requireTLS === "true" : password !== "" && !LOOPBACK.test(hostname),
      tls: { rejectUnauthorized: rejectUnauthorized !== "false" },
      ...(username !== "" && { auth }),
    };
  } catch {
    return undefined;
  }
}

export const mailServer = v.pipe(
  v.unknown(),
  v.check((value) => parseServer(value) !== undefined, ACCEPTED),
  v.transform((value) => parseServer(value)!),
  v.metadata({ secret: true }),
);

/** Takes out of a server's answer what it may echo of a login: as it is, and as AUTH PLAIN and LOGIN write it. */
export function hideLogin({ auth }: MailServer, text: string): string {
  if (!auth || auth.pass === "") return text;
  const { user, pass } = auth;
  const base64 = (part: string) => Buffer.from(part).toString("base64");
  const secrets = [base64(`\u0000${user}\u0000${pass}`), base64(pass), encodeURIComponent(pass), pass];
  return secrets.reduce((shown, one) => shown.replaceAll(one, "…"), text);
}
