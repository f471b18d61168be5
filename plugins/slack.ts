import * as v from "valibot";
import {
  classifyStatus,
  type Delivery,
  definePlugin,
  factsOf,
  fit,
  type HttpSink,
  help,
  isGoodNews,
  notesOf,
  postJson,
  receiverUrl,
  type SinkResponse,
  type SinkSettings,
  sinkSettings,
} from "../src/plugin.ts";

export interface SlackOptions extends SinkSettings {
  /** The URL of an incoming webhook. */
  url: string;
}

/** Sends alerts to a Slack channel, or to anything that accepts Slack's incoming webhooks, such as Mattermost. */
export default definePlugin<SlackOptions>(
  (options) => ({
    name: "slack",
    setup: (watchdog) => watchdog.sink(slackSink(options, () => watchdog.clock.now())),
  }),
  {
    options: v.strictObject({
      url: help("The address of the incoming webhook.", receiverUrl()),
      ...sinkSettings,
    }),
    env: { url: "SLACK_WEBHOOK_URL" },
  },
);

const TITLE_LIMIT = 1024;
const TEXT_LIMIT = 3000;
const FIELD_LIMIT = 300;
/** The limit for all attachments together, far below the 100 kB that Slack accepts. */
const MANY_LIMIT = 10_000;
const COLOR = { bad: "#DD0000", good: "#36A64F" };

/** `now` is the wall clock in ms. */
export function slackSink({ url, ...settings }: SlackOptions, now: () => number): HttpSink {
  const message = (text: string, attachments: unknown[]) =>
    // No formatting and no name lookup: text from outside must not mention anybody.
    postJson(url, { text, mrkdwn: false, link_names: false, attachments });
  return {
    name: "slack",
    target: new URL(url).origin,
    settings,
    format(alert) {
      const text = fit(alert.message, TEXT_LIMIT, escapeControl);
      const fields = factsOf(alert).map(({ name, value }) => ({
        title: name,
        value: fit(value, FIELD_LIMIT, escapeControl),
        short: true,
      }));
      return message(text, [{ ...attachment(alert.title, isGoodNews(alert)), text, fields }]);
    },
    formatMany(alerts) {
      const notes = notesOf(alerts);
      const titles = alerts.map(({ title }) => title).join("; ");
      const share = Math.floor(MANY_LIMIT / notes.length);
      const attachments = notes.map((note) => ({
        ...attachment(note.title, note.good, Math.floor(share / 4)),
        text: fit(note.message, Math.min(TEXT_LIMIT, Math.floor(share * 0.75)), escapeControl),
      }));
      return message(fit(titles, TEXT_LIMIT, escapeControl), attachments);
    },
    classify: (response) => classify(response, now()),
  };
}

function attachment(title: string, good: boolean, limit = TITLE_LIMIT) {
  return {
    color: good ? COLOR.good : COLOR.bad,
    title: fit(title, Math.min(limit, TITLE_LIMIT), escapeControl),
  };
}

/** Slack's three control characters. Without `<`, there is no `<!channel>` and no `<@U123>`. */
function escapeControl(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Slack answers `ok`, or one word that says what is wrong (`invalid_token`, `no_service`). */
function classify(response: SinkResponse, nowMs: number): Delivery {
  const delivery = classifyStatus(response, nowMs, [404]);
  const word = /^[a-z_]{2,60}$/.exec(response.body.trim())?.[0];
  if (delivery.outcome !== "delivered") {
    return word === undefined ? delivery : { ...delivery, reason: `${delivery.reason}: ${word}` };
  }
  if (word === "ok") return delivery;
  if (word !== undefined) return { outcome: "rejected", reason: `${delivery.reason}, but ${word}` };
  return { outcome: "retry", reason: `${delivery.reason} without Slack's "ok"` };
}
