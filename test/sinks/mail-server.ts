/** A real SMTP server on loopback that takes mails, or refuses them as it is told, and keeps what it got. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";

interface Mail {
  from: string;
  to: string[];
  /** As it was sent. */
  raw: string;
  /** Lower-case names, folded lines joined, encoded words decoded. */
  headers: Record<string, string>;
  /** Decoded, lines ended by `\n`. */
  text: string;
}

/** Which step is refused, and with what. */
interface Refusal {
  step: "greeting" | "login" | "sender" | "recipient" | "data";
  code: number;
  text: string;
}

export interface MailServer {
  port: number;
  mails: Mail[];
  /** Logins that were tried, as `user:password`. */
  logins: string[];
  /** `undefined` takes everything. */
  refuses(refusal?: Refusal): void;
  close(): Promise<void>;
}

export async function startMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const mails: Mail[] = [];
  const logins: string[] = [];
  let refusal: Refusal | undefined;
  const faultAt = (step: Refusal["step"]) =>
    refusal?.step === step
      ? Object.assign(new Error(refusal.text), { responseCode: refusal.code })
      : undefined;

  const server = new SMTPServer({
    authOptional: true,
    // Its certificate is its own: a client must be told to take it.
    disabledCommands: ["STARTTLS"],
    allowInsecureAuth: true,
    logger: false,
    ...options,
    onConnect: (_session, done) => done(faultAt("greeting")),
    onAuth(auth, _session, done) {
      logins.push(`${auth.username}:${auth.password}`);
      const fault = faultAt("login");
      if (fault) done(fault);
      else done(null, { user: auth.username ?? "" });
    },
    onMailFrom: (_address, _session, done) => done(faultAt("sender")),
    onRcptTo: (_address, _session, done) => done(faultAt("recipient")),
    async onData(stream, session, done) {
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      const fault = faultAt("data");
      if (fault) return done(fault);
      const { mailFrom, rcptTo } = session.envelope;
      const from = mailFrom ? mailFrom.address : "";
      const to = rcptTo.map(({ address }) => address);
      mails.push({ from, to, ...read(Buffer.concat(chunks).toString("latin1")) });
      done(null, "queued");
    },
  });
  // A client that hangs up in the middle is the tests' own doing.
  server.on("error", () => {});
  const listening = server.listen(0, "127.0.0.1");
  await once(listening, "listening");
  return {
    port: (listening.address() as AddressInfo).port,
    mails,
    logins,
    refuses(next) {
      refusal = next;
      mails.length = 0;
      logins.length = 0;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function read(raw: string): Pick<Mail, "raw" | "headers" | "text"> {
  const end = raw.indexOf("\r\n\r\n");
  const lines = raw
    .slice(0, end)
    .replace(/\r\n[ \t]+/g, " ")
    .split("\r\n");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name = "", value = ""] = /^([^:\s]+): ?(.*)$/.exec(line) ?? ["", `not a header: ${line}`];
    headers[name.toLowerCase()] = decodeWords(value);
  }
  const body = raw.slice(end + 4);
  const bytes =
    headers["content-transfer-encoding"] === "base64"
      ? Buffer.from(body, "base64")
      : Buffer.from(
          headers["content-transfer-encoding"] === "quoted-printable" ? decodeQuoted(body) : body,
          "latin1",
        );
  return { raw, headers, text: bytes.toString("utf8").replaceAll("\r\n", "\n") };
}

const decodeQuoted = (text: string) =>
  text
    .replace(/=\r\n/g, "")
    .replace(/=([0-9A-F]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));

/** RFC 2047: adjacent encoded words are one text. */
function decodeWords(text: string): string {
  const joined = text.replace(/(=\?[^?]+\?[QB]\?[^?]*\?=)\s+(?==\?)/gi, "$1");
  return joined.replace(/=\?utf-8\?([QB])\?([^?]*)\?=/gi, (_, kind: string, word: string) =>
    kind.toUpperCase() === "B"
      ? Buffer.from(word, "base64").toString("utf8")
      : Buffer.from(decodeQuoted(word.replaceAll("_", " ")), "latin1").toString("utf8"),
  );
}
