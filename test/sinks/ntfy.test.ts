import assert from "node:assert/strict";
import { test } from "node:test";
import ntfy, { ntfySink } from "../../plugins/ntfy.ts";
import { DOWN } from "./alerts.ts";
import { FIRST, sinkContract } from "./contract.ts";
import { sinkDeclaration } from "./declaration.ts";

const TOKEN = "tk_planted0123456789";
const TOPIC = "planted-topic_1";
const NOON = Date.parse("2026-11-23T12:00:00Z");
const make = (origin: string) => ntfySink({ url: `${origin}/${TOPIC}`, token: TOKEN }, () => NOON);
const MADE = '{"id":"abc","time":1,"event":"message","topic":"t","message":"m"}';
const fault = (code: number, http: number) => JSON.stringify({ code, http, error: `no, ${TOPIC}` });
const HOUR_MS = 3_600_000;

sinkContract({
  name: "ntfy",
  make,
  secrets: [TOKEN, TOPIC],
  success: { status: 200, body: MADE },
  endlessSuccess: "retry",
  answers: {
    "200 with a login page": { answer: { status: 200, body: "<html></html>" }, outcome: "retry" },
    "401": { answer: { status: 401, body: fault(40101, 401) }, outcome: "rejected" },
    "403": { answer: { status: 403, body: fault(40301, 403) }, outcome: "rejected" },
    "413": { answer: { status: 413, body: fault(41303, 413) }, outcome: "rejected" },
    "429 of too many requests": { answer: { status: 429, body: fault(42901, 429) }, outcome: "retry" },
    "429 of the daily quota": {
      answer: { status: 429, body: fault(42908, 429) },
      outcome: "retry",
      retryAfterMs: 3 * HOUR_MS,
    },
    "429 of the daily quota with a longer header": {
      answer: { status: 429, headers: { "retry-after": "36000" }, body: fault(42908, 429) },
      outcome: "retry",
      retryAfterMs: 10 * HOUR_MS,
    },
  },
  // ntfy reads no more than twice 4096 bytes of a JSON body.
  bodyLimitBytes: 8192,
  messageIn: (body) => JSON.parse(body).message,
  rules({ topic, title, message, tags, priority }) {
    assert.match(topic, /^[-_A-Za-z0-9]{1,64}$/);
    assert.ok(title.length >= 1);
    assert.ok(message !== "" && Buffer.byteLength(message) <= 4096, "ntfy makes a file of a longer one");
    assert.ok(priority >= 1 && priority <= 5);
    assert.ok(Array.isArray(tags));
  },
});

sinkDeclaration({
  name: "ntfy",
  plugin: ntfy,
  enough: { url: `https://ntfy.example/${TOPIC}`, token: TOKEN },
  env: { NTFY_URL: `https://ntfy.example/${TOPIC}`, NTFY_TOKEN: TOKEN },
  target: "https://ntfy.example",
  faults: [
    ["a server without a topic", { url: "https://planted.example/" }, "url"],
    ["a topic with a space", { url: "https://ntfy.example/planted topic" }, "url"],
    ["a topic of 65 characters", { url: `https://ntfy.example/${"p".repeat(65)}` }, "url"],
    ["a token without a URL", { token: TOKEN }, "url"],
    ["an empty token", { url: `https://ntfy.example/${TOPIC}`, token: "" }, "token"],
  ],
});

test("it posts to the server's root, with the topic inside and the token in a header", () => {
  for (const [url, root] of [
    ["https://ntfy.example/my-topic", "https://ntfy.example/"],
    ["https://ntfy.example/my-topic/", "https://ntfy.example/"],
    ["https://example.com/push/my-topic", "https://example.com/push/"],
  ] as const) {
    const request = ntfySink({ url, token: TOKEN }, Date.now).format(DOWN);
    assert.equal(request.url, root);
    assert.equal(JSON.parse(request.body).topic, "my-topic");
    assert.equal(request.headers.authorization, `Bearer ${TOKEN}`);
  }
  const open = ntfySink({ url: "https://ntfy.example/t" }, Date.now).format(DOWN);
  assert.equal(open.headers.authorization, undefined);
});

test("a quota that is used up late in the day is tried again soon after midnight UTC", () => {
  const late = Date.parse("2026-11-23T23:50:00Z");
  const sink = ntfySink({ url: "https://ntfy.example/t" }, () => late);
  const delivery = sink.classify({ status: 429, headers: {}, body: fault(42908, 429) }, FIRST);
  assert.deepEqual(delivery, {
    outcome: "retry",
    reason: "HTTP 429 (ntfy's code 42908): the day's quota of messages is used up",
    retryAfterMs: 11 * 60_000,
  });
});
