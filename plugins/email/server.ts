import * as v from "valibot";

export const TLS_MODES = ["verify", "opportunistic", "off"] as const;
export type TlsMode = (typeof TLS_MODES)[number];

/** A mail server, and the login for it. */
export interface MailServer {
  host: string;
  /** Tried in this order; the next one if a port is closed. */
  ports: number[];
  /** TLS from the first byte (`smtps:`); otherwise STARTTLS, if the server offers it. */
  secure: boolean;
  /** `requireTLS` in the URL. */
  requireTLS?: boolean;
  auth?: { user: string; pass: string };
  /** The mode unless the setting `tls` overrides it. */
  tls: TlsMode;
}

/** How a connection is secured, with nodemailer's options. */
export interface Security {
  secure: boolean;
  requireTLS: boolean;
  ignoreTLS: boolean;
  tls: { rejectUnauthorized: boolean };
}

const ACCEPTED =
  'an address such as "smtp://user:password@mail.example.com:587" or "smtps://…:465", special characters in the password as %XX, and after "?" nothing but requireTLS=true|false and tls.rejectUnauthorized=false';
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
const SUBMISSION_PORT = 587;
/** The port of a host's own Postfix or Exim; Debian's packages do not open the submission port. */
const SMTP_PORT = 25;

/**
 * Reads only the parts of an `SMTP_URL` that are known to be harmless. nodemailer's own parser would accept any
 * option, even a transport that sends nothing. `undefined` if the text is not a valid address.
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
  // On loopback nobody can listen in, and a host's own mail server has a self-signed certificate.
  const isOwn = LOOPBACK.test(hostname) && password === "";
  const ports = secure ? [465] : isOwn ? [SUBMISSION_PORT, SMTP_PORT] : [SUBMISSION_PORT];
  const verifies = rejectUnauthorized === undefined ? !isOwn : rejectUnauthorized === "true";
  try {
    const auth = { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
    return {
      host: hostname.replace(/^\[(.*)\]$/, "$1"),
      ports: port === "" ? ports : [Number(port)],
      secure,
      ...(requireTLS && { requireTLS: requireTLS === "true" }),
      tls: verifies ? "verify" : "opportunistic",
      ...(username !== "" && { auth }),
    };
  } catch {
    return undefined;
  }
}

/** A password requires TLS, except on loopback, unless `requireTLS=false` or `tls: off` overrides it. */
export function securityOf(server: MailServer, mode: TlsMode = server.tls): Security {
  const { host, secure, auth, requireTLS } = server;
  const isRemote = !LOOPBACK.test(host) && host !== "::1";
  const needsTls = requireTLS ?? (isRemote && (auth?.pass ?? "") !== "");
  return {
    secure,
    requireTLS: mode !== "off" && needsTls,
    ignoreTLS: mode === "off",
    tls: { rejectUnauthorized: mode === "verify" },
  };
}

/** `off` contradicts a URL that asks for TLS. */
export function isPossible({ secure, requireTLS }: MailServer, mode: TlsMode | undefined): boolean {
  return mode !== "off" || (!secure && requireTLS !== true);
}

export const mailServer = v.pipe(
  v.string(ACCEPTED),
  v.check((value) => parseServer(value) !== undefined, ACCEPTED),
  v.transform((value) => parseServer(value)!),
  v.metadata({ secret: true }),
);
