/** `config show` and `config diff`, on the program as people run it. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { differences } from "../../src/commands/config-diff.ts";
import { openWorkshop, type Workshop } from "./workshop.ts";

let shop: Workshop;

before(async () => {
  shop = await openWorkshop();
});

after(() => shop.close());

async function run(args: string[], env: Record<string, string>) {
  const { exit, out, err } = shop.run(args, env);
  return { code: await exit, out: out(), err: err() };
}

const FILE = `
templates: { web: { timeout: 2s, group: shop } }
defaults: { interval: 30 }
services:
  web:
    extends: web
    url: http://web/health
    container: web
    http: { headers: { Authorization: Bearer planted-header } }
    dependsOn: [db]
    maintenance: [{ cron: 0 3 * * *, duration: 1h }]
  db: { url: http://db/, action: notify, displayName: "The: database" }
plugins: { console: }
`;

async function file(name: string, text: string): Promise<string> {
  const path = join(shop.folder, name);
  await writeFile(path, text);
  return path;
}

test("config show --origins prints YAML with an origin behind each value", async () => {
  const path = await file("show.yaml", FILE);
  const env = { WATCHDOG_CONFIG: path, PORT: "9000", STATE_FILE: "/s.json", HEALTH_CHECK_TIMEOUT: "3" };
  const { code, out, err } = await run(["config", "show", "--origins"], env);
  assert.deepEqual([code, err], [0, ""]);
  assert.equal(
    out.replaceAll(path, "/the/show.yaml"),
    `host: 127.0.0.1                   # default
port: 9000                        # env PORT
stateFile: /s.json                # env STATE_FILE
logLevel: info                    # default
logFormat: pretty                 # default
dryRun: false                     # default
startDelay: 0ms                   # default
tickBudget: 10s                   # default
maxConcurrentRestarts: 4          # default
maintenance: []                   # default
plugins:
  http:
    maxInFlight: 256              # default
  tcp: {}                         # default
  docker:
    logLines: 50                  # default
    evidenceTimeout: 2s           # default
    redact: []                    # default
    discover: false               # default
    label: autoheal               # default
    onlyRunning: false            # default
  cron: {}                        # default
  console: {}                     # show.yaml
services:
  web:
    url: http://web/health        # show.yaml
    container: web                # show.yaml
    displayName: Web              # default
    group: shop                   # template web
    check: http                   # default
    restarter: docker             # default
    interval: 30s                 # defaults
    timeout: 2s                   # template web
    failureThreshold: 3           # default
    successThreshold: 1           # default
    action: restart               # default
    dryRun: false                 # default
    dependsOn: [db]               # show.yaml
    restartWith: []               # default
    backoff:
      base: 10s                   # default
      cap: 5m                     # default
      jitter: 0.2                 # default
    budget:
      restarts: 5                 # default
      window: 10m                 # default
    stable: 10m                   # default
    respectManualStop: false      # default
    recoveryAfter: 1              # default
    maintenance:
      - cron: 0 3 * * *           # show.yaml
        duration: 1h              # show.yaml
        timeZone: UTC             # show.yaml
    http:
      status: 200                 # default
      method: GET                 # default
      headers:
        Authorization: "***"      # show.yaml
  db:
    url: http://db/               # show.yaml
    displayName: "The: database"  # show.yaml
    check: http                   # default
    restarter: docker             # default
    interval: 30s                 # defaults
    timeout: 3s                   # env HEALTH_CHECK_TIMEOUT
    failureThreshold: 3           # default
    successThreshold: 1           # default
    action: notify                # show.yaml
    dryRun: false                 # default
    dependsOn: []                 # default
    restartWith: []               # default
    backoff:
      base: 10s                   # default
      cap: 5m                     # default
      jitter: 0.2                 # default
    budget:
      restarts: 5                 # default
      window: 10m                 # default
    stable: 10m                   # default
    respectManualStop: false      # default
    recoveryAfter: 1              # default
    maintenance: []               # default
    http:
      status: 200                 # default
      method: GET                 # default
      headers: {}                 # default
x-environment:
  WATCHDOG_CONFIG: /the/show.yaml  # env WATCHDOG_CONFIG
`,
  );
});

test("config show prints a file that config check finds right, and no secret", async () => {
  const env = { WATCHDOG_CONFIG: await file("show.yaml", FILE), WATCHDOG_TOKEN: "planted-watchdog-token" };
  const shown = await run(["config", "show"], env);
  assert.equal(shown.code, 0, shown.err);
  assert.doesNotMatch(shown.out, /planted|#/);
  const again = { WATCHDOG_CONFIG: await file("again.yaml", shown.out) };
  const { code, err } = await run(["config", "check"], again);
  assert.deepEqual([code, err], [0, ""]);
});

test("config show --json prints the same, and the origins as a second object", async () => {
  const env = { WATCHDOG_CONFIG: await file("show.yaml", FILE), PORT: "9000" };
  const plain = await run(["config", "show", "--json"], env);
  const both = await run(["config", "show", "--json", "--origins"], env);
  const { config, origins } = JSON.parse(both.out);
  assert.deepEqual(JSON.parse(plain.out), config);
  assert.deepEqual([config.port, origins.port], [9000, "env PORT"]);
  assert.deepEqual(Object.keys(origins.services.web), Object.keys(config.services.web));
});

test("config show and config diff say every fault, and exit with 2", async () => {
  const env = { WATCHDOG_CONFIG: await file("wrong.yaml", "services: { web: { url: web } }\nport: x\n") };
  for (const command of ["show", "diff"]) {
    const { code, out, err } = await run(["config", command], env);
    assert.deepEqual([code, out], [2, ""]);
    assert.match(err, /services\.web\.url/);
    assert.match(err, /port/);
  }
});

test("config diff compares the running watchdog with the file as it is now", async () => {
  const path = await file("run.yaml", FILE);
  const secrets = {
    WATCHDOG_TOKEN: "planted-watchdog-token",
    SLACK_WEBHOOK_URL: "http://127.0.0.1:1/planted-slack",
  };
  const served = await shop.serving("diff", { WATCHDOG_CONFIG: path, WATCHDOG_CRON: "false", ...secrets });
  const env = {
    WATCHDOG_CONFIG: path,
    WATCHDOG_CRON: "false",
    PORT: new URL(served.url).port,
    STATE_FILE: join(shop.folder, "diff-state.json"),
    ...secrets,
  };
  const port = `port: 0 -> ${env.PORT}\n`;
  const same = await run(["config", "diff"], env);
  assert.equal(same.out, port, same.err);

  await writeFile(
    path,
    `${FILE.replace("interval: 30", "interval: 1m").replace("planted-header", "planted-other")}  webhook: { url: http://127.0.0.1:1/ }\nbrake: { min: 4 }\n`.replace(
      "plugins: { console: }",
      "plugins:",
    ),
  );
  const other = await run(["config", "diff"], {
    ...env,
    SLACK_WEBHOOK_URL: "http://127.0.0.1:1/planted-new",
  });
  assert.equal(other.code, 1);
  assert.deepEqual(other.out.split("\n").sort(), [
    "",
    "brake: added",
    "plugins.console: removed",
    "plugins.webhook: added",
    port.trim(),
    "services.db.interval: 30s -> 1m",
    "services.web.interval: 30s -> 1m",
  ]);
  assert.equal(other.err, "Secrets were not compared.\n");

  const answer = await fetch(`${served.url}/config`);
  assert.equal(answer.status, 401);
  const headers = { authorization: `Bearer ${secrets.WATCHDOG_TOKEN}` };
  const text = await (await fetch(`${served.url}/config`, { headers })).text();
  assert.doesNotMatch(text + same.out + same.err + other.out + other.err, /planted/);
  served.signal("SIGTERM");
  await served.exit;
});

test("config diff without an answer exits with 1", async () => {
  const { code, out, err } = await run(["config", "diff"], { PORT: "1" });
  assert.deepEqual([code, out], [1, ""]);
  assert.match(err, /no watchdog answers/);
});

test("a difference is one line for each setting, and one for an object that only one side has", () => {
  const running = { a: 1, list: [1], gone: { x: 1 }, same: { y: [] }, text: "a b" };
  const now = { a: "1", list: [1, 2], same: { y: [] }, new: { z: 1 }, text: "", every: "5s" };
  assert.deepEqual(differences(running, now, []), [
    "a: 1 -> 1",
    "list: [1] -> [1,2]",
    "gone: removed",
    'text: "a b" -> ""',
    "new: added",
    "every: added, 5s",
  ]);
});
