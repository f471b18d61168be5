/** Every secret of every sink is planted, every receiver sends back what it was sent, and nothing shows it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openWorkshop, type Workshop } from "../commands/workshop.ts";
import { type EchoServers, startEchoServers, WAYS, type Way } from "./echo-servers.ts";

/** Whatever holds this is a secret; nothing else does. */
const MARK = "planted";
const PASSWORD = `${MARK}-p@ss/wörd`;
const KEY = `${MARK}0123456789012345678901234`;
const SIGNING = `whsec_${Buffer.from(`${MARK}-signing-secret-0123456789ab`).toString("base64")}`;
const TOKEN = `${MARK}-watchdog-token`;
const LOGIN = "watchdog";
const HIDDEN = [
  new RegExp(MARK, "i"),
  new RegExp(SIGNING.slice(6, 30).replaceAll("+", "\\+")),
  ...[PASSWORD, `\u0000${LOGIN}\u0000${PASSWORD}`].map(
    (text) => new RegExp(Buffer.from(text).toString("base64").replaceAll("+", "\\+")),
  ),
];
const SINKS = [
  ...["webhook", "webhook-2", "slack", "discord", "teams", "telegram", "pagerduty", "ntfy", "gotify"],
  ...["alertmanager", "apprise", "email", "redis"],
];

let workshop: Workshop;
let echo: EchoServers;
const down = new Set<string>();
const health = createServer((request, response) => {
  response.writeHead(down.has(request.url!.slice(1)) ? 503 : 200).end();
});

before(async () => {
  workshop = await openWorkshop();
  echo = await startEchoServers();
  health.listen(0, "127.0.0.1");
  await once(health, "listening");
});

after(async () => {
  await workshop.close();
  await echo.close();
  health.closeAllConnections();
  health.close();
});

const at = (path: string) => `http://${echo.http}/${path}`;
const hook = (name: string) => at(`${name}/${MARK}-${name}-path?sig=${MARK}-${name}-query`);
const login = () => `${LOGIN}:${encodeURIComponent(PASSWORD)}@`;

function fromEnvironment(): Record<string, string> {
  return {
    WEBHOOK_URL: `${hook("webhook")},${hook("webhook2")}`,
    WEBHOOK_SECRET: SIGNING,
    SLACK_WEBHOOK_URL: hook("slack"),
    DISCORD_WEBHOOK_URL: hook("discord"),
    TEAMS_WEBHOOK_URL: hook("teams"),
    TELEGRAM_BOT_TOKEN: `123456:${MARK}-telegram-token`,
    TELEGRAM_CHAT_ID: "-1001234567890",
    PAGERDUTY_ROUTING_KEY: KEY,
    NTFY_URL: at(`ntfy/${MARK}-ntfy-topic`),
    NTFY_TOKEN: `tk_${MARK}ntfytoken`,
    GOTIFY_URL: at(`gotify/${MARK}-gotify-path`),
    GOTIFY_TOKEN: `${MARK}-gotify-token`,
    ALERTMANAGER_URL: at(`alertmanager/${MARK}-alertmanager-path`),
    ALERTMANAGER_AUTHORIZATION: `Bearer ${MARK}-alertmanager-token`,
    APPRISE_URL: at(`apprise/notify/${MARK}-apprise-key`),
    SMTP_URL: `smtp://${login()}${echo.smtp}?requireTLS=false`,
    EMAIL_FROM: "watchdog@example.com",
    EMAIL_TO: "ops@example.com",
    REDIS_URL: `redis://${login()}${echo.redis}`,
    DEADMAN_URL: hook("deadman"),
  };
}

function fromFile(): Record<string, object> {
  const env = fromEnvironment();
  const headers = { "x-api-key": `${MARK}-header-key`, authorization: `Bearer ${MARK}-header-token` };
  return {
    webhook: { receivers: [{ url: hook("webhook"), headers, secret: SIGNING }, { url: hook("webhook2") }] },
    slack: { url: env.SLACK_WEBHOOK_URL },
    discord: { url: env.DISCORD_WEBHOOK_URL },
    teams: { url: env.TEAMS_WEBHOOK_URL },
    telegram: { token: env.TELEGRAM_BOT_TOKEN, chatId: -1001234567890, apiUrl: at("telegram") },
    pagerduty: { routingKey: KEY, url: hook("pagerduty") },
    ntfy: { url: env.NTFY_URL, token: env.NTFY_TOKEN },
    gotify: { url: env.GOTIFY_URL, token: env.GOTIFY_TOKEN },
    alertmanager: { url: env.ALERTMANAGER_URL, authorization: env.ALERTMANAGER_AUTHORIZATION },
    apprise: { url: env.APPRISE_URL },
    email: { url: env.SMTP_URL, from: env.EMAIL_FROM, to: env.EMAIL_TO },
    redis: { url: env.REDIS_URL },
    deadman: { url: env.DEADMAN_URL },
  };
}

/** A service for each way to fail: its news wait behind nobody else's. */
async function writeConfig(name: string, plugins: object): Promise<string> {
  const { port } = health.address() as AddressInfo;
  const service = (way: Way) => ({
    url: `http://127.0.0.1:${port}/${name}-${way}`,
    interval: "200ms",
    failureThreshold: 1,
  });
  const services = Object.fromEntries(WAYS.map((way) => [way, service(way)]));
  const path = join(workshop.folder, `${name}-config.json`);
  await writeFile(path, JSON.stringify({ services, plugins: { docker: false, ...plugins } }));
  return path;
}

function assertHidden(where: string, text: string): void {
  for (const pattern of HIDDEN) {
    const found = pattern.exec(text);
    const around = found ? text.slice(Math.max(0, found.index - 200), found.index + 60) : "";
    assert.equal(found, null, `${where} shows a secret: …${around}…`);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: a JSON answer, looked into field by field.
type Json = any;

for (const [name, format] of [
  ["environment", "pretty"],
  ["file", "json"],
] as const) {
  test(`no secret of a sink that is configured by the ${name} is shown, whatever a receiver answers`, async () => {
    const byFile = name === "file";
    const urls = { telegram: { apiUrl: at("telegram") }, pagerduty: { url: hook("pagerduty") } };
    const stateFile = join(workshop.folder, name, "state.json");
    echo.answer("final");
    echo.paths.clear();
    echo.bodies.length = 0;
    const server = workshop.run(["serve"], {
      ...(byFile ? {} : fromEnvironment()),
      PORT: "0",
      WATCHDOG_CONFIG: await writeConfig(name, byFile ? fromFile() : urls),
      STATE_FILE: stateFile,
      WATCHDOG_TOKEN: TOKEN,
      LOG_LEVEL: "debug",
      LOG_FORMAT: format,
    });
    const [, port] = await server.says(/:(\d+)\/status/);
    const shown: [where: string, text: string][] = [];
    async function ask(path: string, method = "GET"): Promise<Json> {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        headers: { authorization: `Bearer ${TOKEN}` },
      });
      const text = await answer.text();
      shown.push([`${method} ${path}`, text]);
      return JSON.parse(text);
    }
    /** Until the service is down and each sink has tried to say so. */
    async function tried(service: string): Promise<void> {
      let waiting: Json[] = [service];
      for (let look = 0; look < 200; look++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        if ((await ask("/status")).services[service].status !== "down") continue;
        const { entries } = await ask("/outbox");
        waiting = entries.filter((one: Json) => one.service === service && one.attempts === 0);
        if (waiting.length === 0) return;
      }
      assert.fail(`never tried: ${JSON.stringify(waiting)}`);
    }
    for (const way of WAYS) {
      echo.answer(way);
      down.add(`${name}-${way}`);
      await tried(way);
      await ask(`/services/${way}`);
    }
    const { dead_letters: dead, entries, sinks } = await ask("/outbox");
    assert.deepEqual(sinks.map((sink: Json) => sink.name).sort(), [...SINKS].sort());
    const failed = new Set([...dead, ...entries].map((one: Json) => one.last_reason && one.sink));
    for (const sink of SINKS) assert.ok(failed.has(sink), `${sink} never failed: it was not put to the test`);
    await ask(`/outbox/${encodeURIComponent(dead[0].id)}/retry`, "POST");
    await ask(`/outbox/${MARK.slice(0, 4)}/retry`, "POST");
    server.signal("SIGTERM");
    assert.equal(await server.exit, 0);

    // The secrets were sent where they belong, so the receivers had them to send back.
    for (const path of [
      "slack",
      "discord",
      "teams",
      "bot123456",
      "gotify",
      "alertmanager",
      "apprise",
      "deadman",
    ]) {
      assert.ok(
        [...echo.paths].some((one) => one.includes(path) && one.includes(MARK)),
        path,
      );
    }
    assert.ok(echo.bodies.some((body) => body.includes(KEY)));
    assert.ok(echo.lines.smtp.includes("AUTH PLAIN") && echo.lines.redis.includes(PASSWORD));

    for (const [where, text] of shown) assertHidden(where, text);
    assertHidden("the log", server.err());
    assertHidden("stdout", server.out());
    assert.match(
      server.err(),
      /http:\/\/127\.0\.0\.1:\d+\/status/,
      "the host of the mail server is no secret",
    );
    const folder = join(workshop.folder, name);
    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    for (const file of files.filter((one) => one.isFile())) {
      assertHidden(file.name, await readFile(join(file.parentPath, file.name), "utf8"));
    }
    // Told of each other's troubles, no sink learns another's secrets: a body holds its own at most.
    const own = new RegExp(`${KEY}|${MARK}-ntfy-topic`, "g");
    for (const body of echo.bodies) assertHidden("an alert", body.replace(own, ""));
    if (format === "json") {
      for (const line of server.err().trim().split("\n"))
        assert.equal(typeof JSON.parse(line).message, "string");
    }
  });
}

test("no secret is shown by the refusal of a configuration in which it is wrong", async () => {
  const folder = join(workshop.folder, "wrong");
  await mkdir(folder);
  const wrong = Object.fromEntries(
    Object.entries(fromEnvironment()).map(([name, value]) => [name, `${value} broken\u0007`]),
  );
  const byEnv = workshop.run(["serve"], {
    ...wrong,
    WATCHDOG_CONFIG: await writeConfig("wrong", {}),
    STATE_FILE: join(folder, "state.json"),
  });
  const broken = (value: unknown): unknown => {
    if (typeof value === "string") return [`${value} \n`];
    if (Array.isArray(value)) return value.map(broken);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, broken(one)]));
  };
  const byFile = workshop.run(["serve"], {
    WATCHDOG_CONFIG: await writeConfig("wrong-file", broken(fromFile()) as object),
    STATE_FILE: join(folder, "state.json"),
  });
  for (const { exit, err, out } of [byEnv, byFile]) {
    assert.equal(await exit, 2, err());
    assert.ok(err().split("\n").length > 10, err());
    assertHidden("the refusal", err() + out());
  }
});
