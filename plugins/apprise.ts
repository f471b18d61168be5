import * as v from "valibot";
import {
  classifyStatus,
  type Delivery,
  definePlugin,
  fit,
  type HttpSink,
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
  /** Which of its targets; all of them without. */
  tag?: string;
}

const ACCEPTED_URL = 'a URL that ends in /notify/ and a key, such as "http://apprise:8000/notify/watchdog"';

/** Sends alerts to whatever an Apprise API server knows. */
export default definePlugin<AppriseOptions>(
  (options) => ({
    name: "apprise",
    setup: (watchdog) => watchdog.sink(appriseSink(options, () => watchdog.clock.now())),
  }),
  {
    options: v.strictObject({
      url: v.pipe(
        receiverUrl(ACCEPTED_URL),
        v.check((url) => /\/notify\/[\w-]{1,128}\/?$/.test(new URL(url).pathname), ACCEPTED_URL),
        v.metadata({ secret: true }),
      ),
      tag: v.optional(v.pipe(v.string("a text"), v.minLength(1, "a text of at least 1 character"))),
      ...sinkSettings,
    }),
    fromEnv: ({ APPRISE_URL: url }) => (url ? { url } : undefined),
  },
);

const TITLE_LIMIT = 250;
/** Apprise cuts or splits by what each target takes. */
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
        ...(tag !== undefined && { tag }),
      }),
    classify: (response) => classify(response, now()),
  };
}

function classify(response: SinkResponse, nowMs: number): Delivery {
  const { status } = response;
  if (status === 204) {
    return { outcome: "rejected", reason: "HTTP 204: Apprise has no targets under this key" };
  }
  // Also when its own network is down: whoever got it already gets it twice, and nobody is left out.
  if (status === 424) return { outcome: "retry", reason: "HTTP 424: some of Apprise's targets failed" };
  const delivery = classifyStatus(response, nowMs);
  if (delivery.outcome !== "delivered" || status === 200) return delivery;
  return { outcome: "retry", reason: `${delivery.reason}, where Apprise answers 200` };
}
