import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import telegram, { telegramSink } from "../../plugins/telegram.ts";
import { deliver } from "../../src/delivery/send.ts";
import { DOWN, FAILURE, RECOVERED } from "./alerts.ts";
import { REAL_PORTS, sinkContract } from "./contract.ts";
import { sinkDeclaration } from "./declaration.ts";
import { type Receiver, startReceiver } from "./receiver.ts";

const TOKEN = "123456:planted-bot-token_0123456789";
const OK = { status: 200, body: '{"ok":true,"result":{"message_id":7}}' };
const make = (origin: string, moved: (chatId: string) => void = () => {}) =>
  telegramSink({ token: TOKEN, chatId: "-1001234", apiUrl: `${origin}/` }, Date.now, moved);

const fault = (code: number, description: string, parameters = {}) =>
  JSON.stringify({ ok: false, error_code: code, description, parameters });
const MOVED = fault(400, "Bad Request: group chat was upgraded to a supergroup chat", {
  migrate_to_chat_id: -1009999,
});

sinkContract({
  name: "telegram",
  make,
  secrets: [TOKEN, "planted-bot-token_0123456789"],
  success: OK,
  endlessSuccess: "retry",
  limitedInBody: fault(429, "Too Many Requests: retry after 8", { retry_after: 7.5 }),
  answers: {
    "200 with ok false": { answer: { status: 200, body: fault(400, "Bad Request") }, outcome: "rejected" },
    "200 with ok false and 429": {
      answer: { status: 200, body: fault(429, "Too Many Requests", { retry_after: 3 }) },
      outcome: "retry",
      retryAfterMs: 3000,
    },
    "200 with nonsense": { answer: { status: 200, body: "ok" }, outcome: "retry" },
    "400 chat not found": {
      answer: { status: 400, body: fault(400, "Bad Request: chat not found") },
      outcome: "rejected",
    },
    "401 with a wrong token": {
      answer: { status: 401, body: fault(401, "Unauthorized") },
      outcome: "rejected",
    },
    "403 blocked": {
      answer: { status: 403, body: fault(403, "Forbidden: bot was blocked by the user") },
      outcome: "rejected",
    },
    "403 kicked": {
      answer: { status: 403, body: fault(403, "Forbidden: bot was kicked from the group chat") },
      outcome: "rejected",
    },
    "a chat that moved": { answer: { status: 400, body: MOVED }, outcome: "retry", retryAfterMs: 0 },
  },
  bodyLimitBytes: 30_000,
  messageIn: (body) => plain(JSON.parse(body).text.replace(/^<b>[^<]*<\/b>\n/, "")),
  // Only our own <b>: everything else would break the message, or be mark-up from outside.
  never: /<(?!\/?b>)/,
  rules({ chat_id, text, parse_mode, disable_notification }) {
    assert.match(chat_id, /^-100\d+$/);
    assert.equal(parse_mode, "HTML");
    assert.equal(typeof disable_notification, "boolean");
    assert.ok(text.length >= 1 && text.length <= 4096, `${text.length} characters`);
    assert.equal(text.match(/<b>/g).length, text.match(/<\/b>/g).length);
    assert.doesNotMatch(text, /&(?!amp;|lt;|gt;)/, "an entity that Telegram does not know");
  },
});

function plain(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

const SERVER = "https://telegram.example";
sinkDeclaration({
  name: "telegram",
  plugin: telegram,
  enough: { token: TOKEN, chatId: "-1001234" },
  env: { TELEGRAM_BOT_TOKEN: TOKEN, TELEGRAM_CHAT_ID: "-1001234" },
  target: "https://api.telegram.org",
  faults: [
    ["a token without a chat", { token: TOKEN }, "chatId"],
    ["a token that is none", { token: "planted token", chatId: "1" }, "token"],
    ["a chat that is no number", { token: TOKEN, chatId: "my chat" }, "chatId"],
    ["a server that is no URL", { token: TOKEN, chatId: 1, apiUrl: "planted" }, "apiUrl"],
  ],
});

describe("what Telegram is sent", () => {
  let receiver: Receiver;
  before(async () => {
    receiver = await startReceiver();
  });
  after(() => receiver.close());

  test("a chat that became a supergroup is told at its new id from the next attempt on", async () => {
    const moves: string[] = [];
    const sink = make(receiver.url, (to) => moves.push(to));
    receiver.answers({ status: 400, body: MOVED }, { status: 400, body: MOVED }, OK);
    const ports = REAL_PORTS;
    assert.equal((await deliver(sink, DOWN, ports)).outcome, "retry");
    assert.equal((await deliver(sink, DOWN, ports)).outcome, "retry");
    assert.equal((await deliver(sink, DOWN, ports)).outcome, "delivered");
    const chats = receiver.received.map(({ body }) => JSON.parse(body.toString()).chat_id);
    assert.deepEqual(chats, ["-1001234", "-1009999", "-1009999"]);
    assert.deepEqual(moves, ["-1009999"], "told once");
    assert.equal(receiver.received[0]!.path, `/bot${TOKEN}/sendMessage`);
  });

  test("what Telegram says is in the reason", async () => {
    receiver.answers({ status: 400, body: fault(400, "Bad Request: chat not found") });
    const { reason } = await deliver(make(receiver.url), DOWN, REAL_PORTS);
    assert.equal(reason, "HTTP 400: Bad Request: chat not found");
  });
});

test("only bad news makes a sound, and among several one that is bad is enough", () => {
  const sink = make(SERVER);
  const quiet = (body: string) => JSON.parse(body).disable_notification;
  assert.deepEqual(
    [DOWN, RECOVERED, FAILURE].map((alert) => quiet(sink.format(alert).body)),
    [false, true, false],
  );
  assert.equal(quiet(sink.formatMany!([RECOVERED, DOWN]).body), false);
  assert.equal(quiet(sink.formatMany!([RECOVERED, RECOVERED]).body), true);
});

test("a chat's id may be a number or a public name", () => {
  for (const [given, sent] of [
    [-1001234, "-1001234"],
    ["@my_channel", "@my_channel"],
  ]) {
    const options = telegram.options!;
    const read = options["~standard"].validate({ token: TOKEN, chatId: given }) as {
      value: { chatId: string };
    };
    assert.equal(read.value.chatId, sent);
  }
});
