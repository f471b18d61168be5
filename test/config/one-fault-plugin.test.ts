/** Files with exactly one fault each outside their services' own settings: nothing else may be reported. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fault } from "../../src/config/fault.ts";
import { faultsOf, type World, web } from "./fixture.ts";

const URL_ =
  'an absolute URL such as "http://executor:8080/health" (http or https, no user name or password in it)';
const BUILT_IN =
  'one of http, docker, cron, webhook, console, process; or a third party\'s, with "from": "./its-module.ts"';
const LONGER =
  'tokens of at least 16 characters where other machines can connect: "openssl rand -hex 32" makes one';

const rows: [what: string, world: World, path: string, found: string, accepted: string][] = [
  [
    "what a service says to a plugin",
    web({ http: { status: 42 } }),
    "services.web.http.status",
    "42",
    "a whole number from 100 to 599",
  ],
  [
    "a header, whose value may be a secret",
    web({ http: { headers: { "X-Api": 12345 } } }),
    "services.web.http.headers.X-Api",
    "(hidden, 5 characters)",
    "a text",
  ],
  [
    "an unknown plugin",
    web({}, { plugins: { webhok: { url: "http://planted" } } }),
    "plugins.webhok",
    'unknown plugin "webhok"',
    `"webhook" (the nearest known one), or ${BUILT_IN}`,
  ],
  [
    "a plugin that is neither on nor off",
    web({}, { plugins: { webhook: "https://hooks/planted" } }),
    "plugins.webhook",
    "(hidden, 21 characters)",
    "true, false, or an object of settings",
  ],
  [
    "a plugin's setting",
    web({}, { plugins: { cron: { every: "1ms" } } }),
    "plugins.cron.every",
    '"1ms"',
    'a duration from 100ms to 365d: seconds as a number, or text such as "500ms", "15s", "2m"',
  ],
  [
    "a setting of a plugin that has none",
    web({}, { plugins: { console: { colour: true } } }),
    "plugins.console.colour",
    'unknown key "colour"',
    "no key here",
  ],
  [
    "a sink's URL, which may be a secret",
    web({}, { plugins: { webhook: { url: "hooks/planted" } } }),
    "plugins.webhook.url",
    "(hidden, 13 characters)",
    "a URL",
  ],
  [
    "a secret by its schema alone",
    web({}, { plugins: { webhook: { url: "http://x/", signing: "planted" } } }),
    "plugins.webhook.signing",
    "(hidden, 7 characters)",
    "text with whsec_",
  ],
  [
    "another machine's address without a token",
    web({}, { host: "0.0.0.0" }),
    "host",
    '"0.0.0.0" without a token',
    '127.0.0.1; or any address with a secret in WATCHDOG_TOKEN (or CRON_SECRET), since whoever reaches it can have containers restarted: "openssl rand -hex 32" makes one',
  ],
  [
    "a short token on another machine's address",
    { env: { HOST: "0.0.0.0", WATCHDOG_TOKEN: `x,${"y".repeat(16)}` } },
    "env WATCHDOG_TOKEN",
    'a token of 1 character while listening on "0.0.0.0"',
    LONGER,
  ],
  [
    "a short token on the file's address",
    { ...web({}, { host: "::" }), env: { CRON_SECRET: "y".repeat(15) } },
    "env CRON_SECRET",
    'a token of 15 characters while listening on "::"',
    LONGER,
  ],
  ["a brake's share", web({}, { brake: { share: 0 } }), "brake.share", "0", "a number above 0, at most 1"],
  ["a sentinel without a URL", web({}, { sentinel: {} }), "sentinel.url", "nothing", URL_],
];

for (const [what, world, path, found, accepted] of rows) {
  test(`one fault: ${what}`, async () => {
    assert.deepEqual(await faultsOf(world), [{ path, found, accepted }] satisfies Fault[]);
  });
}
