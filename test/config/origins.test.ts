// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are the variables of a configuration file.
/** Where each value of the merged configuration came from. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { describe } from "../../src/config/describe.ts";
import { json, loaded, type World } from "./fixture.ts";

const MAIN = "/app/watchdog.config.yaml";

/** Paths of the configuration with what is shown there, and where it came from. */
async function check(world: World, expected: Record<string, [value: unknown, origin: unknown]>) {
  const { value, origins } = describe(await loaded(world));
  const at = (whole: unknown, path: string) =>
    path.split("/").reduce((one, key) => (one as Record<string, unknown> | undefined)?.[key], whole);
  const found = Object.keys(expected).map((path) => [path, [at(value, path), at(origins, path)]]);
  assert.deepEqual(Object.fromEntries(found), expected);
}

test("every layer of a service: the environment, defaults, templates in their order, the service", async () => {
  const templates = {
    slow: { interval: "1m", timeout: "30s", group: "shop", backoff: { base: "1m" } },
    patient: { extends: "slow", timeout: "40s", failureThreshold: 9 },
    eager: { failureThreshold: 1, backoff: { cap: "2m" } },
  };
  const services = {
    web: { extends: ["patient", "eager"], url: "http://web/", http: { headers: { a: "b" } } },
    bare: { url: "http://bare/" },
  };
  const world = json({ defaults: { successThreshold: 4, http: { status: 204 } }, templates, services });
  await check(
    { ...world, env: { CHECK_INTERVAL_SECONDS: "10", HEALTH_CHECK_TIMEOUT: "2.5" } },
    {
      "services/web/url": ["http://web/", "watchdog.config.json"],
      "services/web/group": ["shop", "template slow"],
      "services/web/interval": ["1m", "template slow"],
      "services/web/timeout": ["40s", "template patient"],
      "services/web/failureThreshold": [1, "template eager"],
      "services/web/successThreshold": [4, "defaults"],
      "services/web/recoveryAfter": [1, "default"],
      "services/web/displayName": ["Web", "default"],
      "services/web/extends": [undefined, undefined],
      "services/web/backoff": [
        { base: "1m", cap: "2m", jitter: 0.2 },
        { base: "template slow", cap: "template eager", jitter: "default" },
      ],
      "services/web/http": [
        { status: 204, headers: { a: "***" } },
        { status: "defaults", headers: { a: "watchdog.config.json" } },
      ],
      "services/bare/interval": ["10s", "env CHECK_INTERVAL_SECONDS"],
      "services/bare/timeout": ["2500ms", "env HEALTH_CHECK_TIMEOUT"],
      "services/bare/http": [
        { status: 204, headers: {} },
        { status: "defaults", headers: "default" },
      ],
    },
  );
});

test("included files, and the variables in a value", async () => {
  const window = "maintenance: [{ cron: '0 3 * * *', duration: 1h }]\n";
  await check(
    {
      files: {
        [MAIN]: `include: conf.d/*.yaml\nservices: { web: { url: "http://\${HOST_OF_WEB}:\${PORT_OF_WEB:-80}/" } }\n${window}`,
        "/app/conf.d/a.yaml":
          "services: { db: { url: http://db/, interval: '${EVERY}', extends: slow } }\n" +
          `templates: { slow: { timeout: '\${WAIT}' } }\n${window}`,
      },
      env: { HOST_OF_WEB: "shop", EVERY: "30", WAIT: "9s" },
    },
    {
      "services/web/url": ["http://shop:80/", "watchdog.config.yaml, ${HOST_OF_WEB}"],
      "services/db/url": ["http://db/", "conf.d/a.yaml"],
      "services/db/interval": ["30s", "conf.d/a.yaml, ${EVERY}"],
      "services/db/timeout": ["9s", "template slow, ${WAIT}"],
      maintenance: [
        [
          { cron: "0 3 * * *", duration: "1h", timeZone: "UTC" },
          { cron: "0 3 * * *", duration: "1h", timeZone: "UTC" },
        ],
        ["watchdog.config.yaml", "conf.d/a.yaml"],
      ],
    },
  );
});

test("the process: the environment, the file, defaults", async () => {
  const content = { port: 1000, stateFile: "here/state.json", brake: { min: 5 }, services: undefined };
  await check(
    { ...json(content), env: { PORT: "2000", DRY_RUN: "1", WATCHDOG_TOKEN: "a-token-of-ours" } },
    {
      port: [2000, "env PORT"],
      dryRun: [true, "env DRY_RUN"],
      stateFile: ["/app/here/state.json", "watchdog.config.json"],
      logLevel: ["info", "default"],
      tickBudget: ["10s", "default"],
      brake: [
        { share: 0.5, min: 5, window: "1m" },
        { share: "default", min: "watchdog.config.json", window: "default" },
      ],
      "services/monitor/url": ["http://monitor:8080/health", "built-in services"],
      "x-environment": [{ WATCHDOG_TOKEN: ["***"] }, { WATCHDOG_TOKEN: "env WATCHDOG_TOKEN" }],
    },
  );
});

test("plugins: the file over the environment, files of secrets, what is on by default or switched off", async () => {
  const plugins = { webhook: { format: "cloudevents" }, console: null, docker: {}, cron: { every: 5 } };
  const world = json({ plugins });
  const files = { ...world.files, "/run/url": "https://hooks/planted\n", "/run/token": "planted-token\n" };
  const env = { WEBHOOK_URL_FILE: "/run/url", WATCHDOG_TOKEN_FILE: "/run/token" };
  await check(
    { files, env },
    {
      "plugins/webhook": [
        { url: "https://hooks/***", format: "cloudevents" },
        { url: "env WEBHOOK_URL_FILE", format: "watchdog.config.json" },
      ],
      "plugins/console": [{}, "watchdog.config.json"],
      "plugins/docker": [{}, "watchdog.config.json"],
      "plugins/http": [{}, "default"],
      "plugins/cron": [{ every: "5s" }, { every: "watchdog.config.json" }],
      "x-environment/WATCHDOG_TOKEN": [["***"], "env WATCHDOG_TOKEN_FILE"],
    },
  );
  await check(
    { files, env: { ...env, WATCHDOG_CRON: "false" } },
    { "plugins/cron": [false, "env WATCHDOG_CRON"] },
  );
  await check(json({ plugins: { cron: false } }), { "plugins/cron": [false, "watchdog.config.json"] });
});

test("a plugin of somebody's own has what its module says of it", async () => {
  const modules = { "file:///app/own.mjs": { default: Object.assign(() => ({ name: "own" }), {}) } };
  const own = { from: "./own.mjs", colour: "red", every: 5, when: () => 5 };
  const files = { "/app/watchdog.config.mjs": "" };
  const config = { default: { plugins: { own } } };
  await check(
    { files, modules: { ...modules, "file:///app/watchdog.config.mjs": config } },
    {
      "plugins/own": [
        { from: "./own.mjs", colour: "red", every: 5, when: "a function" },
        {
          from: "watchdog.config.mjs",
          colour: "watchdog.config.mjs",
          every: "watchdog.config.mjs",
          when: "watchdog.config.mjs",
        },
      ],
    },
  );
});
