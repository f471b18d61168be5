import assert from "node:assert/strict";
import { test } from "node:test";
import apprise, { appriseSink } from "../../plugins/apprise.ts";
import { DOWN } from "./alerts.ts";
import { sinkContract } from "./contract.ts";
import { sinkDeclaration } from "./declaration.ts";

const KEY = "planted-key-0123456789";
const make = (origin: string) => appriseSink({ url: `${origin}/notify/${KEY}` }, Date.now);

sinkContract({
  name: "apprise",
  make,
  secrets: [KEY],
  success: { status: 200, body: '{"error":"","details":[]}' },
  answers: {
    "204: no target": { answer: { status: 204 }, outcome: "rejected" },
    "202, which Apprise does not say": { answer: { status: 202 }, outcome: "retry" },
    "424: some targets failed": {
      answer: { status: 424, body: '{"error":"One or more notification could not be sent"}' },
      outcome: "retry",
    },
    "403": { answer: { status: 403 }, outcome: "rejected" },
  },
  bodyLimitBytes: 60_000,
  messageIn: (body) => JSON.parse(body).body,
  rules({ title, body, type, format }) {
    assert.ok(title.length <= 250);
    assert.ok(body.length >= 1, "Apprise wants a body");
    assert.match(type, /^(info|success|warning|failure)$/);
    assert.equal(format, "text");
  },
});

sinkDeclaration({
  name: "apprise",
  plugin: apprise,
  enough: { url: `https://apprise.example/notify/${KEY}` },
  env: { APPRISE_URL: `https://apprise.example/notify/${KEY}` },
  target: "https://apprise.example",
  faults: [
    ["a server alone", { url: "https://planted.example/" }, "url"],
    ["a URL without a key", { url: "https://apprise.example/notify/" }, "url"],
    ["an empty tag", { url: `https://apprise.example/notify/${KEY}`, tag: "" }, "tag"],
  ],
});

test("a tag chooses among its targets", () => {
  const sink = appriseSink({ url: `https://apprise.example/notify/${KEY}`, tag: "ops" }, Date.now);
  assert.equal(JSON.parse(sink.format(DOWN).body).tag, "ops");
});
