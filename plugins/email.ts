import { hostname } from "node:os";
import * as v from "valibot";
import {
  type Alert,
  cut,
  type Delivery,
  type DirectSink,
  definePlugin,
  factsOf,
  help,
  oneOrMany,
  type SinkSettings,
  sinkSettings,
} from "../src/plugin.ts";
import { type Address, address } from "./email/address.ts";
import { classifyFault, isRefused, isTlsFault } from "./email/classify.ts";
import { clientName, converse, loadMailer, type Message } from "./email/conversation.ts";
import {
  isPossible,
  type MailServer,
  mailServer,
  type Security,
  securityOf,
  TLS_MODES,
  type TlsMode,
} from "./email/server.ts";

export interface EmailOptions extends SinkSettings {
  url: MailServer;
  tls?: TlsMode;
  from: Address;
  to: Address[];
}

const SUBJECT_LIMIT = 200;
const MESSAGE_LIMIT = 20_000;
const FACT_LIMIT = 1000;
/** Below the 15 s of an attempt, so that the reason says what took so long. */
const TIMEOUT_MS = 10_000;

/**
 * Sends alerts as plain e-mails. Every recipient is a sink of its own (`email`, `email-2`, … in the order of `to`),
 * so a recipient that the server refuses or defers does not affect the others.
 */
export default definePlugin<EmailOptions>(
  (options) => ({
    name: "email",
    setup(watchdog) {
      for (const [index, to] of options.to.entries()) {
        watchdog.sink(emailSink(index === 0 ? "email" : `email-${index + 1}`, to, options));
      }
    },
  }),
  {
    options: v.pipe(
      v.strictObject({
        url: help(
          "The mail server, smtp:// or smtps://, with a user name and password if it asks for them.",
          mailServer,
        ),
        tls: help(
          "Whether the certificate is verified; by default everywhere except on loopback without a password.",
          v.optional(v.picklist(TLS_MODES, `one of ${TLS_MODES.join(", ")}`)),
        ),
        from: help("The sender.", address),
        to: help(
          "The recipients; each gets a separate mail.",
          v.pipe(
            oneOrMany(address, "at least one address"),
            v.check(
              (all) => new Set(all.map((one) => one.address.toLowerCase())).size === all.length,
              "every address once",
            ),
          ),
        ),
        ...sinkSettings,
      }),
      v.forward(
        v.check(
          ({ url, tls }) => isPossible(url, tls),
          'only "verify" or "opportunistic" if the URL requires TLS',
        ),
        ["tls"],
      ),
    ),
    env: { url: "SMTP_URL", tls: "EMAIL_TLS", from: "EMAIL_FROM", to: { list: "EMAIL_TO" } },
  },
);

/** One recipient. `timeoutMs` is of each step of the conversation. */
export function emailSink(
  name: string,
  to: Address,
  { url: server, tls, from, to: _all, ...settings }: EmailOptions,
  timeoutMs = TIMEOUT_MS,
): DirectSink {
  const security = securityOf(server, tls);
  const plain = securityOf(server, "off");
  // Where nothing is verified, an unencrypted mail is better than none, as with Postfix's `may`.
  const mayFallBack = !security.secure && !security.requireTLS && !security.tls.rejectUnauthorized;

  return {
    name,
    target: `${to.address} by ${server.host}`,
    settings,
    addresses: server.ports.map((port) => ({
      host: server.host,
      port,
      tls: security.secure,
      unverified: !security.tls.rejectUnauthorized,
    })),
    prepare: loadMailer,
    async deliver(alert, signal) {
      const envelope = { from: from.address, to: to.address };
      const message = mailOf(alert, from, to, settings);
      const send = async (port: number, security: Security): Promise<Delivery | { fault: unknown }> => {
        const talk = { server, port, security, timeoutMs, name: clientName(hostname(), from) };
        try {
          return { outcome: "delivered", reason: await converse(talk, envelope, message, signal) };
        } catch (fault) {
          return { fault };
        }
      };
      let fault: unknown;
      for (const port of server.ports) {
        let end = await send(port, security);
        if ("fault" in end && mayFallBack && isTlsFault(end.fault)) end = await send(port, plain);
        if (!("fault" in end)) return end;
        fault = end.fault;
        if (!isRefused(fault)) break;
      }
      return classifyFault(fault);
    },
  };
}

/**
 * The same alert is the same mail on every attempt: a repeat has the same Message-ID. A follow-up (recovery,
 * reminder) is a reply to the first mail. Gmail and Outlook show mails as one thread if they refer to each other and
 * have the same subject, apart from "Re:".
 */
function mailOf(alert: Alert, from: Address, to: Address, settings: SinkSettings): Message {
  const domain = from.address.slice(from.address.lastIndexOf("@") + 1);
  const idOf = (text: string) => `<${text.replace(/[^\w-]/g, "_").slice(0, 200)}@${domain}>`;
  const { incident_id } = alert.params;
  const follows = isKnownHere(alert, settings) ? alert.follows : undefined;
  const references = [incident_id, follows?.id].flatMap((id) => (id === undefined ? [] : [idOf(id)]));
  // With a template for the title, the title of the first mail is unknown; the same template gives the same subject.
  const title = follows === undefined || settings.title !== undefined ? alert.title : follows.title;
  const subject = onOneLine(title, SUBJECT_LIMIT) || alert.event_type;
  const facts = factsOf(alert).map(({ name, value }) => `${name}: ${onOneLine(value, FACT_LIMIT)}`);
  return {
    from,
    to,
    subject: follows === undefined ? subject : `Re: ${subject}`,
    text: [
      cut(alert.message, MESSAGE_LIMIT),
      "",
      ...facts,
      `Time: ${alert.timestamp}`,
      `Alert: ${alert.id}`,
    ].join("\n"),
    messageId: idOf(alert.id),
    ...(follows !== undefined && { inReplyTo: idOf(follows.id) }),
    ...(references.length > 0 && { references }),
    date: new Date(alert.timestamp),
    // RFC 3834: asks automatic responders not to answer.
    headers: { "Auto-Submitted": "auto-generated" },
    // An alert is text only: nodemailer must not read files or fetch URLs for it.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** Whether the alert that this one follows was sent to this sink, judging by the route. */
function isKnownHere({ event_type }: Alert, { events, severities }: SinkSettings): boolean {
  const followed = event_type === "COMPONENT_RECOVERED" ? "COMPONENT_DOWN" : event_type;
  return (events?.includes(followed) ?? true) && (severities?.includes("CRITICAL") ?? true);
}

function onOneLine(text: string, limit: number): string {
  return cut(text.replace(/[\p{Cc}\u2028\u2029\s]+/gu, " ").trim(), limit);
}
