/** The same secret in the same text is hidden in the same way, wherever the text comes out. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createRedactor } from "../../src/redaction/redactor.ts";
import { exposed, type Known } from "./exposed.ts";

/** Each "planted" belongs to a secret. `known`: what the watchdog is configured with. */
const TEXTS: [what: string, text: string, secrets: string[], known?: Known][] = [
  [
    "options named credential, cookie and dsn",
    "bad planted-a1, planted-b2, planted-c3",
    ["planted-a1", "planted-b2", "planted-c3"],
    { options: { credential: "planted-a1", sessionCookie: "planted-b2", nested: [{ dsn: "planted-c3" }] } },
  ],
  [
    "variables named credential, cookie and dsn",
    "bad planted-a1, planted-b2, planted-c3",
    ["planted-a1", "planted-b2", "planted-c3"],
    { env: { DB_CREDENTIAL: "planted-a1", SESSION_COOKIE: "planted-b2", TRACKER_DSN: "planted-c3" } },
  ],
  [
    "the path of a receiver's address",
    "HTTP 404 at /planted/path of a.test",
    ["/planted/path"],
    { options: { url: "http://a.test/planted/path" } },
  ],
  ["logins in text", "amqp://bob:planted@mq/x; password=planted; Bearer planted", []],
  ["a header", "sent Authorization: Basic planted", []],
  ["addresses in text", "http://a.test/planted-01234567/x or http://a.test/x?y=planted", []],
  ["the shapes of keys", "eyJplanted.eyJzdWIiOi.planted and sk-live-planted01234567", []],
  ["a private key", "-----BEGIN PRIVATE KEY-----planted", []],
];

describe("the same text is the same everywhere", { concurrency: 4 }, () => {
  for (const [what, text, secrets, known = {}] of TEXTS) {
    test(what, async () => {
      const hidden = createRedactor(secrets)(text);
      assert.doesNotMatch(hidden, /planted/);
      for (const [where, shown] of Object.entries(await exposed(text, known))) {
        assert.ok(!shown.includes("planted"), `${where} shows a secret: ${shown}`);
        assert.ok(shown.includes(hidden), `${where} does not say "${hidden}": ${shown}`);
      }
    });
  }
});
