import * as v from "valibot";
import {
  type Alert,
  cut,
  type DirectSink,
  definePlugin,
  factsOf,
  type SinkSettings,
  sinkSettings,
} from "../src/plugin.ts";
import { type Address, address } from "./email/address.ts";
import { classifyFault } from "./email/classify.ts";
import { hideLogin, type MailServer, mailServer } from "./email/server.ts";

export interface EmailOptions extends SinkSettings {
  url: MailServer;
  from: Address;
  to: Address[];
}

const SUBJECT_LIMIT = 200;
const MESSAGE_LIMIT = 20_000;
const FACT_LIMIT = 1000;
/** Below the 15 s of an attempt, so that the reason names what took so long. */
const TIMEOUT_MS = 10_000;

/**
 * Sends alerts as plain e-mails. Every recipient is a sink of its own (`email`, `email-2`, … in the order of
 * `to`): one that the server refuses, or puts off, takes nothing from the others and repeats nothing to them.
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
    options: v.strictObject({
      url: mailServer,
      from: address,
      to: v.pipe(
        v.unknown(),
        v.transform((value): unknown[] => (Array.isArray(value) ? value : [value])),
        v.array(address),
        v.minLength(1, "at least one address"),
        v.check(
          (all) => new Set(all.map((one) => one.address.toLowerCase())).size === all.length,
          "every address once",
        ),
      ),
      ...sinkSettings,
    }),
    fromEnv({ SMTP_URL: url, EMAIL_FROM: from, EMAIL_TO: to }) {
      if (!url && !from && !to) return undefined;
      const all = (to ?? "").split(",").map((one) => one.trim());
      return {
        ...(url && { url }),
        ...(from && { from }),
        ...(to && { to: all.filter((one) => one !== "") }),
      };
    },
  },
);

/** One recipient. `timeoutMs` is of each step of the conversation. */
export function emailSink(
  name: string,
  to: Address,
  { url, from, to: _all, ...settings }: EmailOptions,
  timeoutMs = TIMEOUT_MS,
): DirectSink {
  return {
    name,
    target: `${to.address} by ${url.host}`,
    settings,
    async deliver(alert, signal) {
      // Imported late: a tick that tells nothing must not pay for it.
      const { createTransport } = await import("nodemailer");
      const transport = createTransport({
        ...url,
        connectionTimeout: timeoutMs,
        greetingTimeout: timeoutMs,
        dnsTimeout: timeoutMs,
        socketTimeout: timeoutMs,
      });
      try {
        const { response } = await transport.sendMail({ ...mailOf(alert, from, to), signal });
        return { outcome: "delivered", reason: hideLogin(url, response) };
      } catch (fault) {
        return classifyFault(fault, (text) => hideLogin(url, text));
      } finally {
        transport.close();
      }
    },
  };
}

/**
 * The same alert is the same mail on every attempt: by its Message-ID a repeat is recognised. What belongs to
 * one outage refers to it, so that mail programs show it as one thread.
 */
function mailOf(alert: Alert, from: Address, to: Address) {
  const domain = from.address.slice(from.address.lastIndexOf("@") + 1);
  const idOf = (text: string) => `<${text.replace(/[^\w-]/g, "_").slice(0, 200)}@${domain}>`;
  const { incident_id } = alert.params;
  const facts = factsOf(alert).map(({ name, value }) => `${name}: ${onOneLine(value, FACT_LIMIT)}`);
  return {
    from,
    to,
    envelope: { from: from.address, to: to.address },
    subject: onOneLine(alert.title, SUBJECT_LIMIT) || alert.event_type,
    text: [
      cut(alert.message, MESSAGE_LIMIT),
      "",
      ...facts,
      `Time: ${alert.timestamp}`,
      `Alert: ${alert.id}`,
    ].join("\n"),
    messageId: idOf(alert.id),
    ...(incident_id !== undefined && { references: idOf(incident_id) }),
    date: new Date(alert.timestamp),
    // RFC 3834: no machine answers it.
    headers: { "Auto-Submitted": "auto-generated" },
    // A text is a text: nothing in an alert is read from a file or fetched.
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

function onOneLine(text: string, limit: number): string {
  return cut(text.replace(/[\p{Cc}\u2028\u2029\s]+/gu, " ").trim(), limit);
}
