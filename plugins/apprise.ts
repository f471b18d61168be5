import * as v from "valibot";
import {
  classifyStatus,
  type Delivery,
  definePlugin,
  type Earlier,
  fit,
  type HttpSink,
  help,
  isGoodNews,
  messageWithHint,
  postJson,
  receiverUrl,
  type SinkResponse,
  type SinkSettings,
  sinkSettings,
} from "../src/plugin.ts";

export interface AppriseOptions extends SinkSettings {
  /** Of an Apprise API server: `http://apprise:8000/notify/<key>`. */
  url: string;
  /** Selects among the targets. Without a tag, Apprise notifies only targets that have no tag. */
  tag: string;
}

const ACCEPTED_URL =
  'a URL that ends in /notify/ and a key, such as "http://apprise:8000/notify/watchdog", or in /notify if Apprise itself knows the targets';

/** Sends alerts through an Apprise API server. */
export default definePlugin<AppriseOptions>(
  (options) => ({
    name: "apprise",
    setup: (watchdog) => watchdog.sink(appriseSink(options, () => watchdog.clock.now())),
  }),
  {
    options: v.strictObject({
      url: help(
        "The address of the Apprise API, /notify/ and a key; without a key, its APPRISE_STATELESS_URLS get the alerts.",
        v.pipe(
          receiverUrl(ACCEPTED_URL),
          v.check((url) => /\/notify(\/[\w-]{1,128})?\/?$/.test(new URL(url).pathname), ACCEPTED_URL),
          v.metadata({ secret: true }),
        ),
      ),
      tag: help(
        "The targets that get the alerts.",
        v.optional(v.pipe(v.string("a text"), v.minLength(1, "a text of at least 1 character")), "all"),
      ),
      ...sinkSettings,
    }),
    env: { url: "APPRISE_URL" },
  },
);

const TITLE_LIMIT = 250;
/** Apprise cuts or splits messages to the limits of each target. */
const BODY_LIMIT = 8000;

/** `now` is the wall clock in ms. */
export function appriseSink({ url, tag, ...settings }: AppriseOptions, now: () => number): HttpSink {
  return {
    name: "apprise",
    target: new URL(url).origin,
    settings,
    format: (alert) =>
      postJson(url, {
        title: fit(alert.title, TITLE_LIMIT),
        body: fit(messageWithHint(alert), BODY_LIMIT),
        type: isGoodNews(alert) ? "success" : "failure",
        format: "text",
        tag,
      }),
    classify: (response, earlier) => classify(response, earlier, now()),
  };
}

const SOME_FAILED = "HTTP 424: some of Apprise's targets failed, or none has the tag";
/** Enough for a target that is away for a moment; a lasting fault is not retried for a day. */
const MOST_ATTEMPTS = 3;

function classify(response: SinkResponse, { attempts, lastReason }: Earlier, nowMs: number): Delivery {
  const { status } = response;
  if (status === 204) {
    return { outcome: "rejected", reason: "HTTP 204: Apprise has no targets under this key" };
  }
  // Targets that already received it receive it again, so that none is left out.
  if (status === 424) {
    const repeats = lastReason === SOME_FAILED && attempts >= MOST_ATTEMPTS - 1;
    return { outcome: repeats ? "rejected" : "retry", reason: SOME_FAILED };
  }
  const delivery = classifyStatus(response, nowMs);
  if (delivery.outcome !== "delivered" || status === 200) return delivery;
  return { outcome: "retry", reason: `${delivery.reason}, where Apprise answers 200` };
}
