import * as v from "valibot";
import {
  type Alert,
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
  readJson,
  receiverUrl,
  type SinkResponse,
  type SinkSettings,
  sinkSettings,
} from "../src/plugin.ts";

export interface DiscordOptions extends SinkSettings {
  /** The webhook URL of a channel; a `thread_id` in its query is kept. */
  url: string;
}

/** Sends alerts to a Discord channel. */
export default definePlugin<DiscordOptions>(
  (options) => ({
    name: "discord",
    setup: (watchdog) => watchdog.sink(discordSink(options, () => watchdog.clock.now())),
  }),
  {
    options: v.strictObject({ url: help("The address of the webhook.", receiverUrl()), ...sinkSettings }),
    env: { url: "DISCORD_WEBHOOK_URL" },
  },
);

/** Discord's limits for an embed. With 7 facts, the whole also stays below 6000 characters. */
const TITLE_LIMIT = 256;
const DESCRIPTION_LIMIT = 4096;
const FIELD_LIMIT = 200;
const MESSAGE_LIMIT = 6000;
const COLOR = { bad: 15158332, good: 3066993 };

/** `now` is the wall clock in ms. */
export function discordSink({ url, ...settings }: DiscordOptions, now: () => number): HttpSink {
  // Without it, Discord answers 204 before it has looked at the message.
  const waiting = new URL(url);
  waiting.searchParams.set("wait", "true");
  const message = (embeds: unknown[]) => postJson(waiting.href, { embeds, allowed_mentions: { parse: [] } });
  return {
    name: "discord",
    target: waiting.origin,
    settings,
    format: (alert) => message([embedOf(alert)]),
    formatMany(alerts) {
      const notes = notesOf(alerts);
      const share = Math.floor(MESSAGE_LIMIT / notes.length);
      const titleLimit = Math.min(TITLE_LIMIT, Math.floor(share / 4));
      const embeds = notes.map((note) => ({
        title: fit(note.title, titleLimit, escapeMarkdown),
        description: fit(note.message, Math.min(DESCRIPTION_LIMIT, share - titleLimit), escapeMarkdown),
        color: note.good ? COLOR.good : COLOR.bad,
      }));
      return message(embeds);
    },
    classify: (response) => classify(response, now()),
  };
}

function embedOf(alert: Alert) {
  return {
    title: fit(alert.title, TITLE_LIMIT, escapeMarkdown),
    description: fit(alert.message, DESCRIPTION_LIMIT, escapeMarkdown),
    color: isGoodNews(alert) ? COLOR.good : COLOR.bad,
    fields: factsOf(alert).map(({ name, value }) => ({
      name,
      value: fit(value, FIELD_LIMIT, escapeMarkdown),
      inline: true,
    })),
    timestamp: alert.timestamp,
  };
}

/**
 * Without escapes, `[text](http://…)` would be a link that hides its target, and `some_name_` would lose its
 * underscores.
 */
function escapeMarkdown(text: string): string {
  return text.replace(/[\\*_~`|<[\]]|^[#>-]/gm, "\\$&");
}

/** With `wait`, Discord answers with the message that it created. A 404 means that the webhook was deleted. */
function classify(response: SinkResponse, nowMs: number): Delivery {
  const delivery = classifyStatus(response, nowMs, [404]);
  const { id, code } = readJson(response.body);
  if (delivery.outcome !== "delivered") {
    return typeof code === "number" ? { ...delivery, reason: `${delivery.reason} (code ${code})` } : delivery;
  }
  if (response.status === 204 || typeof id === "string") return delivery;
  return { outcome: "retry", reason: `${delivery.reason} without the message that Discord made` };
}
