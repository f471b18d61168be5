import assert from "node:assert/strict";
import { test } from "node:test";
import { builtins } from "../../src/builtins.ts";
import { loadConfig } from "../../src/config/load.ts";
import { hiding, secretsOf } from "../../src/shell/secrets.ts";

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
  const hide = hiding(secretsOf(loaded.config));
  const line = hide(`tried ${Object.values(env).join(" and ")} of spreadpilot-executor`);
  for (const secret of ["sesame", "planted-slack", "planted-query", "planted-password"]) {
    assert.ok(!line.includes(secret), `${secret} is in: ${line}`);
  }
  assert.match(line, /chat\.test/);
  assert.match(line, /of spreadpilot-executor$/);
});
