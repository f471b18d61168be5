/** `config check` and `config schema`, on the program as people run it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { openWorkshop, type Workshop } from "./workshop.ts";

let shop: Workshop;

before(async () => {
  shop = await openWorkshop();
});

after(() => shop.close());

async function check(content: object, env: Record<string, string> = {}) {
  const path = join(shop.folder, "checked.json");
  await writeFile(path, JSON.stringify(content));
  const { exit, out, err } = shop.run(["config", "check"], { WATCHDOG_CONFIG: path, ...env });
  return { code: await exit, out: out(), err: err() };
}

test("config check says what would run, and asks nobody", async () => {
  const services = {
    web: { url: "http://127.0.0.1:1/", container: "web" },
    db: { url: "http://127.0.0.1:1/" },
  };
  const { code, out, err } = await check(
    { services },
    { SLACK_WEBHOOK_URL: "http://127.0.0.1:1/planted-address" },
  );
  assert.deepEqual([code, err], [0, ""]);
  assert.match(
    out,
    /^The configuration \(.*checked.json\) is right.\n2 services: web, db\n1 receiver of alerts: slack\n$/,
  );
  assert.doesNotMatch(out, /planted/);
});

test("with discovery on, config check names the services that nobody is yet; without it, they are faults", async () => {
  const services = { web: { url: "http://127.0.0.1:1/", container: "web", dependsOn: ["cache"] } };
  const console = { services: ["web", "shop", "cache"] };
  const places = ["services.web.dependsOn[0]", "services of the sink console"];
  const found = await check({ services, plugins: { console, docker: { discover: true } } });
  assert.deepEqual([found.code, found.err], [0, ""]);
  assert.ok(found.out.includes(`no effect: cache (${places.join(", ")}); shop (${places[1]})\n`), found.out);
  const off = await check({ services, plugins: { console } });
  assert.equal(off.code, 2);
  for (const path of places) assert.ok(off.err.includes(`  ${path}: found `), off.err);
});

test("config check says every fault at once, and exits with 2", async () => {
  const content = { services: { web: { url: "web", intervall: 5 } }, plugins: { slack: {} } };
  const { code, out, err } = await check(content, { PORT: "planted" });
  assert.equal(code, 2);
  assert.equal(out, "");
  for (const path of ["env PORT", "services.web.url", "services.web.intervall", "plugins.slack.url"]) {
    assert.ok(err.includes(`  ${path}: found `), `${path}: ${err}`);
  }
});

test("config schema prints the schema of the package", async () => {
  const { exit, out } = shop.run(["config", "schema"], {});
  assert.equal(await exit, 0);
  const file = fileURLToPath(new URL("../../schema.json", import.meta.url));
  assert.ok(out() === readFileSync(file, "utf8"), "not the same");
});
