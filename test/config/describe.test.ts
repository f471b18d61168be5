// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are the variables of a configuration file.
/** What is shown of a configuration: a file that can be loaded again, and no secret. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { builtins } from "../../src/builtin-plugins.ts";
import { describe } from "../../src/config/describe.ts";
import { json, load, type World } from "./fixture.ts";

async function shown(world: World) {
  const result = await load(world, { plugins: builtins });
  assert.ok(result.ok, JSON.stringify(result));
  return { config: result.config, ...describe(result.config) };
}

const WINDOW = { cron: "0 3 * * 0", duration: "2h", timeZone: "Europe/Warsaw" };
const WORLDS: Record<string, World> = {
  "nothing at all": {},
  "variables of the environment": {
    env: {
      PORT: "9000",
      DRY_RUN: "1",
      WATCHDOG_CRON: "false",
      CHECK_INTERVAL_SECONDS: "7",
      LOG_LEVEL: "debug",
    },
  },
  "every setting without a secret": {
    files: {
      "/app/watchdog.config.yaml": JSON.stringify({
        include: "more.yaml",
        "x-anchors": { a: 1 },
        defaults: { interval: 20, http: { status: "200-204", bodyIncludes: "ok" } },
        templates: { web: { timeout: "2s", group: "shop", backoff: { cap: "5s" } } },
        services: {
          web: { url: "http://web:8080/health", container: "web", extends: "web", dependsOn: ["db"] },
          db: {
            url: "http://db/",
            budget: "never",
            remindEvery: "1h",
            maintenance: [WINDOW],
            action: "notify",
          },
          own: {
            url: "http://own:1/",
            check: "http",
            restarter: "process",
            process: { command: "/bin/own", args: ["--colour=red", "-v"] },
          },
        },
        plugins: { console: true, process: {}, docker: { logLines: 3 }, cron: { every: 2 } },
        brake: { share: 0.3 },
        maintenance: [WINDOW],
        sentinel: { url: "http://10.0.0.1/" },
        stateFile: "here/state.json",
        tickBudget: 3,
      }),
      "/app/more.yaml": `services: { more: { url: http://more/, budget: { restarts: 1 } } }\nmaintenance: [${JSON.stringify(WINDOW)}]\n`,
    },
  },
};

for (const [what, world] of Object.entries(WORLDS)) {
  test(`what is shown of ${what} is a file with the same configuration`, async () => {
    const first = await shown(world);
    const again = await shown(json(first.value));
    const { sections: _, source: __, serviceSource: _s, ...before } = first.config;
    const { sections: ___, source: ____, serviceSource: _t, ...after } = again.config;
    assert.deepEqual(after, before);
    assert.deepEqual({ ...again.value, "x-environment": 0 }, { ...first.value, "x-environment": 0 });
  });
}

/** Each has "planted" in it, in every place that may hold a secret. */
const FULL_OF_SECRETS = {
  services: {
    web: {
      url: "http://web/health?planted-query=planted-value",
      displayName: "Web ${SHORT_TOKEN}",
      http: { headers: { Authorization: "Bearer planted-header", "X-Any": "planted-any", Host: "web.test" } },
    },
    job: {
      url: "http://job/${API_TOKEN}/health",
      restarter: "process",
      process: {
        command: "/bin/job",
        args: [
          "--password",
          "planted-argument",
          "--api-token=planted-assigned",
          "http://a:planted-user@b/planted-path",
          "Authorization: Bearer planted-bearer",
        ],
        env: { ANY: "planted-variable" },
      },
    },
  },
  plugins: {
    process: {},
    webhook: {
      url: "http://hooks.test/planted-webhook?planted-query",
      secret: "whsec_cGxhbnRlZC1zZWNyZXQtb2YtYS13ZWJob29r",
      headers: { "X-Any": "planted-webhook-header" },
    },
    alertmanager: { url: ["http://am.test/planted-am"], authorization: "Bearer planted-authorization" },
    own: {
      from: "./own.mjs",
      address: "https://own.test/planted-address",
      nested: [{ apiKey: "planted-key", pin: 1234, secretPin: 5678 }],
      urls: ["amqp://a:planted/planted?@own.test:5672", "x://planted:planted b", "http://own.test/?planted"],
      "https://own.test/planted-key": true,
      short: "${SHORT_TOKEN}",
      colour: "red",
    },
  },
};
const SECRETS = /planted|cGxhbnRl|tiny7|5678/;

test("no secret is shown, wherever it stands, nor in the origins", async () => {
  const env = {
    API_TOKEN: "planted-token",
    SHORT_TOKEN: "tiny7",
    WATCHDOG_TOKEN: "planted-watchdog-token",
    CRON_SECRET_FILE: "/run/planted",
    SLACK_WEBHOOK_URL: "https://hooks.slack.com/services/T0/B0/planted-slack",
    TELEGRAM_BOT_TOKEN_FILE: "/run/telegram",
    TELEGRAM_CHAT_ID: "-100200300",
    SMTP_URL: "smtps://robot:planted-smtp@mail.test",
    EMAIL_FROM: "a@b.test",
    EMAIL_TO: "c@d.test",
    REDIS_URL: "redis://:planted-redis@redis.test:6379",
    DEADMAN_URL: "https://hc.test/planted-deadman",
    NTFY_URL: "https://ntfy.test/planted-topic",
  };
  const own = Object.assign(() => ({ name: "own", setup() {} }), {});
  const files = {
    ...json(FULL_OF_SECRETS).files,
    "/run/planted": "planted-cron-secret",
    "/run/telegram": "1234567890:planted-telegram-of-35-characters-x",
  };
  const { value, origins } = await shown({
    env,
    files,
    modules: { "file:///app/own.mjs": { default: own } },
  });
  const texts = JSON.stringify([value, origins]);
  assert.doesNotMatch(texts, SECRETS);
  const { web } = value.services as Record<string, Record<string, unknown>>;
  assert.equal(web!.url, "http://web/health?***");
  assert.deepEqual((web!.http as { headers: object }).headers, {
    Authorization: "***",
    "X-Any": "***",
    Host: "web.test",
  });
  const plugins = value.plugins as Record<string, Record<string, unknown>>;
  assert.deepEqual(plugins.own, {
    from: "./own.mjs",
    address: "https://own.test/***",
    nested: [{ apiKey: "***", pin: 1234, secretPin: "***" }],
    urls: ["amqp://***@own.test:5672", "x://*** b", "http://own.test/?***"],
    "https://own.test/***": true,
    short: "***",
    colour: "red",
  });
});

test("what a module took from secret variables is hidden too, but not the working folder", async () => {
  const module = {
    services: { web: { url: "http://web/planted-token/health", displayName: "/app of ours" } },
  };
  const { value } = await shown({
    env: { API_TOKEN: "planted-token", PWD: "/app of ours" },
    files: { "/app/watchdog.config.mjs": "" },
    modules: { "file:///app/watchdog.config.mjs": { default: module } },
  });
  const { web } = value.services as Record<string, Record<string, unknown>>;
  assert.deepEqual([web!.url, web!.displayName], ["http://web/***/health", "/app of ours"]);
});

test("a service may have the name of what every object has", async () => {
  const services = { constructor: { url: "http://a/" }, toString: { url: "http://b/" } };
  const { value, origins } = await shown(json({ services }));
  assert.deepEqual(Object.keys(value.services as object), ["constructor", "toString"]);
  assert.deepEqual(Object.keys(origins.services as object), ["constructor", "toString"]);
});
