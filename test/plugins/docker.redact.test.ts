import assert from "node:assert/strict";
import test from "node:test";
import { createRedact, oneLine, secretValues } from "../../plugins/docker/redact.ts";

const redact = createRedact();

/** The secret is what stands between the marks. */
const SECRETS = [
  "DB_PASSWORD=«hunter2»",
  "password: «hunter2» next",
  '{"password":"«hunter two»","user":"bob"}',
  '{\\"api_key\\":\\"«abc123»\\"}',
  "SECRET_KEY_BASE=«abc»",
  "token => «abc»",
  "run --password «hunter2» --fast",
  "Authorization: Basic «dXNlcjpwYXNz»",
  "authorization: Bearer «abcdef123456»",
  "sent Bearer «abcdef123456»",
  "connect postgres://«bob:hun@ter2»@db:5432/x",
  "mongodb+srv://«bob:x»@c.example",
  "AWS «AKIAIOSFODNN7EXAMPLE» used",
  `clone with «ghp_${"a1".repeat(18)}»`,
  "jwt «eyJhbGciOi.eyJzdWIiOi.SflKxwRJSM»",
  "GET /x?sig=«abc%3D»&y=1",
  `2026-01-01T00:00:00Z «${"aB3+".repeat(16)}»`,
  "-----BEGIN RSA «PRIVATE KEY-----\nMIIEabc\n-----END RSA PRIVATE» KEY-----",
];

for (const marked of SECRETS) {
  test(`a secret is redacted: ${JSON.stringify(marked).slice(0, 60)}`, () => {
    const hidden = /«([\s\S]*)»/.exec(marked)![1]!;
    const clean = redact(marked.replace(/[«»]/g, ""));
    assert.doesNotMatch(clean, new RegExp(hidden.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")));
    assert.match(clean, /\[redacted\]/);
  });
}

test("what is no secret stays readable", () => {
  for (const line of [
    "2026-01-01T00:00:00Z GET /health 503 in 12 ms",
    "connected to http://db:5432/x",
    `pulled sha256:${"ab".repeat(32)}`,
    "ab".repeat(32),
    "write /x: no space left on device",
    "used 512 tokens of 1000",
  ]) {
    assert.equal(redact(line), line);
  }
});

test("configured patterns and known values are redacted too", () => {
  assert.equal(createRedact(["customer-\\d+"])("for Customer-123 now"), "for [redacted] now");
  const known = secretValues(["DB_PASS=correct horse", "PORT=8080", "TOKEN=abc", "API_KEY=a=b=c=d"]);
  assert.deepEqual(known, ["correct horse", "a=b=c=d"]);
  assert.equal(redact("said correct horse and a=b=c=d", known), "said [redacted] and [redacted]");
});

test("a line is cut without half of a character", () => {
  assert.equal(oneLine("abc😀def", 5), "abc…");
  assert.equal(oneLine("short", 5), "short");
});
