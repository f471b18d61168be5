// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Compose has variables of its own.
/** One service of a Compose file, and what `init` makes of it: a table. Each result is loaded as a configuration. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { initFrom, loaded } from "./compose.ts";

const CURL = "test: [CMD, curl, -f, http://localhost:8080/health]";
const STATUS = { http: { status: "200-399" } };
const ASKED = { url: "http://api:8080/health", ...STATUS };
const TCP = { url: "tcp://api:8080", check: "tcp" };
const BY_ENGINE = { check: "docker", container: "shop-api-1" };

/** `why`: a comment that has to be there. */
const ROWS: [title: string, service: string, settings: object | undefined, why: string | RegExp][] = [
  ["a URL", `healthcheck: { ${CURL} }`, ASKED, "its HEALTHCHECK, by curl"],
  [
    "times",
    `healthcheck: { ${CURL}, interval: 30s, timeout: 2.5s, retries: 5, start_period: 1m30s }`,
    { ...ASKED, interval: "30s", timeout: "2500ms", failureThreshold: 5, startPeriod: "90s" },
    "",
  ],
  [
    "times like ours are left out",
    `healthcheck: { ${CURL}, interval: 15s, timeout: 5s, retries: 3 }`,
    ASKED,
    "",
  ],
  [
    "times that are no times",
    `healthcheck: { ${CURL}, interval: soon, timeout: 99h, retries: 0 }`,
    ASKED,
    "",
  ],
  [
    "no -f",
    "healthcheck: { test: curl http://localhost:8080/health }",
    { ...ASKED, http: { status: "100-599" } },
    "without -f, curl takes every answer",
  ],
  [
    "a program",
    "healthcheck: { test: [CMD, pg_isready] }",
    { ...BY_ENGINE, failureThreshold: 1 },
    "asks no plain URL",
  ],
  [
    "switched off",
    "healthcheck: { disable: true }\n    expose: [8080]",
    TCP,
    "its HEALTHCHECK is switched off",
  ],
  ["NONE", 'healthcheck: { test: ["NONE"] }\n    expose: ["8080"]', TCP, "its HEALTHCHECK is switched off"],
  [
    "a published port",
    'ports: ["127.0.0.1:80:8080/tcp"]',
    TCP,
    "Better, if it answers: url: http://api:8080/health",
  ],
  ["a long port", "ports: [{ target: 8080, published: 80 }]", TCP, ""],
  [
    "udp is no port to connect to",
    'ports: ["53:53/udp", { target: 54, protocol: udp }]',
    BY_ENGINE,
    "whether it runs",
  ],
  ["a database's port", "expose: [5432]", { url: "tcp://api:5432", check: "tcp" }, "its port 5432"],
  ["nothing", "image: x", BY_ENGINE, "no HEALTHCHECK and no port"],
  ["a name", `container_name: my-api\n    healthcheck: { ${CURL} }`, { ...ASKED, container: "my-api" }, ""],
  [
    "a name in a variable",
    "container_name: ${PREFIX}-api\n    expose: [8080]",
    { ...TCP, container: "my-api" },
    "",
  ],
  [
    "a name in a variable that is not set",
    "container_name: ${NOBODY}-api\n    expose: [8080]",
    TCP,
    "not known here",
  ],
  ["a default", 'expose: ["${APP_PORT:-8080}"]', TCP, ""],
  [
    "a dollar",
    "healthcheck: { test: 'curl -f http://localhost:8080/$$HOME' }",
    { ...BY_ENGINE, failureThreshold: 1 },
    "",
  ],
  [
    "a secret",
    "healthcheck: { test: 'curl -f http://localhost:8080/?key=${API_TOKEN}' }",
    { ...BY_ENGINE, failureThreshold: 1 },
    "asks no plain URL",
  ],
  [
    "another's network",
    `network_mode: service:vpn\n    healthcheck: { ${CURL} }`,
    { url: "http://vpn:8080/health", container: "shop-api-1", ...STATUS },
    "it answers at vpn, whose network it shares",
  ],
  [
    "a stranger's network",
    `network_mode: service:nobody\n    healthcheck: { ${CURL} }`,
    { ...BY_ENGINE, failureThreshold: 1 },
    "not known here",
  ],
  ["the host's network", "network_mode: host\n    expose: [8080]", BY_ENGINE, "the host's own network"],
  ["dependencies", "expose: [8080]\n    depends_on: [vpn, nobody, api]", { ...TCP, dependsOn: ["vpn"] }, ""],
  [
    "a job that ends",
    "expose: [8080]\n    depends_on: { vpn: { condition: service_completed_successfully } }",
    TCP,
    "vpn: a job that ends: others wait for its end",
  ],
  [
    "labels of ours",
    'labels: { watchdog.path: /up, watchdog.port: "81", watchdog.interval: 1m }',
    { url: "http://api:81/up", interval: "60s" },
    "watchdog.port, watchdog.path",
  ],
  [
    "labels of others",
    "expose: [8080]\n    labels: [homepage.group=Front, autoheal.stop.timeout=20]",
    { ...TCP, group: "Front", docker: { stopTimeout: "20s" } },
    "homepage.group",
  ],
  [
    "dollars that are none of a variable",
    "expose: [8080]\n    labels: ['homepage.name=A $${B} $$C']",
    { ...TCP, displayName: "A $${B} $$C" },
    "homepage.name",
  ],
  [
    "SpreadPilot's label",
    "expose: [8080]\n    labels: [spreadpilot]",
    { url: "http://api:8080/health", respectManualStop: true },
    "spreadpilot, EXPOSE",
  ],
  [
    "extends",
    "expose: [8080]\n    extends: { file: base.yaml, service: api }",
    TCP,
    "what it extends was not read",
  ],
  ["replicas", "expose: [8080]\n    deploy: { replicas: 3 }", TCP, "it has 3 containers"],
  ["an anchor", "healthcheck: { <<: *usual, interval: 1m }", { ...ASKED, interval: "60s" }, ""],
  ["a stop timeout is the engine's", "expose: [8080]\n    stop_grace_period: 2m", TCP, ""],
  ["a job", 'restart: "no"', undefined, 'api: a job that ends (restart: "no")'],
  ["a job, unquoted", "restart: no", undefined, "a job that ends"],
  ["a profile", "profiles: [debug]", undefined, "api: it runs only with the profile debug"],
  ["no replicas", "deploy: { replicas: 0 }", undefined, "replicas: 0"],
  ["switched off by a label", 'labels: { autoheal: "false" }', undefined, "api: autoheal switches it off"],
  ["excluded", "labels: [watchdog.exclude=true]", undefined, "watchdog.exclude leaves it out"],
  [
    "a wrong label",
    "labels: [watchdog.interval=soon]",
    undefined,
    /api: watchdog\.interval: found "soon", accepted: a dur/,
  ],
  ["the watchdog", "image: ghcr.io/x/spreadpilot-watchdog:1", undefined, "it is the watchdog"],
];

for (const [title, service, settings, why] of ROWS) {
  test(title, async () => {
    const text = `x-usual: &usual { ${CURL} }\nservices:\n  vpn: {}\n  api:\n    ${service}\n`;
    const written = await initFrom(text, { PREFIX: "my", API_TOKEN: "planted-secret" });
    assert.deepEqual(parse(written.text).services.api, settings, written.text);
    if (why instanceof RegExp) assert.match(written.text, why);
    else assert.ok(written.text.includes(why), `${why}\n${written.text}`);
    assert.ok(!written.text.includes("planted"));
    const config = await loaded(written.text);
    assert.deepEqual([...config.services.keys()], written.services);
  });
}

test("a dependency that closes a circle is left out", async () => {
  const text = "services:\n  a: { depends_on: [b] }\n  b: { depends_on: [c] }\n  c: { depends_on: [a] }\n";
  const { services } = parse((await initFrom(text)).text);
  assert.deepEqual(
    [services.a.dependsOn, services.b.dependsOn, services.c.dependsOn],
    [["b"], ["c"], undefined],
  );
});

test("two services with one container are one service", async () => {
  const written = await initFrom("services:\n  a: { container_name: x }\n  b: { container_name: x }\n");
  await loaded(written.text);
  assert.match(written.text, /b: another service has its container|claims, too/);
});
