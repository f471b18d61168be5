import { classifyStatus, definePlugin, type HttpSink } from "../src/plugin.ts";
import { formatBody } from "./webhook/body.ts";
import { type WebhookReceiver, webhookOptions } from "./webhook/options.ts";
import { signatures } from "./webhook/signature.ts";

/**
 * Sends alerts as JSON to any HTTP receiver, signed by Standard Webhooks when there is a secret. The
 * sinks are `webhook`, `webhook-2`, … in the order of the URLs, then of `receivers`: named by place and
 * not by host, so that what is waiting in the outbox follows a receiver to its new address. Append new
 * ones at the end.
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
  { options: webhookOptions, fromEnv },
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
    // Without a secret too: the id lets a receiver drop a repeat.
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

/** `WEBHOOK_URL` (several, comma-separated), `WEBHOOK_SECRET`, `WEBHOOK_JSON_KEY`; an empty one is not set. */
function fromEnv(env: Readonly<Record<string, string | undefined>>): unknown {
  const urls = (env.WEBHOOK_URL ?? "").split(",").map((url) => url.trim());
  const settings = {
    ...(urls.some((url) => url !== "") && { url: urls.filter((url) => url !== "") }),
    ...(env.WEBHOOK_SECRET && { secret: env.WEBHOOK_SECRET }),
    ...(env.WEBHOOK_JSON_KEY && { jsonKey: env.WEBHOOK_JSON_KEY }),
  };
  return Object.keys(settings).length > 0 ? settings : undefined;
}
