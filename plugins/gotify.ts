import * as v from "valibot";
import {
  classifyStatus,
  type Delivery,
  definePlugin,
  fit,
  type HttpSink,
  help,
  isGoodNews,
  messageWithHint,
  postJson,
  readJson,
  receiverUrl,
  type SinkResponse,
  type SinkSettings,
  secret,
  sinkSettings,
} from "../src/plugin.ts";

export interface GotifyOptions extends SinkSettings {
  /** The server; `/message` is added. */
  url: string;
  /** An application's token. */
  token: string;
}

/** Sends alerts to a Gotify server. */
export default definePlugin<GotifyOptions>(
  (options) => ({
    name: "gotify",
    setup: (watchdog) => watchdog.sink(gotifySink(options, () => watchdog.clock.now())),
  }),
  {
    options: v.strictObject({
      url: help("The address of the server.", receiverUrl()),
      token: help(
        "The token of an application.",
        v.pipe(
          secret("the token of an application in Gotify"),
          v.check((token) => /^[\x21-\x7e]+$/.test(token), "a token without spaces or line breaks"),
          v.metadata({ secret: true }),
        ),
      ),
      ...sinkSettings,
    }),
    env: { url: "GOTIFY_URL", token: "GOTIFY_TOKEN" },
  },
);

/** Gotify documents no limits; more would not be read on a phone. */
const TITLE_LIMIT = 256;
const MESSAGE_LIMIT = 8000;
/** From priority 8 on, Gotify's app shows a notification that interrupts; at 3 it makes no sound. */
const PRIORITY = { bad: 8, good: 3 };

/** `now` is the wall clock in ms. */
export function gotifySink({ url, token, ...settings }: GotifyOptions, now: () => number): HttpSink {
  const endpoint = new URL(url);
  endpoint.pathname = endpoint.pathname.replace(/(\/message)?\/*$/, "/message");
  return {
    name: "gotify",
    target: endpoint.origin,
    settings,
    format: (alert) =>
      postJson(
        endpoint.href,
        {
          title: fit(alert.title, TITLE_LIMIT),
          message: fit(messageWithHint(alert), MESSAGE_LIMIT),
          priority: isGoodNews(alert) ? PRIORITY.good : PRIORITY.bad,
        },
        { "x-gotify-key": token },
      ),
    classify: (response) => classify(response, now()),
  };
}

/** Gotify answers with the message that it made. */
function classify(response: SinkResponse, nowMs: number): Delivery {
  const delivery = classifyStatus(response, nowMs);
  if (delivery.outcome !== "delivered" || typeof readJson(response.body).id === "number") return delivery;
  return { outcome: "retry", reason: `${delivery.reason} without the message that Gotify created` };
}
