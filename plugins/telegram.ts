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
  notesOf,
  postJson,
  readJson,
  receiverUrl,
  type SinkResponse,
  type SinkSettings,
  secret,
  sinkSettings,
} from "../src/plugin.ts";

export interface TelegramOptions extends SinkSettings {
  /** The token from BotFather: `123456:ABC…`. */
  token: string;
  /** The number of a chat, or the `@name` of a public channel. */
  chatId: string;
  /** The Bot API server. */
  apiUrl: string;
}

const chatId = v.pipe(
  v.union([v.string(), v.number()]),
  v.transform(String),
  v.regex(/^(-?\d{1,20}|@\w{4,})$/, 'the number of a chat such as -1001234567890, or "@channel"'),
);

/** Sends alerts to a Telegram chat. */
export default definePlugin<TelegramOptions>(
  (options) => ({
    name: "telegram",
    setup(watchdog) {
      const moved = (to: string) =>
        watchdog.log.warn(`the Telegram chat has a new id: set chatId (TELEGRAM_CHAT_ID) to ${to}`);
      watchdog.sink(telegramSink(options, () => watchdog.clock.now(), moved));
    },
  }),
  {
    options: v.strictObject({
      token: help(
        "The token that BotFather gave.",
        v.pipe(
          secret("a bot's token as from BotFather: digits, a colon, and letters, digits, _ or -"),
          v.check((token) => /^\d+:[\w-]+$/.test(token), "a bot's token as from BotFather (123456:ABC-…)"),
          v.metadata({ secret: true }),
        ),
      ),
      chatId: help("The number of the chat, or the @name of a public channel.", chatId),
      apiUrl: help("The Bot API server.", v.optional(receiverUrl(), "https://api.telegram.org")),
      ...sinkSettings,
    }),
    env: { token: "TELEGRAM_BOT_TOKEN", chatId: "TELEGRAM_CHAT_ID" },
  },
);

/** 256 + 3800 and the markup stay below the 4096 of a message. */
const TITLE_LIMIT = 256;
const TEXT_LIMIT = 3800;

/** `now` is the wall clock in ms. `moved` is called with the new id of a chat that became a supergroup. */
export function telegramSink(
  { token, chatId, apiUrl, ...settings }: TelegramOptions,
  now: () => number,
  moved: (chatId: string) => void,
): HttpSink {
  let chat = chatId;
  const url = `${apiUrl.replace(/\/+$/, "")}/bot${token}/sendMessage`;
  const message = (text: string, quiet: boolean) =>
    postJson(url, {
      chat_id: chat,
      text,
      parse_mode: "HTML",
      disable_notification: quiet,
      // No link preview: an address in a message from outside must not be fetched.
      link_preview_options: { is_disabled: true },
    });
  return {
    name: "telegram",
    target: new URL(apiUrl).origin,
    settings,
    format: (alert) =>
      message(paragraph(alert.title, messageWithHint(alert), TITLE_LIMIT, TEXT_LIMIT), isGoodNews(alert)),
    formatMany(alerts) {
      const notes = notesOf(alerts);
      const share = Math.floor((TITLE_LIMIT + TEXT_LIMIT) / notes.length) - "<b></b>\n\n\n".length;
      const titleLimit = Math.min(TITLE_LIMIT, Math.floor(share / 2));
      const paragraphs = notes.map(({ title, message }) =>
        paragraph(title, message, titleLimit, share - titleLimit),
      );
      return message(
        paragraphs.join("\n\n"),
        notes.every(({ good }) => good),
      );
    },
    classify(response) {
      const { delivery, movedTo } = classify(response, now());
      if (movedTo !== undefined && movedTo !== chat) {
        // Kept in memory only. After a restart, one more attempt learns it again.
        chat = movedTo;
        moved(chat);
      }
      return delivery;
    },
  };
}

function paragraph(title: string, text: string, titleLimit: number, textLimit: number): string {
  return `<b>${fit(title, titleLimit, escapeHtml)}</b>\n${fit(text, textLimit, escapeHtml)}`;
}

/** The three special characters of Telegram's HTML. */
function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** The body decides: `ok`, or a description with an `error_code`, which is an HTTP status. */
function classify(response: SinkResponse, nowMs: number): { delivery: Delivery; movedTo?: string } {
  const { ok, error_code: code, description, parameters } = readJson(response.body);
  const byStatus = classifyStatus(response, nowMs);
  if (byStatus.outcome === "delivered" && ok === true) return { delivery: byStatus };
  if (byStatus.outcome === "delivered" && typeof code !== "number") {
    return { delivery: { outcome: "retry", reason: `${byStatus.reason} without Telegram's "ok"` } };
  }
  const to = (parameters as { migrate_to_chat_id?: unknown } | undefined)?.migrate_to_chat_id;
  if (typeof to === "number" || typeof to === "string") {
    const reason = "the chat became a supergroup: sent again to its new id";
    return { delivery: { outcome: "retry", reason, retryAfterMs: 0 }, movedTo: String(to) };
  }
  const told =
    byStatus.outcome === "delivered"
      ? classifyStatus({ ...response, status: code as number }, nowMs)
      : byStatus;
  if (typeof description !== "string") return { delivery: told };
  return { delivery: { ...told, reason: `${told.reason}: ${description}` } };
}
