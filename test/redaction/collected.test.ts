import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import { builtins } from "../../src/builtin-plugins.ts";
import { loadConfig } from "../../src/config/load.ts";
import { definePlugin } from "../../src/plugin.ts";
import { hiding } from "../../src/redaction/redactor.ts";

test("tokens, passwords, and the path and query of every receiver's address are hidden; hosts are not", async () => {
  const env = {
    WATCHDOG_TOKEN: "sesame-open-1234",
    SLACK_WEBHOOK_URL: "https://chat.test/services/T000/B000/planted-slack",
    WEBHOOK_URL: "http://127.0.0.1:9/alerts?key=planted-query",
    SMTP_URL: "smtps://robot:planted-password@mail.test",
    EMAIL_FROM: "a@b.test",
    EMAIL_TO: "c@d.test",
  };
  const loaded = await loadConfig({ env, cwd: "/nowhere", plugins: builtins });
  assert.ok(loaded.ok, "the configuration is good");
  const hide = hiding(loaded.config.secrets);
  const line = hide(`tried ${Object.values(env).join(" and ")} of spreadpilot-executor`);
  for (const secret of ["sesame", "planted-slack", "planted-query", "planted-password"]) {
    assert.ok(!line.includes(secret), `${secret} is in: ${line}`);
  }
  assert.match(line, /chat\.test/);
  assert.match(line, /of spreadpilot-executor$/);
});

test("what a service's headers carry is hidden, but not the host that they name", async () => {
  const headers = { Host: "spreadpilot-executor", Authorization: "Bearer planted-header" };
  const file = { services: { executor: { url: "http://10.0.0.5/health", http: { headers } } } };
  const loaded = await loadConfig({
    env: { WATCHDOG_CONFIG: "/c.json" },
    cwd: "/nowhere",
    plugins: builtins,
    readFile: async () => JSON.stringify(file),
  });
  assert.ok(loaded.ok, "the configuration is good");
  const hide = hiding(loaded.config.secrets);
  assert.equal(
    hide("restarting spreadpilot-executor, Bearer planted-header"),
    "restarting spreadpilot-executor, [redacted]",
  );
});

test("what a plugin of somebody's own calls a credential, a cookie or a DSN is hidden", async () => {
  const own = definePlugin(() => ({ name: "own", setup() {} }), {
    options: v.looseObject({ login: v.pipe(v.string(), v.metadata({ secret: true })) }),
  });
  const options = {
    credential: "planted-credential",
    sessionCookie: "planted-cookie",
    dsn: "planted-dsn-of-a-tracker",
    login: "planted-login",
    nested: [{ privateKey: "planted-private" }],
    colour: "an ordinary colour",
  };
  const loaded = await loadConfig({
    env: { WATCHDOG_CONFIG: "/c.json" },
    cwd: "/nowhere",
    plugins: { ...builtins, own },
    readFile: async () => JSON.stringify({ plugins: { own: options } }),
  });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const hide = hiding(loaded.config.secrets);
  assert.equal(
    hide(Object.values({ ...options, nested: "planted-private" }).join(", ")),
    "[redacted], [redacted], [redacted], [redacted], [redacted], an ordinary colour",
  );
});
