import assert from "node:assert/strict";
import { test } from "node:test";
import { builtins } from "../../src/builtin-plugins.ts";
import { loadConfig } from "../../src/config/load.ts";

for (const word of ["false", "False", "FALSE", "fAlSe"]) {
  test(`"${word}" is false, whatever the case of its letters`, async () => {
    const env = { WATCHDOG_CRON: word, DRY_RUN: word };
    const loaded = await loadConfig({ env, cwd: "/nowhere", plugins: builtins });
    assert.ok(loaded.ok, "it is accepted");
    assert.equal(loaded.config.cron, false);
    assert.equal(loaded.config.dryRun, false);
  });
}
