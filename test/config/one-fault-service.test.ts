/** Services with exactly one fault each: nothing else may be reported. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fault } from "../../src/config/fault.ts";
import { faultsOf, json, type World, web } from "./fixture.ts";

const INTERVAL = 'a duration from 100ms to 1d: seconds as a number, or text such as "500ms", "15s", "2m"';
const URL_ =
  'an absolute URL such as "http://executor:8080/health" (http or https, no user name or password in it)';
const CONTAINER = 'a container name: letters, digits, "_", "." and "-", beginning with a letter or digit';
const CRON =
  'a cron expression of 5 fields ("0 3 * * 0": Sundays at 3:00), of 6 with seconds first, or "@daily" and its like';
const ON = "the name of a plugin that is on: http, docker, cron";
const BUDGET = '"never" for no limit, or an object such as { "restarts": 5, "window": "10m" }';
const THREE = { a: { url: "http://a/" }, b: { url: "http://b/" }, c: { url: "http://c/" } };

const rows: [what: string, world: World, path: string, found: string, accepted: string][] = [
  [
    "a mistyped top key",
    json({ service: {} }),
    "service",
    'unknown key "service"',
    '"services" (the nearest known one)',
  ],
  [
    "a mistyped key of a service",
    web({ intervall: "15s" }),
    "services.web.intervall",
    'unknown key "intervall"',
    '"interval" (the nearest known one)',
  ],
  [
    "a key that is inherited by every object",
    web({}, { brake: { constructor: 1 } }),
    "brake.constructor",
    'unknown key "constructor"',
    'one of "share", "min", "window"',
  ],
  ["an interval that is no duration", web({ interval: "soon" }), "services.web.interval", '"soon"', INTERVAL],
  ["a negative duration", web({ interval: -5 }), "services.web.interval", "-5", INTERVAL],
  ["a duration without a unit", web({ interval: "500" }), "services.web.interval", '"500"', INTERVAL],
  [
    "a negative start period",
    web({ startPeriod: "-1s" }),
    "services.web.startPeriod",
    '"-1s"',
    'a duration from 0ms to 1d: seconds as a number, or text such as "500ms", "15s", "2m"',
  ],
  [
    "a threshold of 0",
    web({ failureThreshold: 0 }),
    "services.web.failureThreshold",
    "0",
    "a whole number from 1 to 1000",
  ],
  ["a budget of 0", web({ budget: 0 }), "services.web.budget", "0", BUDGET],
  ["a budget in other words", web({ budget: "none" }), "services.web.budget", '"none"', BUDGET],
  [
    "a budget of 0 restarts",
    web({ budget: { restarts: 0, window: "10m" } }),
    "services.web.budget.restarts",
    "0",
    'a whole number from 1 to 1000 (for no restarts at all, set "action" to "notify")',
  ],
  [
    "a backoff whose cap is under its base",
    web({ backoff: { base: "1m", cap: "30s" } }),
    "services.web.backoff.cap",
    '"30s"',
    "at least the base, 1m",
  ],
  [
    "a fast interval that is the slower one",
    web({ fastInterval: "20s" }),
    "services.web.fastInterval",
    '"20s"',
    "at most the interval, 15s",
  ],
  ["no URL", json({ services: { web: {} } }), "services.web.url", "nothing", URL_],
  ["a URL without a scheme", web({ url: "web:8080/health" }), "services.web.url", '"web:8080/health"', URL_],
  ["a URL with a line break", web({ url: "http://web/\n" }), "services.web.url", '"http://web/\\n"', URL_],
  [
    "a URL of another scheme for another check",
    web({ check: "console", url: "redis" }, { plugins: { console: {} } }),
    "services.web.url",
    '"redis"',
    'an absolute URL such as "tcp://redis:6379" (no user name or password in it)',
  ],
  [
    "a URL with a password in it",
    web({ url: "http://u:planted@web/" }),
    "services.web.url",
    "(hidden, 21 characters)",
    URL_,
  ],
  [
    "a container name with a command in it",
    web({ container: "web; rm -rf /" }),
    "services.web.container",
    '"web; rm -rf /"',
    CONTAINER,
  ],
  ["a container that YAML left empty", web({ container: null }), "services.web.container", "null", CONTAINER],
  [
    "an action that does not exist",
    web({ action: "reboot" }),
    "services.web.action",
    '"reboot"',
    'one of "restart", "stop", "notify", "none"',
  ],
  ["a flag in words", web({ dryRun: "yes" }), "services.web.dryRun", '"yes"', "true or false"],
  [
    "a terminal's control characters, cut to 80 characters",
    web({ displayName: `\u001b[2J\u202e${"x".repeat(200)}` }),
    "services.web.displayName",
    `"\\u001b[2J\\u202e${"x".repeat(72)}…"`,
    "a text of 1 to 100 characters on one line",
  ],
  [
    "a service name that no URL could hold",
    json({ services: { "a b": { url: "http://a/" } } }),
    'services["a b"]',
    '"a b"',
    'a name of 1 to 64 letters, digits, "_", "." and "-", beginning with a letter or digit',
  ],
  [
    "a service that is no object",
    json({ services: { web: "http://web/" } }),
    "services.web",
    '"http://web/"',
    "an object with the service's settings",
  ],
  ["services as a list", json({ services: [] }), "services", "a list of 0", "an object of services by name"],
  [
    "no service at all",
    json({ services: {} }),
    "services",
    "no services",
    'at least one service; leave "services" out for the built-in four',
  ],
  [
    "services that YAML left empty",
    { files: { "/app/watchdog.config.yaml": "services:\n" } },
    "services",
    "null",
    "an object of services by name",
  ],
  [
    "an unknown dependency",
    json({ services: { ...THREE, d: { url: "http://d/", dependsOn: ["a", "databas"] }, database: THREE.a } }),
    "services.d.dependsOn[1]",
    'unknown service "databas"',
    '"database" (the nearest known one)',
  ],
  [
    "a dependency that is far from every name",
    json({ services: { ...THREE, d: { url: "http://d/", restartWith: ["postgres"] } } }),
    "services.d.restartWith[0]",
    'unknown service "postgres"',
    'one of "a", "b", "c"',
  ],
  [
    "a self-dependency",
    web({ dependsOn: ["web"] }),
    "services.web.dependsOn[0]",
    '"web", the service itself',
    "another service",
  ],
  [
    "a cycle, with its path",
    json({
      services: {
        z: { url: "http://z/", dependsOn: ["a"] },
        a: { url: "http://a/", dependsOn: ["b"] },
        b: { url: "http://b/", dependsOn: ["c"] },
        c: { url: "http://c/", dependsOn: ["a"] },
      },
    }),
    "services.a.dependsOn",
    "a cycle: a -> b -> c -> a",
    "dependencies without a cycle",
  ],
  [
    "two services that would restart one container",
    json({ services: { a: { ...THREE.a, container: "app" }, b: { ...THREE.b, container: "app" } } }),
    "services.b.container",
    '"app", which services.a restarts',
    'a container of its own; or "action": "notify", to watch it and leave the restart to the other',
  ],
  [
    "a window that never opens",
    web({ maintenance: [{ cron: "0 0 30 2 *", duration: "1h" }] }),
    "services.web.maintenance[0].cron",
    '"0 0 30 2 *", which never opens',
    CRON,
  ],
  [
    "a window with a wrong field, for all services",
    web({}, { maintenance: [{ cron: "0 25 * * *", duration: "1h" }] }),
    "maintenance[0].cron",
    '"0 25 * * *"',
    CRON,
  ],
  [
    "a window that is a date",
    web({ maintenance: [{ cron: "2020-01-01T00:00:00", duration: "1h" }] }),
    "services.web.maintenance[0].cron",
    '"2020-01-01T00:00:00"',
    CRON,
  ],
  [
    "an unknown time zone",
    web({ maintenance: [{ cron: "0 3 * * *", duration: "1h", timeZone: "Mars/Olympus" }] }),
    "services.web.maintenance[0].timeZone",
    '"Mars/Olympus"',
    'a time zone of the IANA list, such as "Europe/Warsaw" or "UTC"',
  ],
  [
    "a check that no plugin provides",
    web({ check: "htp" }),
    "services.web.check",
    '"htp", which no plugin provides',
    `"http" (the nearest known one), or ${ON}`,
  ],
  [
    "a restarter whose plugin is off",
    web({ container: "web" }, { plugins: { docker: false } }),
    "services.web.restarter",
    '"docker", a plugin that is off',
    'the name of a plugin that is on: http, cron; or switch it on with "plugins": { "docker": {} }',
  ],
  [
    "a restarter without the setting that it cannot do without",
    web({ restarter: "process" }, { plugins: { process: {} } }),
    "services.web.process.command",
    "nothing",
    "a command",
  ],
];

for (const [what, world, path, found, accepted] of rows) {
  test(`one fault: ${what}`, async () => {
    assert.deepEqual(await faultsOf(world), [{ path, found, accepted }] satisfies Fault[]);
  });
}
