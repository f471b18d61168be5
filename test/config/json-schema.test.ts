/** The published JSON Schema, as a validator of its own reads it: it accepts and refuses what the watchdog does. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { parse } from "yaml";
import { builtins } from "../../src/builtin-plugins.ts";
import { jsonSchemaOf } from "../../src/config/json-schema.ts";
import { withVariables } from "../../src/config/json-schema-variables.ts";
import { load } from "./fixture.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const text = (path: string) => readFileSync(join(ROOT, path), "utf8");
// `secret` marks what is never shown; ajv would take it for a mistake.
const ajv = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true, keywords: ["secret"] });
const validate = ajv.compile(withVariables(jsonSchemaOf(builtins)));

async function accepts(
  content: unknown,
  env: Record<string, string> = {},
): Promise<{ schema: boolean; watchdog: boolean; why: string }> {
  const files = { "/app/watchdog.config.json": JSON.stringify(content) };
  const loaded = await load({ files, env }, { plugins: builtins });
  const schema = validate(content);
  const faults = loaded.ok ? [] : loaded.faults;
  return { schema, watchdog: loaded.ok, why: JSON.stringify([validate.errors, faults]) };
}

test("the example is right by both", async () => {
  const content = parse(text("watchdog.config.example.yaml"));
  assert.ok(validate(content), JSON.stringify(validate.errors));
});

const web = (settings: object) => ({ services: { web: { url: "http://web/", ...settings } } });
const RIGHT: readonly unknown[] = [
  {},
  { $schema: "./schema.json", port: 0, logFormat: "json", brake: {}, sentinel: { url: "http://10.0.0.1/" } },
  web({ interval: "15s", timeout: 0.5, startPeriod: "1m", budget: "never", backoff: { base: 1, jitter: 0 } }),
  web({
    budget: { restarts: 2 },
    maintenance: [{ cron: "0 3 * * *", duration: "1h", timeZone: "Europe/Warsaw" }],
  }),
  web({ http: { status: [200, "300-399"], bodyExcludes: "down", bodyJson: { path: "a", equals: null } } }),
  web({ http: { status: "200-299", headers: { host: "web.example" } }, docker: { stopTimeout: 5 } }),
  {
    plugins: {
      cron: true,
      docker: null,
      webhook: { url: "http://hooks/x", secret: [`whsec_${"a".repeat(32)}`] },
    },
  },
  {
    plugins: {
      webhook: { url: ["http://a/", "http://b/"] },
      slack: { url: "http://slack/x", events: ["COMPONENT_DOWN"] },
    },
  },
  {
    plugins: {
      alertmanager: { url: "http://am:9093", labels: { team: "ops" } },
      redis: { host: "redis", port: 6379 },
    },
  },
  { plugins: { email: { url: "smtp://mail", from: "a@example.com", to: "b@example.com" } } },
];

test("both accept what is right", async () => {
  for (const content of RIGHT) {
    const { schema, watchdog, why } = await accepts(content);
    assert.deepEqual([schema, watchdog], [true, true], `${JSON.stringify(content)}: ${why}`);
  }
});

/** Each place, with what the variable `V` may hold there, and what it may not (empty: the schema takes any text). */
const VARIABLES: readonly [(value: string) => object, right: string, wrong: string][] = [
  [(port) => ({ port }), "8080", "eighty"],
  [(dryRun) => ({ dryRun }), "yes", "perhaps"],
  [(logLevel) => ({ logLevel }), "debug", "loud"],
  [(stateFile) => ({ stateFile }), "/data/state.json", ""],
  [(interval) => web({ interval }), "30", "1 parsec"],
  [(url) => web({ url }), "http://web/", "web"],
  [(action) => web({ action }), "notify", "reboot"],
  [(budget) => web({ budget }), "never", "always"],
  [(restarts) => web({ budget: { restarts } }), "2", "many"],
  [(jitter) => ({ defaults: { backoff: { jitter } }, ...web({}) }), "0.5", "much"],
  [(method) => web({ http: { method } }), "HEAD", "PUT"],
  [(status) => web({ http: { status: [status] } }), "204", ""],
  [(container) => web({ container }), "my-web", "my web"],
  [(logLines) => ({ plugins: { docker: { logLines } } }), "10", "all"],
  [(url) => ({ plugins: { slack: { url } } }), "http://slack/x", ""],
  [(event) => ({ plugins: { slack: { url: "http://s/x", events: [event] } } }), "COMPONENT_DOWN", "DOWN"],
];

test("a variable is right wherever a value stands, and what it holds is for the watchdog", async () => {
  for (const [place, right, wrong] of VARIABLES) {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a person writes.
    const content = place("${V}");
    const good = await accepts(content, { V: right });
    assert.deepEqual([good.schema, good.watchdog], [true, true], `${JSON.stringify(content)}: ${good.why}`);
    const preset = await accepts(place(`\${V:-${right}}`));
    assert.deepEqual([preset.schema, preset.watchdog], [true, true], `${right}: ${preset.why}`);
    if (wrong === "") continue;
    const bad = await accepts(content, { V: wrong });
    assert.deepEqual([bad.schema, bad.watchdog], [true, false], `${JSON.stringify(content)}: ${wrong}`);
    const said = await accepts(place(wrong));
    assert.deepEqual([said.schema, said.watchdog], [false, false], `${wrong} itself: ${said.why}`);
  }
});

test("what only looks like a variable is refused by both", async () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what a person may write.
  for (const text of ["$V", "${}", "${1}", "${V", "${V:5}", "${V} ms", "1${V}"]) {
    const { schema, watchdog } = await accepts({ port: text }, { V: "80 or so" });
    assert.deepEqual([schema, watchdog], [false, false], text);
  }
});

const templates = { slow: { interval: "1m", http: { status: 204 } } };
const LAYERED = { ...web({ extends: ["slow"] }), templates, defaults: { timeout: 1 }, "x-any": [1] };

test("templates, defaults and places for anchors are in it", async () => {
  const right = await accepts(LAYERED);
  assert.deepEqual([right.schema, right.watchdog], [true, true], right.why);
  for (const wrong of [{ defaults: { timeouts: 1 } }, { templates: { slow: { interval: "1 parsec" } } }]) {
    const { schema, watchdog, why } = await accepts({ ...LAYERED, ...wrong });
    assert.deepEqual([schema, watchdog], [false, false], why);
  }
});

test("the check decides which URL is right, whoever names the check", async () => {
  const db = (settings: object, more: object = {}) => ({ services: { db: settings }, ...more });
  const url = "tcp://db:5432";
  const rows: [content: object, schema: boolean, watchdog: boolean][] = [
    [db({ url, check: "tcp" }), true, true],
    [db({ url: "http://db/" }, { defaults: { interval: "1m" } }), true, true],
    [db({ url }), false, false],
    [db({ url, check: "http" }), false, false],
    [db({ url: "http://db/", check: "tcp" }), false, false],
    [db({ url }, { defaults: { check: "tcp" } }), true, true],
    [db({ url, extends: "port" }, { templates: { port: { check: "tcp" } } }), true, true],
    // What a template names is known to the watchdog alone.
    [db({ url, extends: "slow" }, { templates: { slow: { interval: "1m" } } }), true, false],
    [db({ container: "db", check: "docker" }), true, true],
    [db({ check: "docker" }), true, false],
  ];
  for (const [content, schema, watchdog] of rows) {
    const found = await accepts(content);
    assert.deepEqual([found.schema, found.watchdog], [schema, watchdog], `${JSON.stringify(content)}`);
  }
});

const WRONG: readonly unknown[] = [
  [],
  { ports: 1 },
  { port: "8787" },
  { port: 65_536 },
  { port: 1.5 },
  { tokens: ["x".repeat(16)] },
  { configFile: "other.json" },
  { logLevel: "loud" },
  { brake: { share: 2 } },
  { brake: { sharing: 1 } },
  { services: [] },
  { services: { "a b": { url: "http://x/" } } },
  web({ interval: "15" }),
  web({ interval: "15 parsecs" }),
  web({ url: "web/" }),
  web({ failureThreshold: 0 }),
  web({ action: "reboot" }),
  web({ budget: "always" }),
  web({ budget: { restarts: 0 } }),
  web({ dependsOn: "db" }),
  web({ container: "a b" }),
  web({ maintenance: [{ cron: "0 3 * * *" }] }),
  web({ http: { method: "PUT" } }),
  web({ http: { statuses: 200 } }),
  web({ intervall: "15s" }),
  { plugins: { webhook: { urls: "http://x/" } } },
  { plugins: { webhook: "http://x/" } },
  { plugins: { slack: {} } },
  { plugins: { slack: { url: "http://slack/x", events: ["DOWN"] } } },
  { plugins: { own: { level: 1 } } },
];

test("both refuse what is wrong", async () => {
  for (const content of WRONG) {
    const { schema, watchdog, why } = await accepts(content);
    assert.deepEqual([schema, watchdog], [false, false], `${JSON.stringify(content)}: ${why}`);
  }
});

test("nothing of this machine is in it, and every setting of a service and of the process has its help", () => {
  const schema = JSON.parse(JSON.stringify(jsonSchemaOf(builtins)));
  assert.equal(schema.properties.plugins.properties.alertmanager.anyOf[1].properties.host.default, undefined);
  const { services, plugins: _, $schema: __, ...process } = schema.properties;
  const plugins = new Set(Object.keys(builtins));
  const entries = [...Object.entries(process), ...Object.entries(services.additionalProperties.properties)];
  const silent = entries.filter(
    ([name, one]) => !plugins.has(name) && !(one as { description?: string }).description,
  );
  assert.deepEqual(silent, []);
});
