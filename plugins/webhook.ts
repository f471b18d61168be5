import { classifyStatus, definePlugin, type HttpSink } from "../src/plugin.ts";
import { formatBody } from "./webhook/body.ts";
import { type WebhookReceiver, webhookOptions } from "./webhook/options.ts";
import { signatures } from "./webhook/signature.ts";

/**
 * Sends alerts as JSON to any HTTP receiver, signed by Standard Webhooks if there is a secret. The sinks are
 * `webhook`, `webhook-2`, … in the order of the URLs, then of `receivers`. They are named by position and not by
 * host, so that waiting alerts follow a receiver to its new address. Append new receivers at the end.
 */
export default definePlugin<WebhookReceiver[]>(
  (receivers) => ({
    name: "webhook",
    setup(watchdog) {
      for (const [index, receiver] of receivers.entries()) {
        const name = index === 0 ? "webhook" : `webhook-${index + 1}`;
        watchdog.sink(webhookSink(name, receiver, () => watchdog.clock.now()));
      }
    },
  }),
  {
    options: webhookOptions,
    env: { url: { list: "WEBHOOK_URL" }, secret: "WEBHOOK_SECRET", jsonKey: "WEBHOOK_JSON_KEY" },
    onBy: ["url", "secret"],
  },
);

/** One receiver. `now` is the wall clock in ms, for a `Retry-After` that is a date. */
export function webhookSink(name: string, receiver: WebhookReceiver, now: () => number): HttpSink {
  const { url, secret, format, jsonKey, headers, ...settings } = receiver;
  return {
    name,
    // The path and the query may hold a token.
    target: new URL(url).origin,
    settings,
    format: (alert) => {
      const { contentType, body } = formatBody(alert, { format, jsonKey });
      return { url, method: "POST", headers: { ...headers, "content-type": contentType }, body };
    },
    // Sent without a secret too: with the id, a receiver can drop repeats.
    sign: async ({ id }, { body }, timestampS) => ({
      "webhook-id": id,
      "webhook-timestamp": String(timestampS),
      ...(secret.length > 0 && {
        "webhook-signature": await signatures(secret, `${id}.${timestampS}.${body}`),
      }),
    }),
    classify: (response) => classifyStatus(response, now()),
  };
}

/**
 * `WEBHOOK_URL` (several, comma-separated), `WEBHOOK_SECRET`, `WEBHOOK_JSON_KEY`; an empty variable counts as not
 * set.
 */
