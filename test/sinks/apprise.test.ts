import assert from "node:assert/strict";
import { test } from "node:test";
import apprise, { appriseSink } from "../../plugins/apprise.ts";
import { check } from "../../src/config/check.ts";
import type { Earlier } from "../../src/plugin.ts";
import { DOWN } from "./alerts.ts";
import { FIRST, sinkContract } from "./contract.ts";
import { sinkDeclaration } from "./declaration.ts";

const KEY = "planted-key-0123456789";
const make = (origin: string) => appriseSink({ url: `${origin}/notify/${KEY}`, tag: "all" }, Date.now);

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
    ["a URL of something else", { url: "https://apprise.example/notifications/" }, "url"],
    ["an empty tag", { url: `https://apprise.example/notify/${KEY}`, tag: "" }, "tag"],
  ],
});

test("every target is reached, or those of a tag", () => {
  const url = `https://apprise.example/notify/${KEY}`;
  const tagOf = (settings: object) => {
    const checked = check(apprise.options!, { url, ...settings }, []);
    assert.ok(checked.ok);
    return JSON.parse(appriseSink(checked.value, Date.now).format(DOWN).body).tag;
  };
  // Without a tag Apprise takes those alone that have none.
  assert.deepEqual([tagOf({}), tagOf({ tag: "ops" })], ["all", "ops"]);
});

test("424 is tried again, and final when it repeats: a tag that no target has stays wrong", () => {
  const sink = make("https://apprise.example");
  const answers = (...statuses: number[]): string[] => {
    let earlier: Earlier = FIRST;
    return statuses.map((status) => {
      const { outcome, reason } = sink.classify({ status, headers: {}, body: "" }, earlier);
      earlier = { attempts: earlier.attempts + 1, lastReason: reason };
      return outcome;
    });
  };
  assert.deepEqual(answers(424, 424, 424), ["retry", "retry", "rejected"]);
  assert.deepEqual(answers(424, 200), ["retry", "delivered"]);
  assert.deepEqual(answers(503, 503, 503, 424, 424), ["retry", "retry", "retry", "retry", "rejected"]);
});
