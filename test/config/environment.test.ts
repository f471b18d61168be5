import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFaults } from "../../src/config/fault.ts";
import { faultsOf, json, load, loaded, web } from "./fixture.ts";

test("each wrong variable is one fault, all at once", async () => {
  const env = {
    CHECK_INTERVAL_SECONDS: "-1",
    HEALTH_CHECK_TIMEOUT: "forever",
    MAX_CONSECUTIVE_FAILURES: "2.5",
    HOST: "no host",
    PORT: "70000",
    WATCHDOG_CRON: "maybe",
    LOG_LEVEL: "loud",
    LOG_FORMAT: "xml",
    DRY_RUN: "wet",
    WATCHDOG_TOKEN: "plan ted",
    CRON_SECRET: "plän",
  };
  const faults = await faultsOf({ env });
  const shown = Object.fromEntries(faults.map(({ path, found, accepted }) => [path, [found, accepted]]));
  const duration = (range: string) =>
    `a duration from ${range}: seconds as a number, or text such as "500ms", "15s", "2m"`;
  assert.deepEqual(shown, {
    "env CHECK_INTERVAL_SECONDS": ['"-1"', duration("100ms to 1d")],
    "env HEALTH_CHECK_TIMEOUT": ['"forever"', duration("10ms to 10m")],
    "env MAX_CONSECUTIVE_FAILURES": ['"2.5"', "a whole number from 1 to 1000"],
    "env HOST": [
      '"no host"',
      'an address or host name to listen on, such as "127.0.0.1", "0.0.0.0" or "::1"',
    ],
    "env PORT": ['"70000"', "a whole number from 0 to 65535"],
    "env WATCHDOG_CRON": ['"maybe"', "true or false"],
    "env LOG_LEVEL": ['"loud"', 'one of "debug", "info", "warn", "error", "silent"'],
    "env LOG_FORMAT": ['"xml"', 'one of "pretty", "json"'],
    "env DRY_RUN": ['"wet"', "true or false"],
    "env WATCHDOG_TOKEN": [
      "(hidden, 8 characters)",
      "one or more tokens of printable characters without spaces, with commas between",
    ],
    "env CRON_SECRET": ["(hidden, 4 characters)", "one token of printable characters without spaces"],
  });
  assert.equal(faults.length, Object.keys(env).length);
});

test("a secret may come from a file, its last line break left out", async () => {
  const result = await load({
    env: { WATCHDOG_TOKEN_FILE: "/run/secrets/token", WEBHOOK_URL_FILE: "hook" },
    files: { "/run/secrets/token": "one,two\r\n", "/app/hook": "http://hook/x\n" },
  });
  assert.ok(result.ok);
  assert.deepEqual(result.config.tokens, ["one", "two"]);
  assert.deepEqual(result.config.plugins.at(-1), {
    name: "webhook",
    options: { url: "http://hook/x", format: "own" },
  });
  assert.equal(result.env.WEBHOOK_URL, "http://hook/x");
});

test("a name that a plugin looks up only when another is there may come from a file too", async () => {
  const { plugins } = await loaded({
    env: { WEBHOOK_URL: "http://hook/", WEBHOOK_SECRET_FILE: "/s" },
    files: { "/s": "whsec_planted" },
  });
  assert.deepEqual(plugins.at(-1)!.options, { url: "http://hook/", signing: "whsec_planted", format: "own" });
});

test("a _FILE that is another program's is left alone, and STATE_FILE is no secret", async () => {
  const env = { SSL_KEY_FILE: "/nowhere", STATE_FILE: "state.json", AWS_TOKEN_FILE: "/nowhere" };
  assert.equal((await loaded({ env })).stateFile, "/app/state.json");
});

test("a secret that is there twice, in an empty file, or in none is one fault", async () => {
  const rows: [Record<string, string>, string, string, string][] = [
    [
      { WATCHDOG_TOKEN: "planted", WATCHDOG_TOKEN_FILE: "/s" },
      "env WATCHDOG_TOKEN_FILE",
      "WATCHDOG_TOKEN set as well",
      "either WATCHDOG_TOKEN or WATCHDOG_TOKEN_FILE",
    ],
    [
      { CRON_SECRET_FILE: "/empty", HOST: "0.0.0.0" },
      "env CRON_SECRET_FILE",
      '"/empty", which is empty',
      "a file with the value in it",
    ],
    [
      { WEBHOOK_URL_FILE: "/none" },
      "env WEBHOOK_URL_FILE",
      '"/none": no such file',
      "a readable file with the value of WEBHOOK_URL in it",
    ],
    [
      { WEBHOOK_URL_FILE: "/locked" },
      "env WEBHOOK_URL_FILE",
      '"/locked": permission denied',
      "a readable file with the value of WEBHOOK_URL in it",
    ],
  ];
  const locked = Object.assign(new Error("planted"), { code: "EACCES" });
  for (const [env, path, found, accepted] of rows) {
    const faults = await faultsOf({ env, files: { "/s": "planted", "/empty": "\n", "/locked": locked } });
    assert.deepEqual(faults, [{ path, found, accepted }]);
  }
});

test("faults of files and of everything else are told together, in words for a terminal", async () => {
  const result = await load({
    env: { PORT: "abc" },
    ...json({
      colour: 1,
      services: {
        a: { url: "http://a/", interval: "never", timeout: 0, dependsOn: ["b", "x"] },
        b: {
          url: "ftp://b/",
          containr: "c",
          dependsOn: ["a"],
          maintenance: [{ cron: "0 0 31 2 *", duration: "1h" }],
        },
      },
      plugins: { webhook: { url: 1, colour: 2 } },
    }),
  });
  assert.ok(!result.ok);
  assert.deepEqual(result.faults.map(({ path }) => path).sort(), [
    "colour",
    "env PORT",
    "plugins.webhook.colour",
    "plugins.webhook.url",
    "services.a.dependsOn",
    "services.a.dependsOn[1]",
    "services.a.interval",
    "services.a.timeout",
    "services.b.containr",
    "services.b.maintenance[0].cron",
    "services.b.url",
  ]);
  const text = formatFaults(result.faults, result.source).split("\n");
  assert.equal(text[0], "The configuration (/app/watchdog.config.json) has 11 faults; nothing was started.");
  assert.equal(text[1], '  env PORT: found "abc"');
  assert.equal(text[2], "    accepted: a whole number from 0 to 65535");
  assert.equal(text.length, 1 + 2 * 11);
});

test("planted secrets are in no fault, wherever they stand", async () => {
  const secret = "hunter2hunter2";
  const worlds = [
    {
      env: { WATCHDOG_TOKEN: `${secret} x`, WEBHOOK_URL: secret, WEBHOOK_SECRET: secret, HOST: `${secret} ` },
    },
    web({ url: `http://user:${secret}@web/` }),
    web({ url: `ftp://web/?token=${secret}` }),
    web({ token: secret, password: { a: secret }, http: { headers: [secret] } }),
    web({}, { token: secret, plugins: { webhook: { url: secret, secret: [secret], signing: secret } } }),
    web({}, { plugins: { [`https://hooks/${secret}`]: {}, webhook: secret, cron: [secret] } }),
    web({}, { plugins: { webhook: { url: "http://x/", format: `https://x/${secret}` } } }),
    { files: { "/app/watchdog.config.json": `{"services": {}, "token": ${secret}}` } },
    { files: { "/app/watchdog.config.json": `"${secret}"` } },
    { files: { "/app/watchdog.config.yaml": `token: "${secret}\n` } },
    { files: { "/app/watchdog.config.yaml": `- a\n${secret}: 1` } },
    { files: { "/app/watchdog.config.yaml": `a: *${secret}` } },
    { files: { "/app/watchdog.config.yaml": `a: "\\${secret}"` } },
    { files: { "/app/watchdog.config.yaml": `a: !${secret} b` } },
    {
      env: { WEBHOOK_SECRET: secret },
      files: { "/app/watchdog.config.js": "" },
      modules: {
        "file:///app/watchdog.config.js": () => {
          throw new SyntaxError(`Unexpected identifier '${secret}'`);
        },
      },
    },
  ];
  for (const world of worlds) {
    const result = await load(world);
    assert.ok(!result.ok, JSON.stringify(world));
    assert.doesNotMatch(formatFaults(result.faults, result.source), /hunter2/);
    assert.doesNotMatch(JSON.stringify(result.faults), /hunter2/);
  }
});
