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
  jsonBytes,
  notesOf,
  postJson,
  receiverUrl,
  type SinkResponse,
  type SinkSettings,
  sinkSettings,
} from "../src/plugin.ts";

export interface TeamsOptions extends SinkSettings {
  /** The URL of a flow that begins with "When a Teams webhook request is received". Its `sig` is a secret. */
  url: string;
}

/** Sends alerts as adaptive cards to Microsoft Teams, through Workflows. */
export default definePlugin<TeamsOptions>(
  (options) => ({
    name: "teams",
    setup: (watchdog) => watchdog.sink(teamsSink(options, () => watchdog.clock.now())),
  }),
  {
    options: v.strictObject({ url: help("The address of the workflow.", receiverUrl()), ...sinkSettings }),
    env: { url: "TEAMS_WEBHOOK_URL" },
  },
);

/** Bytes of JSON. Teams accepts about 28 KB, but users report refusals slightly above 21 KB. */
const TITLE_LIMIT = 1000;
const MESSAGE_LIMIT = 12_000;
const FACT_LIMIT = 600;
const MANY_LIMIT = 16_000;

/** `now` is the wall clock in ms. */
export function teamsSink({ url, ...settings }: TeamsOptions, now: () => number): HttpSink {
  return {
    name: "teams",
    target: new URL(url).origin,
    settings,
    format: (alert) => postJson(url, card(bodyOf(alert))),
    formatMany(alerts) {
      const notes = notesOf(alerts);
      const share = Math.floor(MANY_LIMIT / notes.length);
      const body = notes.flatMap(({ title, message, good }) => [
        { ...heading(title, good, Math.min(TITLE_LIMIT, share / 4)), separator: true },
        block(message, share * 0.75),
      ]);
      return postJson(url, card(body));
    },
    classify: (response) => classify(response, now()),
  };
}

function bodyOf(alert: Alert): unknown[] {
  const facts = factsOf(alert).map(({ name, value }) => ({ title: name, value: written(value, FACT_LIMIT) }));
  return [
    heading(alert.title, isGoodNews(alert), TITLE_LIMIT),
    block(alert.message, MESSAGE_LIMIT),
    { type: "FactSet", facts },
  ];
}

function heading(title: string, good: boolean, limitBytes: number) {
  return { ...block(title, limitBytes), weight: "Bolder", color: good ? "Good" : "Attention" };
}

function block(text: string, limitBytes: number) {
  return { type: "TextBlock", text: written(text, limitBytes), wrap: true };
}

function written(text: string, limitBytes: number): string {
  return fit(text, limitBytes, escapeMarkdown, jsonBytes);
}

function card(body: unknown[]) {
  return {
    type: "message",
    attachments: [
      {
        contentType: "application/vnd.microsoft.card.adaptive",
        contentUrl: null,
        content: {
          $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
          type: "AdaptiveCard",
          version: "1.4",
          body,
          msteams: { width: "Full" },
        },
      },
    ],
  };
}

/**
 * Escapes only what a card would treat as formatting or a link; an underscore inside a name stays. A card ignores a
 * single line break.
 */
function escapeMarkdown(text: string): string {
  const plain = text.replace(/[\\*[\]`~]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "\\$&");
  return plain.replaceAll("\n", "\n\n");
}

/** The older connectors answer 200 and put the answer of Teams into the body. */
const INNER_STATUS = /endpoint returned HTTP error (\d{3})/i;

function classify(response: SinkResponse, nowMs: number): Delivery {
  const delivery = classifyStatus(response, nowMs);
  const inner = INNER_STATUS.exec(response.body)?.[1];
  if (delivery.outcome !== "delivered" || inner === undefined) return delivery;
  const told = classifyStatus({ ...response, status: Number(inner) }, nowMs);
  return { ...told, reason: `${delivery.reason}, but Teams answered ${told.reason}` };
}
