import * as v from "valibot";
import {
  classifyStatus,
  type Delivery,
  definePlugin,
  fit,
  type HttpSink,
  help,
  isGoodNews,
  jsonBytes,
  messageWithHint,
  postJson,
  readJson,
  receiverUrl,
  type SinkResponse,
  type SinkSettings,
  secret,
  sinkSettings,
} from "../src/plugin.ts";

export interface NtfyOptions extends SinkSettings {
  /** Server and topic: `https://ntfy.sh/topic`. The name of an unprotected topic is a password. */
  url: string;
  /** An access token, `tk_…`, for a protected topic. */
  token?: string;
}

const ACCEPTED_URL =
  'the URL of a topic such as "https://ntfy.sh/my-topic": 1 to 64 letters, digits, "_" and "-" after the server';

/** Sends alerts to phones through ntfy. */
export default definePlugin<NtfyOptions>(
  (options) => ({
    name: "ntfy",
    setup: (watchdog) => watchdog.sink(ntfySink(options, () => watchdog.clock.now())),
  }),
  {
    options: v.strictObject({
      url: help(
        "The address of the topic.",
        v.pipe(
          receiverUrl(ACCEPTED_URL),
          v.check((url) => /^[\w-]{1,64}$/.test(splitTopic(url).topic), ACCEPTED_URL),
          v.metadata({ secret: true }),
        ),
      ),
      token: help("An access token.", v.optional(secret())),
      ...sinkSettings,
    }),
    env: { url: "NTFY_URL", token: "NTFY_TOKEN" },
  },
);

/** ntfy reads 4096 bytes of the message, and 8192 of the JSON around it. */
const TITLE_LIMIT_BYTES = 500;
const MESSAGE_LIMIT_BYTES = 4096;
const GOOD = { tags: ["white_check_mark"], priority: 3 };
const BAD = { tags: ["rotating_light"], priority: 5 };

/** `now` is the wall clock in ms. */
export function ntfySink({ url, token, ...settings }: NtfyOptions, now: () => number): HttpSink {
  const { server, topic } = splitTopic(url);
  return {
    name: "ntfy",
    target: new URL(url).origin,
    settings,
    format: (alert) =>
      postJson(
        server,
        {
          topic,
          title: fit(alert.title, TITLE_LIMIT_BYTES, undefined, jsonBytes),
          message: fit(messageWithHint(alert), MESSAGE_LIMIT_BYTES, undefined, jsonBytes),
          ...(isGoodNews(alert) ? GOOD : BAD),
        },
        token === undefined ? {} : { authorization: `Bearer ${token}` },
      ),
    classify: (response) => classify(response, now()),
  };
}

/** JSON is sent to the root of the server, with the topic inside. */
function splitTopic(url: string): { server: string; topic: string } {
  const server = new URL(url);
  const path = server.pathname.replace(/\/+$/, "");
  const at = path.lastIndexOf("/") + 1;
  server.pathname = path.slice(0, at);
  return { server: server.href, topic: path.slice(at) };
}

/** ntfy's error codes for a limit that lasts: the daily quota of messages. */
const DAILY_QUOTA = 42908;
const HOUR_MS = 3_600_000;
const QUOTA_WAIT_MS = 3 * HOUR_MS;

function classify(response: SinkResponse, nowMs: number): Delivery {
  const delivery = classifyStatus(response, nowMs);
  const { id, code } = readJson(response.body);
  if (delivery.outcome === "delivered") {
    if (typeof id === "string") return delivery;
    return { outcome: "retry", reason: `${delivery.reason} without the message that ntfy made` };
  }
  if (typeof code !== "number") return delivery;
  const reason = `${delivery.reason} (ntfy's code ${code})`;
  if (delivery.outcome !== "retry" || code !== DAILY_QUOTA) return { ...delivery, reason };
  const retryAfterMs = Math.max(delivery.retryAfterMs ?? 0, untilQuotaMayBeNew(nowMs));
  return { outcome: "retry", reason: `${reason}: the day's quota of messages is used up`, retryAfterMs };
}

/** Three hours, or a minute after the next midnight UTC, when ntfy resets the quota. */
function untilQuotaMayBeNew(nowMs: number): number {
  const sinceMidnightMs = nowMs % (24 * HOUR_MS);
  return Math.min(QUOTA_WAIT_MS, 24 * HOUR_MS - sinceMidnightMs + 60_000);
}
