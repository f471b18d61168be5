import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { createRedactor } from "../../src/redaction/redactor.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const redact = createRedactor();

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
    "it has no token: send Authorization: Bearer <WATCHDOG_TOKEN>",
    "HTTP 302 redirect to http://login.test/sign-in/again: not followed",
    `Post "http://%2Fvar%2Frun%2Fdocker.sock/v1.47/containers/${"0f".repeat(32)}/restart": EOF`,
  ]) {
    assert.equal(redact(line), line);
  }
});

/** Examples of addresses with a login, and the realm that asks for a token. */
const MEANT = /^(redis|smtp):\/\/user:password@|^Bearer realm=/;

test("no sentence of ours looks like a secret", () => {
  const files = ["src", "plugins"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.endsWith("redaction/patterns.ts"))
      .map((name) => join(ROOT, folder, name)),
  );
  const sentences = files.flatMap((file) => [
    ...readFileSync(file, "utf8").matchAll(/"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\\n]|\\.)*)`/g),
  ]);
  const texts = sentences.map(([, quoted, template]) => quoted ?? template!);
  assert.ok(texts.length > 2000, `${texts.length} texts`);
  const hidden = texts.filter((text) => !MEANT.test(text) && redact(text) !== text);
  assert.deepEqual(hidden, []);
});
