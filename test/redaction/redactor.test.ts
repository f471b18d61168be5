import assert from "node:assert/strict";
import { test } from "node:test";
import { createLearningRedactor, createRedactor, hiding } from "../../src/redaction/redactor.ts";
import { secretsOfEnvironment, secretsOfRequest } from "../../src/redaction/secrets.ts";
import { type Random, seeded } from "../simulation/random.ts";
import { exposed } from "./exposed.ts";

const SECRET = "plänted/s3cret+&=";
const base64 = (text: string) => Buffer.from(text).toString("base64");

test("a secret is hidden as other texts write it", () => {
  const redact = hiding([SECRET]);
  for (const written of [
    SECRET,
    JSON.stringify(SECRET),
    "pl\\u00e4nted\\/s3cret+&=",
    encodeURIComponent(SECRET),
    encodeURIComponent(SECRET).toLowerCase(),
    encodeURI(SECRET),
    base64(SECRET),
    Buffer.from(SECRET).toString("base64url"),
    base64(`user:${SECRET}`),
    base64(`\0user\0${SECRET}\0`),
  ]) {
    assert.match(redact(`it said ${written} then`), /^it said "?\[redacted\]"? then$/, written);
  }
});

test("secrets that overlap leave nothing of each other", () => {
  const redact = hiding(["abcdefgh12", "gh12345678", "12345678", "xabcdefgh12"]);
  assert.equal(redact("<abcdefgh12345678>"), "<[redacted]>");
  assert.equal(redact("<xabcdefgh12gh12345678>, 12345678"), "<[redacted]>, [redacted]");
});

test("what a cut has left of a secret is hidden if it is half of it or more", () => {
  const redact = hiding(["0123456789abcdef"]);
  assert.equal(redact("it said 0123456789…"), "it said [redacted]…");
  assert.equal(redact("it said 01234567"), "it said [redacted]");
  assert.equal(redact("…89abcdef was said"), "…[redacted] was said");
  assert.equal(redact("it said 0123456"), "it said 0123456");
  assert.equal(redact("9abcdef and 0123456789 were said"), "9abcdef and 0123456789 were said");
});

test("a redactor that learns hides what it learned before, too", () => {
  const { redact, learn } = createLearningRedactor();
  assert.equal(redact("planted-1 planted-2"), "planted-1 planted-2");
  learn(["planted-1"]);
  learn(["planted-2"]);
  assert.equal(redact("planted-1 planted-2"), "[redacted] [redacted]");
});

test("of several addresses in one variable, no host is taken for a key", () => {
  const hide = hiding(
    secretsOfEnvironment({
      WEBHOOK_URL: "http://127.0.0.1:80/a?k=planted-01234567,http://127.0.0.1:80/b?to=http://127.0.0.1:81/",
      WEBHOOK_KEY: "http://127.0.0.1:80/a?k=planted-76543210,http://127.0.0.1:80/b",
    }),
  );
  assert.equal(hide("http://127.0.0.1:80/status"), "http://127.0.0.1:80/status");
  assert.equal(hide("planted-01234567 planted-76543210"), "[redacted] [redacted]");
});

test("the folders of a shell are no secrets", () => {
  assert.deepEqual([...secretsOfEnvironment({ PWD: "/srv/watchdog", OLDPWD: "/srv/before" })], []);
});

test("short words and short numbers are no secrets, so that ordinary lines stay readable", () => {
  const line = "docker restarted staging in 123456 ms; hunter2";
  assert.equal(hiding(["docker", "staging", "123456", "in", "", "ms;"])(line), line);
  assert.equal(hiding(["hunter2"])(line), line.replace("hunter2", "[redacted]"));
});

test("a redactor without secrets changes nothing, and no secret is read as a pattern", () => {
  assert.equal(hiding([])("a line"), "a line");
  assert.equal(hiding(["^.*$(a|b)[c]\\d{1}"])("a line"), "a line");
  assert.equal(hiding(["$&-$1-$$$$"])("<$&-$1-$$$$>"), "<[redacted]>");
});

test("variables give their values by their names, and addresses their passwords and keys", () => {
  const found = secretsOfEnvironment({
    DB_CREDENTIAL: "planted-1",
    SESSION_COOKIE: "planted-2",
    SENTRY_DSN: "https://planted-3@sentry.test/42",
    SMTP_PASS: "planted-4",
    DATABASE_URL: "postgres://bob:planted%205@db/orders",
    SLACK_WEBHOOK_URL: "https://chat.test/services/planted-6,https://chat.test/planted-7",
    WEBHOOK_JSON_KEY: "executor",
    TOKEN_FILE: "/run/secrets/token",
    EXECUTOR_URL: "http://executor:8080/api/health",
    COMPASS: "north-north-west",
    PORT: "8080",
  });
  const redact = hiding(found);
  const line =
    "planted-1 planted-2 planted-3@sentry planted-4 planted 5 /services/planted-6 /planted-7 executor /run/secrets/token /api/health";
  assert.equal(
    redact(line).replaceAll("[redacted]", "-"),
    "- - planted-3@sentry - - - - executor /run/secrets/token /api/health",
  );
});

test("what a receiver may echo of a request is hidden, but not its public headers", () => {
  const redact = hiding(
    secretsOfRequest({
      url: "https://api.test/bot123456:planted-key/send?chat=planted-chat-01",
      headers: { "X-Token": "Bearer planted-token", "Content-Type": "application/json" },
    }),
  );
  assert.equal(
    redact("planted-key planted-chat-01 planted-token application/json at api.test"),
    "[redacted] [redacted] [redacted] application/json at api.test",
  );
});

/** From letters of words, of regular expressions, of URLs and JSON, and of other scripts. */
const LETTERS = [..."abcdeABCDE0123456789", ...'.*+?^$|{}()[]\\/"&%=#@:;,<> \n\t', ..."äöß漢字🔥é"];

function secretOf(random: Random): string {
  const length = Math.floor(random.between(12, 40));
  const middle = Array.from({ length }, () => random.pick(LETTERS)).join("");
  // A value from the environment or a file has no spaces at its ends.
  return `k${middle}7`;
}

const WAYS: ((secret: string) => string)[] = [
  (secret) => secret,
  (secret) => JSON.stringify(secret),
  (secret) => JSON.stringify(JSON.stringify(secret).slice(1, -1)),
  encodeURIComponent,
  (secret) => new URLSearchParams({ a: secret }).toString(),
  base64,
  (secret) => Buffer.from(secret).toString("base64url"),
  (secret) => base64(`user:${secret}`),
  (secret) => base64(`{"a":"${secret}"}`),
];

test("in 3000 random texts no random secret is left, and hiding twice changes nothing", () => {
  const seed = Number(process.env.SEED ?? 5);
  const random = seeded(seed);
  for (let round = 0; round < 3000; round++) {
    const secrets = [secretOf(random), secretOf(random)];
    const [secret, other] = secrets as [string, string];
    const written = random.pick(WAYS)(secret);
    const around = Array.from({ length: 4 }, () =>
      random.pick([...LETTERS, other, "word", "http://a.test/"]),
    );
    const text = `${around[0]} ${around[1]}${written}${around[2]} ${around[3]}`;
    const redact = createRedactor(secrets);
    const shown = redact(text);
    const told = `SEED=${seed}, round ${round}: ${JSON.stringify({ secrets, text, shown })}`;
    for (const one of [secret, other, written.replace(/^"|"$/g, "")]) assert.ok(!shown.includes(one), told);
    assert.equal(redact(shown), shown, told);
    const cut = redact(text.slice(0, text.indexOf(written) + Math.ceil(written.length * 0.75)));
    assert.ok(!cut.includes(written.slice(1, Math.ceil(written.length * 0.7))), `${told}, cut: ${cut}`);
  }
});

test("random secrets come out nowhere", async () => {
  const random = seeded(9);
  for (let round = 0; round < 3; round++) {
    const secret = secretOf(random).replace(/[\s\0]/g, "_");
    const text = `${secret} ${JSON.stringify(secret)} ${base64(`user:${secret}`)}`;
    const all = await exposed(text, { options: { credential: secret } });
    const traces = [secret, JSON.stringify(secret).slice(1, -1), base64(`user:${secret}`).slice(8, 20)];
    for (const [where, shown] of Object.entries(all)) {
      for (const trace of traces) assert.ok(!shown.includes(trace), `${where} shows ${secret}: ${shown}`);
    }
  }
});
