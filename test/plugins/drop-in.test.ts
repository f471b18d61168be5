/** The environment of other tools: what it becomes, where that came from, and what is wrong with it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { engineOf } from "../../plugins/docker/engine.ts";
import { otherTools } from "../../plugins/docker/other-tools.ts";
import { wordsFor } from "../../plugins/docker/post-restart.ts";
import docker from "../../plugins/docker.ts";
import { builtins } from "../../src/builtin-plugins.ts";
import type { Config } from "../../src/config/config.ts";
import { describe } from "../../src/config/describe.ts";
import { loadConfig } from "../../src/config/load.ts";

const FILE = "/app/watchdog.config.json";

function load(env: Record<string, string>, file?: object) {
  return loadConfig({
    env,
    cwd: "/app",
    plugins: builtins,
    readFile: async (path) => {
      if (file !== undefined && path === FILE) return JSON.stringify(file);
      throw Object.assign(new Error(`ENOENT ${path}`), { code: "ENOENT" });
    },
    readFolder: async () => (file === undefined ? [] : ["watchdog.config.json"]),
  });
}

async function loaded(env: Record<string, string>, file?: object): Promise<Config> {
  const result = await load(env, file);
  assert.ok(result.ok, JSON.stringify(result.ok || result.faults));
  return result.config;
}

const at = (whole: unknown, path: string) =>
  path.split("/").reduce((one, key) => (one as Record<string, unknown> | undefined)?.[key], whole);

type Expected = Record<string, [value: unknown, origin: unknown]>;

const D = "plugins/docker";
const ON = (by: string): Expected => ({ [`${D}/discover`]: [true, `env ${by}`] });
const INTERVAL = "services/executor/interval";

const ROWS: [what: string, env: Record<string, string>, expected: Expected, file?: object][] = [
  [
    "nothing of another tool",
    { WEBHOOK_URL: "http://r.example/x", LOG_LEVEL: "info" },
    {
      [`${D}/discover`]: [false, "default"],
      "plugins/webhook/jsonKey": [undefined, undefined],
      [INTERVAL]: ["15s", "default"],
      startDelay: ["0ms", "default"],
    },
  ],
  [
    "empty variables",
    { AUTOHEAL_CONTAINER_LABEL: "", DOCKER_SOCK: "" },
    { [`${D}/discover`]: [false, "default"] },
  ],
  [
    "every container",
    { AUTOHEAL_CONTAINER_LABEL: "all" },
    {
      ...ON("AUTOHEAL_CONTAINER_LABEL"),
      [`${D}/label`]: ["all", "env AUTOHEAL_CONTAINER_LABEL"],
      [INTERVAL]: ["5s", "default of AUTOHEAL_INTERVAL"],
      "plugins/webhook": [undefined, undefined],
      [`${D}/stopTimeout`]: [undefined, undefined],
    },
  ],
  [
    "all of docker-autoheal's",
    {
      AUTOHEAL_CONTAINER_LABEL: "autoheal-app",
      AUTOHEAL_INTERVAL: "10",
      AUTOHEAL_START_PERIOD: "300",
      AUTOHEAL_DEFAULT_STOP_TIMEOUT: "20",
      AUTOHEAL_ONLY_MONITOR_RUNNING: "TRUE",
      DOCKER_SOCK: "/run/user/1000/docker.sock",
      CURL_TIMEOUT: "60",
      WEBHOOK_URL: "http://r.example/x",
      WEBHOOK_JSON_KEY: "content",
      APPRISE_URL: "http://apprise.example:8000/notify/",
      POST_RESTART_SCRIPT: "/hooks/run.sh --loud",
    },
    {
      ...ON("AUTOHEAL_CONTAINER_LABEL"),
      [`${D}/label`]: ["autoheal-app", "env AUTOHEAL_CONTAINER_LABEL"],
      [INTERVAL]: ["10s", "env AUTOHEAL_INTERVAL"],
      startDelay: ["5m", "env AUTOHEAL_START_PERIOD"],
      [`${D}/stopTimeout`]: ["20s", "env AUTOHEAL_DEFAULT_STOP_TIMEOUT"],
      [`${D}/onlyRunning`]: [true, "env AUTOHEAL_ONLY_MONITOR_RUNNING"],
      [`${D}/engine`]: ["unix:///run/user/1000/docker.sock", "env DOCKER_SOCK"],
      [`${D}/restartTimeout`]: ["1m", "env CURL_TIMEOUT"],
      "plugins/webhook/url": [["***"], "env WEBHOOK_URL"],
      "plugins/webhook/jsonKey": ["content", "env WEBHOOK_JSON_KEY"],
      "plugins/apprise/url": ["***", "env APPRISE_URL"],
      [`${D}/postRestart/command`]: [
        ["/hooks/run.sh", "--loud", "/{name}", "{shortId}", "{state}", "{stopTimeout}"],
        "env POST_RESTART_SCRIPT",
      ],
    },
  ],
  [
    "a webhook without a key",
    { AUTOHEAL_INTERVAL: "5", WEBHOOK_URL: "http://r.example/x" },
    { "plugins/webhook/jsonKey": [["text", "content"], "default of WEBHOOK_JSON_KEY"] },
  ],
  [
    "the whole environment of its image, with nothing set",
    { AUTOHEAL_INTERVAL: "5", WEBHOOK_URL: "", WEBHOOK_JSON_KEY: "content", APPRISE_URL: "" },
    { "plugins/webhook": [undefined, undefined], "plugins/apprise": [undefined, undefined] },
  ],
  [
    "the file wins, and its own webhook stays as it is",
    { AUTOHEAL_CONTAINER_LABEL: "all", AUTOHEAL_INTERVAL: "10", WEBHOOK_URL: "http://r.example/x" },
    {
      [`${D}/discover`]: [false, "watchdog.config.json"],
      [`${D}/label`]: ["heal", "watchdog.config.json"],
      [INTERVAL]: ["7s", "defaults"],
      "plugins/webhook/jsonKey": [undefined, undefined],
    },
    {
      defaults: { interval: 7 },
      services: { executor: { url: "http://executor/" } },
      plugins: { docker: { discover: false, label: "heal" }, webhook: { format: "cloudevents" } },
    },
  ],
  [
    "our own variables win",
    {
      AUTOHEAL_INTERVAL: "10",
      CHECK_INTERVAL_SECONDS: "8",
      DOCKER_SOCK: "tcps://a.example:2376",
      DOCKER_HOST: "tcp://b.example:2376",
      WEBHOOK_URL: "http://r.example/x",
      AUTOHEAL_WEBHOOK_URL: "http://other.example/x",
      WATCHDOG_DISCOVER: "false",
    },
    {
      [INTERVAL]: ["8s", "env CHECK_INTERVAL_SECONDS"],
      [`${D}/engine`]: ["tcp://b.example:2376", "env DOCKER_HOST"],
      [`${D}/tls/keyFile`]: ["/certs/client-key.pem", "env DOCKER_SOCK"],
      "plugins/webhook/url": [["***"], "env WEBHOOK_URL"],
      [`${D}/discover`]: [false, "env WATCHDOG_DISCOVER"],
    },
  ],
  [
    "all of tmknight's, with TLS",
    {
      AUTOHEAL_CONNECTION_TYPE: "SSL",
      AUTOHEAL_TCP_HOST: "engine.example",
      AUTOHEAL_PEM_PATH: "/opt/tls/",
      AUTOHEAL_MONITOR_ALL: "TRUE",
      AUTOHEAL_STOP_TIMEOUT: "15",
      AUTOHEAL_START_DELAY: "30",
      AUTOHEAL_POST_ACTION: "/hooks/Run it.sh",
      AUTOHEAL_WEBHOOK_URL: "http://r.example/x",
      AUTOHEAL_WEBHOOK_KEY: "msg",
      AUTOHEAL_APPRISE_URL: "http://apprise.example:8000/notify/x",
    },
    {
      ...ON("AUTOHEAL_CONNECTION_TYPE"),
      [`${D}/label`]: ["all", "env AUTOHEAL_MONITOR_ALL"],
      [`${D}/engine`]: ["tcp://engine.example:2376", "env AUTOHEAL_CONNECTION_TYPE"],
      [`${D}/tls/caFile`]: ["/opt/tls/ca.pem", "env AUTOHEAL_CONNECTION_TYPE"],
      [`${D}/stopTimeout`]: ["15s", "env AUTOHEAL_STOP_TIMEOUT"],
      startDelay: ["30s", "env AUTOHEAL_START_DELAY"],
      [INTERVAL]: ["5s", "default of AUTOHEAL_INTERVAL"],
      [`${D}/postRestart/command`]: [
        ["/hooks/Run it.sh", "{name}", "{shortId}", "{stopTimeout}"],
        "env AUTOHEAL_POST_ACTION",
      ],
      "plugins/webhook/url": [["***"], "env AUTOHEAL_WEBHOOK_URL"],
      "plugins/webhook/jsonKey": ["msg", "env AUTOHEAL_WEBHOOK_KEY"],
      "plugins/apprise/url": ["***", "env AUTOHEAL_APPRISE_URL"],
    },
  ],
  [
    "tmknight's, over plain TCP, and a label",
    { AUTOHEAL_CONNECTION_TYPE: "http", AUTOHEAL_TCP_PORT: "23750", AUTOHEAL_MONITOR_ALL: "FALSE" },
    {
      [`${D}/engine`]: ["tcp://localhost:23750", "env AUTOHEAL_CONNECTION_TYPE"],
      [`${D}/tls`]: [undefined, undefined],
      [`${D}/label`]: ["autoheal", "default"],
    },
  ],
  [
    "tmknight's host counts only with a type, as there",
    { AUTOHEAL_CONNECTION_TYPE: "socket", AUTOHEAL_TCP_HOST: "engine.example" },
    { [`${D}/engine`]: [undefined, undefined] },
  ],
  ["discovery by a variable of our own", { WATCHDOG_DISCOVER: "yes" }, ON("WATCHDOG_DISCOVER")],
  [
    "what other programs have, too, says nothing alone",
    { HEALTH_SERVER_ADDRESS: "127.0.0.1:9999" },
    { [`${D}/discover`]: [false, "default"] },
  ],
  [
    "the plugin that would act on it is off",
    { AUTOHEAL_CONTAINER_LABEL: "all", AUTOHEAL_INTERVAL: "soon", AUTOHEAL_START_PERIOD: "9" },
    { startDelay: ["0ms", "default"], [D]: [false, "watchdog.config.json"] },
    { services: { a: { url: "http://a/", action: "none" } }, plugins: { docker: false, process: {} } },
  ],
];

for (const [what, env, expected, file] of ROWS) {
  test(`becomes settings: ${what}`, async () => {
    const { value, origins } = describe(await loaded(env, file));
    const found = Object.keys(expected).map((path) => [path, [at(value, path), at(origins, path)]]);
    assert.deepEqual(Object.fromEntries(found), expected);
  });
}

const FAULTS: [variable: string, value: string, found: string, accepted: RegExp][] = [
  ["AUTOHEAL_CONTAINER_LABEL", "a label", '"a label"', /^the name of a label, or "all"$/],
  ["AUTOHEAL_INTERVAL", "soon", '"soon"', /^a duration from 100ms to 1d/],
  ["AUTOHEAL_INTERVAL", "0", '"0"', /^a duration from 100ms to 1d/],
  ["AUTOHEAL_START_PERIOD", "-1", '"-1"', /^a duration from 0ms to 1d/],
  ["AUTOHEAL_DEFAULT_STOP_TIMEOUT", "2h", '"2h"', /^a duration from 0ms to 1h/],
  ["AUTOHEAL_ONLY_MONITOR_RUNNING", "maybe", '"maybe"', /^true or false$/],
  ["DOCKER_SOCK", "docker.sock", '"docker.sock"', /^a socket's absolute path, tcp:/],
  ["DOCKER_SOCK", "http://engine:2375", '"http://engine:2375"', /^a socket's absolute path, tcp:/],
  ["CURL_TIMEOUT", "0", '"0"', /^a duration from 100ms/],
  ["POST_RESTART_SCRIPT", "run.sh; rm -rf /", '"run.sh; rm -rf /"', /^the absolute path of a program$/],
  ["POST_RESTART_SCRIPT", "/s.sh {secret}", "", /places in braces/],
  ["AUTOHEAL_CONNECTION_TYPE", "tcp", '"tcp"', /^one of "local", "socket", "http", "ssl"$/],
  ["AUTOHEAL_TCP_PORT", "70000", '"70000"', /^a whole number from 1 to 65535$/],
  ["AUTOHEAL_TCP_HOST", "a b", '"a b"', /^the name or address of a host$/],
  ["AUTOHEAL_PEM_PATH", "$(id)", '"$(id)"', /^the absolute path of a folder$/],
  ["AUTOHEAL_MONITOR_ALL", "some", '"some"', /^true or false$/],
  ["AUTOHEAL_WEBHOOK_URL", "planted-secret", "(hidden, 14 characters)", /^an absolute http or https URL/],
  ["AUTOHEAL_APPRISE_URL", "http://h/planted-secret", "(hidden, 23 characters)", /\/notify/],
];

for (const [variable, value, found, accepted] of FAULTS) {
  test(`is a fault: ${variable}=${value}`, async () => {
    const result = await load({ [variable]: value });
    assert.ok(!result.ok);
    const [fault, ...more] = result.faults;
    assert.deepEqual(more, []);
    assert.equal(fault!.path, `env ${variable}`);
    if (found !== "") assert.equal(fault!.found, found);
    assert.match(fault!.accepted, accepted);
    assert.doesNotMatch(JSON.stringify(fault), /planted-secret/);
  });
}

test("a variable without effect is told once, and an unknown one with the nearest known one", async () => {
  const config = await loaded({
    AUTOHEAL_LOG_PERSIST: "true",
    AUTOHEAL_INTERVALL: "3",
    AUTOHEAL_ZQ: "1",
    HEALTH_SERVER_ADDRESS: "127.0.0.1:9999",
  });
  assert.deepEqual(
    config.notices.map(({ level, text }) => `${level}: ${text.slice(0, 58)}`),
    [
      "info: AUTOHEAL_LOG_PERSIST has no effect: each outage is kept as",
      "warn: AUTOHEAL_INTERVALL has no effect: no variable has this nam",
      "warn: AUTOHEAL_ZQ has no effect: no variable has this name; know",
      "info: HEALTH_SERVER_ADDRESS has no effect: HOST and PORT say whe",
    ],
  );
  assert.match(config.notices[1]!.text, /the nearest known one is AUTOHEAL_INTERVAL$/);
});

test("an unknown variable of these tools says that this is such an environment", async () => {
  const config = await loaded({ AUTOHEAL_INTERVALL: "3" });
  assert.equal(at(describe(config).value, `${D}/discover`), true);
});

test("the address of a receiver is a secret, whoever named it", async () => {
  const config = await loaded({ AUTOHEAL_WEBHOOK_URL: "http://r.example/planted" });
  assert.ok(config.secrets.some((one) => one.includes("planted")));
});

test("every variable has a setting that exists, or says why it has none", async () => {
  for (const [name, variable] of Object.entries(otherTools.variables)) {
    if ("ignored" in variable) assert.ok(variable.ignored.length > 10, name);
    else assert.ok(variable.settings.length > 0, name);
  }
});

test("the names by which the table is asked for are those that its prefix leaves out", () => {
  const { prefix, names } = docker.foreign!;
  const others = Object.keys(otherTools.variables).filter((name) => !name.startsWith(prefix));
  assert.deepEqual([...names].sort(), others.sort());
});

test("a docker client is called with the files of another tool, unless DOCKER_CERT_PATH names some", () => {
  const tls = {
    caFile: "/certs/ca.pem",
    certFile: "/certs/client-cert.pem",
    keyFile: "/certs/client-key.pem",
  };
  const host = "tcp://engine:2376";
  assert.deepEqual(engineOf({ PATH: "/bin", SECRET: "s" }, { engine: host, tls }), {
    env: { PATH: "/bin", DOCKER_HOST: host },
    flags: [
      "--tlsverify",
      "--tlscacert=/certs/ca.pem",
      "--tlscert=/certs/client-cert.pem",
      "--tlskey=/certs/client-key.pem",
    ],
  });
  assert.deepEqual(engineOf({ DOCKER_CERT_PATH: "/mine" }, { tls }), {
    env: { DOCKER_CERT_PATH: "/mine" },
    flags: [],
  });
});

test("each place in a command is filled in once, and stays one word", () => {
  const restarted = {
    name: "{id} $(id) ;",
    id: "f".repeat(64),
    shortId: "f".repeat(12),
    state: "running",
    stopTimeout: "10",
  };
  assert.deepEqual(wordsFor(["/s.sh", "/{name}", "{shortId}-{stopTimeout}", "{state}"], restarted), [
    "/s.sh",
    "/{id} $(id) ;",
    "ffffffffffff-10",
    "running",
  ]);
});
