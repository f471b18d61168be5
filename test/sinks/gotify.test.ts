import assert from "node:assert/strict";
import { test } from "node:test";
import gotify, { gotifySink } from "../../plugins/gotify.ts";
import { DOWN } from "./alerts.ts";
import { sinkContract } from "./contract.ts";
import { sinkDeclaration } from "./declaration.ts";

const TOKEN = "A-planted.token_1";
const make = (origin: string) => gotifySink({ url: `${origin}/`, token: TOKEN }, Date.now);
const fault = (status: number) => ({
  status,
  body: JSON.stringify({ error: "no", errorCode: status, errorDescription: `not ${TOKEN}` }),
});

sinkContract({
  name: "gotify",
  make,
  secrets: [TOKEN],
  success: { status: 200, body: '{"id":25,"appid":5,"message":"m","title":"t","priority":8}' },
  endlessSuccess: "retry",
  answers: {
    "200 with a fault in its body": { answer: { ...fault(400), status: 200 }, outcome: "retry" },
    "200 with a login page": { answer: { status: 200, body: "<html></html>" }, outcome: "retry" },
    "401": { answer: fault(401), outcome: "rejected" },
    "403": { answer: fault(403), outcome: "rejected" },
  },
  bodyLimitBytes: 60_000,
  messageIn: (body) => JSON.parse(body).message,
  rules({ title, message, priority }) {
    assert.ok(title.length >= 1 && message.length >= 1, "Gotify refuses an empty message");
    assert.ok(Number.isInteger(priority) && priority >= 0 && priority <= 10);
  },
});

sinkDeclaration({
  name: "gotify",
  plugin: gotify,
  enough: { url: "https://gotify.example/", token: TOKEN },
  env: { GOTIFY_URL: "https://gotify.example", GOTIFY_TOKEN: TOKEN },
  target: "https://gotify.example",
  faults: [
    ["a server without a token", { url: "https://gotify.example/" }, "token"],
    ["a token without a server", { token: TOKEN }, "url"],
    ["a token with a line break", { url: "https://gotify.example/", token: "planted\n" }, "token"],
  ],
});

test("it posts to /message of the server, wherever it is mounted, with the token in a header only", () => {
  for (const [url, endpoint] of [
    ["https://gotify.example", "https://gotify.example/message"],
    ["https://example.com/gotify/", "https://example.com/gotify/message"],
    ["https://gotify.example/message", "https://gotify.example/message"],
  ] as const) {
    const request = gotifySink({ url, token: TOKEN }, Date.now).format(DOWN);
    assert.equal(request.url, endpoint);
    assert.equal(request.headers["x-gotify-key"], TOKEN);
    assert.ok(!request.body.includes(TOKEN));
  }
});
