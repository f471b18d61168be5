/**
 * One conversation with a mail server over nodemailer's connection. nodemailer's transport would hang up without
 * QUIT.
 */
import { once } from "node:events";
import type { Address } from "./address.ts";
import type { MailServer, Security } from "./server.ts";

/** The answer to QUIT does not matter. */
const QUIT_MS = 1000;

export interface Envelope {
  from: string;
  to: string;
}

/** A message for nodemailer's composer. */
export type Message = import("nodemailer/lib/mail-composer").Options;

export interface Talk {
  server: MailServer;
  port: number;
  security: Security;
  /** For each step, in ms. */
  timeoutMs: number;
  /** The name in EHLO. */
  name: string;
}

/** Imported late: a tick without alerts should not load it. */
export const loadMailer = () =>
  Promise.all([import("nodemailer/lib/smtp-connection"), import("nodemailer/lib/mail-composer")]);

/** Resolves to what the server said when it accepted the message; rejects with nodemailer's error. */
export async function converse(
  { server, port, security, timeoutMs, name }: Talk,
  envelope: Envelope,
  message: Message,
  signal: AbortSignal,
): Promise<string> {
  const [{ default: Connection }, { default: Composer }] = await loadMailer();
  const connection = new Connection({
    ...security,
    host: server.host,
    port,
    name,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    socketTimeout: timeoutMs,
  });
  const broken = new Promise<never>((_, reject) => {
    connection.on("error", reject);
    const stop = () => {
      reject(Object.assign(new Error("stopped"), { code: "EABORT" }));
      connection.close();
    };
    signal.addEventListener("abort", stop, { once: true });
    connection.once("end", () => signal.removeEventListener("abort", stop));
    if (signal.aborted) stop();
  });
  broken.catch(() => {});
  const step = <T>(begin: (done: (fault?: Error | null, result?: T) => void) => void): Promise<T> =>
    Promise.race([
      broken,
      new Promise<T>((resolve, reject) => {
        begin((fault, result) => (fault ? reject(fault) : resolve(result!)));
      }),
    ]);
  try {
    await step<void>((done) => connection.connect(done));
    const { auth } = server;
    if (auth && connection.allowsAuth) await step((done) => connection.login({ credentials: auth }, done));
    const mail = new Composer(message).compile();
    const { response } = await step<{ response: string }>((done) =>
      connection.send(envelope, mail.createReadStream(), done),
    );
    return response;
  } finally {
    if (!connection.destroyed) {
      connection.quit();
      await once(connection, "end", { signal: AbortSignal.timeout(QUIT_MS) }).catch(() => {});
    }
    connection.close();
  }
}

/**
 * The name that the client gives in EHLO: its full name, as strict servers ask for. A host without a domain uses the
 * domain of the sender. If the host name is not a valid name, an address is given (RFC 5321, 4.1.4).
 */
export function clientName(hostname: string, from: Address): string {
  const domain = from.address.slice(from.address.lastIndexOf("@") + 1);
  const name = hostname.includes(".") ? hostname : `${hostname}.${domain}`;
  return /^[a-z\d]([a-z\d-]*[a-z\d])?(\.[a-z\d]([a-z\d-]*[a-z\d])?)+$/i.test(name) ? name : "[127.0.0.1]";
}
