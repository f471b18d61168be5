/** What one container says of itself: label sets in, settings out. Every dialect, the order of precedence, and letter case. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerView, DiscoveryRules } from "../../plugins/docker/discovery/contract.ts";
import { found, told } from "./discovered.ts";

/** Labels, with settings that come out, or the beginning of the sentence that says why none do. */
type Row = [
  what: string,
  labels: Record<string, string>,
  out: Record<string, unknown> | string,
  view?: Partial<ContainerView>,
  rules?: Partial<DiscoveryRules>,
];

const on = { "watchdog.enable": "true" };
const healthy = { hasHealthcheck: true };
const running = { check: "docker" };
const byHealthcheck = { check: "docker", failureThreshold: 1 };
/** What another healer's label switches on leaves alone whom a person stopped. */
const others = { respectManualStop: true };
const byOther = { ...byHealthcheck, ...others };
const asks = (url: string) => ({ check: "http", url });
/** Followed redirects are good there. */
const published = (url: string) => ({ ...asks(url), http: { status: "200-399" } });
const all = { label: "all" };

const SWITCHES: Row[] = [
  ["nothing is said", {}, "ignored: no label switches it on"],
  ["a label of ours that does not switch on", { "watchdog.port": "80" }, "ignored: it has labels of ours"],
  ["in capitals", { "watchdog.enable": "TRUE" }, running],
  ["as a number", { "watchdog.enable": "1" }, running],
  ["as a word", { "watchdog.enable": "Yes" }, running],
  ["off", { "watchdog.enable": "False" }, "ignored: watchdog.enable switches it off"],
  ["off, as a word", { "watchdog.enable": "NO" }, "ignored: watchdog.enable switches it off"],
  [
    "neither",
    { "watchdog.enable": "maybe" },
    'refused: watchdog.enable: found "maybe"; accepted: true or false',
  ],
  ["empty", { "watchdog.enable": "" }, 'refused: watchdog.enable: found ""; accepted: true or false'],
  ["names of labels are exact", { "Watchdog.Enable": "true" }, "ignored: no label switches it on"],
  ["excluded", { ...on, "watchdog.exclude": "yes" }, "ignored: watchdog.exclude leaves it out"],
  ["excluded from all", { "watchdog.exclude": "true" }, "ignored: watchdog.exclude", healthy, all],
  ["ours wins over others' no", { ...on, autoheal: "false" }, running],
  ["ours wins over others' yes", { "watchdog.enable": "no", autoheal: "true" }, "ignored: watchdog.enable"],
];

const HEALERS: Row[] = [
  ["docker-autoheal", { autoheal: "true" }, byOther, healthy],
  ["docker-autoheal, letter case", { autoheal: "True" }, byOther, healthy],
  ["docker-autoheal without a HEALTHCHECK", { autoheal: "true" }, { ...running, ...others }],
  ["docker-autoheal's exclusion", { autoheal: "False" }, "ignored: autoheal switches it off", healthy, all],
  ["docker-autoheal's typo", { autoheal: "ture" }, 'refused: autoheal: found "ture"'],
  [
    "docker-autoheal's stop timeout, in seconds",
    { autoheal: "true", "autoheal.stop.timeout": "10" },
    { ...byOther, docker: { stopTimeout: "10s" } },
    healthy,
  ],
  [
    "docker-autoheal's stop timeout, wrong",
    { autoheal: "true", "autoheal.stop.timeout": "ten" },
    'refused: autoheal.stop.timeout: found "ten"; accepted: a duration from 0s to 1h',
  ],
  ["a label of one's own", { "heal-me": "TRUE" }, byOther, healthy, { label: "heal-me" }],
  [
    "a label of one's own, off",
    { "heal-me": "no" },
    "ignored: heal-me switches it off",
    {},
    { label: "heal-me" },
  ],
  ["a label of one's own, for something else", { env: "prod" }, "ignored: no label", {}, { label: "env" }],
  [
    "beside one's own, autoheal says nothing",
    { autoheal: "true" },
    "ignored: no label",
    {},
    { label: "own" },
  ],
  [
    "beside one's own, autoheal excludes",
    { own: "1", autoheal: "0" },
    "ignored: autoheal",
    {},
    { label: "own" },
  ],
  ["all", {}, byOther, healthy, all],
  ["all, without a HEALTHCHECK", {}, "ignored: it has no HEALTHCHECK", {}, all],
  ["all, stopped", {}, "ignored: it does not run", { ...healthy, status: "exited" }, all],
  ["all, paused", {}, byOther, { ...healthy, status: "paused" }, all],
  [
    "only running ones",
    { autoheal: "true" },
    "ignored: it does not run",
    { status: "paused" },
    { onlyRunning: true },
  ],
  ["tmknight", { "autoheal.monitor.enable": "true" }, byOther, healthy],
  ["tmknight, off", { "autoheal.monitor.enable": "FALSE" }, "ignored: autoheal.monitor.enable", healthy, all],
  ["tmknight, all", {}, byOther, healthy, all],
  [
    "tmknight, told and not restarted",
    { "autoheal.monitor.enable": "true", "autoheal.restart.enable": "False" },
    { ...byOther, action: "notify" },
    healthy,
  ],
  ["tmknight, restart on", { autoheal: "1", "autoheal.restart.enable": "true" }, byOther, healthy],
  ["restart.enable alone switches nothing on", { "autoheal.restart.enable": "true" }, "ignored: no label"],
  [
    "a no among healers wins",
    { autoheal: "true", "autoheal.monitor.enable": "false" },
    "ignored: autoheal.monitor",
  ],
  [
    "Docker-Guardian, stop",
    { autoheal: "true", "autoheal.action": "stop" },
    { ...byOther, action: "stop" },
    healthy,
  ],
  [
    "Docker-Guardian, letter case",
    { autoheal: "true", "autoheal.action": "Notify" },
    { ...byOther, action: "notify" },
    healthy,
  ],
  [
    "Docker-Guardian, none",
    { autoheal: "true", "autoheal.action": "none" },
    { ...running, ...others, action: "none" },
  ],
  [
    "Docker-Guardian, wrong",
    { autoheal: "true", "autoheal.action": "reboot" },
    'refused: autoheal.action: found "reboot"; accepted: one of restart, stop, notify, none',
  ],
  ["Docker-Guardian's label alone", { "autoheal.action": "stop" }, "ignored: no label"],
  ["deunhealth", { "deunhealth.restart.on.unhealthy": "true" }, byOther, healthy],
  ["deunhealth, off", { "deunhealth.restart.on.unhealthy": "false" }, "ignored: deunhealth", healthy, all],
  ["docker-surgeon alone", { "com.monitor.depends.on": "db" }, "ignored: no label"],
];

const ASKING: Row[] = [
  ["a URL", { ...on, "watchdog.url": "http://web:8080/ready" }, asks("http://web:8080/ready")],
  [
    "a URL to an alias",
    { ...on, "watchdog.url": "https://web-alias/ready" },
    asks("https://web-alias/ready"),
  ],
  [
    "a URL to a full name",
    { ...on, "watchdog.url": "http://web.shop_default:1" },
    asks("http://web.shop_default:1"),
  ],
  ["a URL to an address", { ...on, "watchdog.url": "http://172.20.0.2:80/" }, asks("http://172.20.0.2:80/")],
  [
    "a URL to an IPv6 address",
    { ...on, "watchdog.url": "http://[fd00:20:0::2]:80/" },
    asks("http://[fd00:20::2]:80/"),
  ],
  ["a TCP address", { ...on, "watchdog.url": "tcp://web:6379" }, { check: "tcp", url: "tcp://web:6379" }],
  ["a port", { ...on, "watchdog.port": "9000" }, asks("http://web:9000/health")],
  ["a path", { ...on, "watchdog.path": "/ready?deep=1" }, asks("http://web:8080/ready?deep=1")],
  ["a path without its slash", { ...on, "watchdog.path": "ready" }, asks("http://web:8080/ready")],
  ["a scheme", { ...on, "watchdog.scheme": "HTTPS" }, asks("https://web:8080/health")],
  ["tcp", { ...on, "watchdog.check": "tcp" }, { check: "tcp", url: "tcp://web:8080" }],
  [
    "the lowest exposed port",
    { ...on, "watchdog.check": "http" },
    asks("http://web:81/health"),
    { exposedPorts: ["9000/tcp", "81/tcp", "53/udp"] },
  ],
  [
    "no port is known",
    { ...on, "watchdog.path": "/x" },
    "refused: watchdog.path: found no port",
    { exposedPorts: ["53/udp"] },
  ],
  [
    "check=docker wins over a URL",
    { ...on, "watchdog.check": "docker", "watchdog.url": "http://web/" },
    running,
  ],
  [
    "tcp with an http URL",
    { ...on, "watchdog.check": "tcp", "watchdog.url": "http://web/" },
    "refused: watchdog.check: found",
  ],
  [
    "tcp with a path",
    { ...on, "watchdog.scheme": "tcp", "watchdog.path": "/x" },
    "refused: watchdog.path: found",
  ],
  ["another plugin's check", { ...on, "watchdog.check": "process" }, "refused: watchdog.check: found"],
  [
    "on the host's network",
    { ...on, "watchdog.port": "80" },
    "refused: watchdog.port: found a container without a network",
    { networkMode: "host", networks: [] },
  ],
  [
    "on the default network, which knows no names",
    { ...on, "watchdog.port": "80" },
    asks("http://172.17.0.9:80/health"),
    { networks: [{ network: "bridge", names: [], addresses: [{ address: "172.17.0.9", prefix: 16 }] }] },
  ],
  ["SpreadPilot, any value", { spreadpilot: "" }, { ...asks("http://web:8080/health"), ...others }],
  [
    "SpreadPilot takes a published port first",
    { spreadpilot: "x" },
    { ...asks("http://web:3000/health"), ...others },
    { exposedPorts: ["2000/tcp"], publishedPorts: ["3000/tcp"] },
  ],
  ["SpreadPilot without a port", { spreadpilot: "" }, byOther, { ...healthy, exposedPorts: [] }],
  ["traefik says how, and does not switch on", traefik({}), "ignored: no label"],
  ["traefik", { ...on, ...traefik({}) }, published("http://web:9000/ping")],
  ["traefik's other port", { ...on, ...traefik({ port: "9100" }) }, published("http://web:9100/ping")],
  [
    "traefik in other letters",
    { ...on, "traefik.http.services.a.loadBalancer.healthCheck.path": "/up" },
    published("http://web:8080/up"),
  ],
  [
    "traefik's times",
    { ...on, ...traefik({ interval: "1m30s", timeout: "3s" }) },
    { ...asks("http://web:9000/ping"), http: { status: "200-399" }, interval: "90s", timeout: "3s" },
  ],
  [
    "traefik's status",
    { ...on, ...traefik({ status: "204" }) },
    { ...asks("http://web:9000/ping"), http: { status: 204 } },
  ],
  [
    "our port, traefik's path",
    { ...on, ...traefik({}), "watchdog.port": "1" },
    published("http://web:1/ping"),
  ],
  ["our path, traefik's port", { ...on, ...traefik({}), "watchdog.path": "/x" }, asks("http://web:9000/x")],
  ["traefik with a header", { ...on, ...traefik({ hostname: "x.org" }) }, byHealthcheck, healthy],
  ["traefik with another method", { ...on, ...traefik({ method: "HEAD" }) }, running],
  [
    "traefik with wrong times",
    { ...on, ...traefik({ interval: "often" }) },
    published("http://web:9000/ping"),
  ],
  [
    "docker-autoheal asks HEALTHCHECK before traefik's path",
    { autoheal: "1", ...traefik({}) },
    byOther,
    healthy,
  ],
  [
    "ours asks traefik's path before HEALTHCHECK",
    { ...on, ...traefik({}) },
    published("http://web:9000/ping"),
    healthy,
  ],
  [
    "AutoKuma, its own host",
    { ...on, "kuma.a.http.url": "http://web:8080/k" },
    published("http://web:8080/k"),
  ],
  ["AutoKuma, another host", { ...on, "kuma.a.http.url": "https://shop.example.com/" }, running],
  [
    "AutoKuma, upside down",
    { ...on, "kuma.a.http.url": "http://web/", "kuma.a.http.upside_down": "true" },
    running,
  ],
  ["HEALTHCHECK", on, byHealthcheck, healthy],
  ["nothing to ask", on, running, { exposedPorts: [] }],
];

const SETTINGS: Row[] = [
  [
    "everything that we understand",
    {
      ...{ ...on, "watchdog.interval": "30", "watchdog.timeout": "500ms", "watchdog.failures": "5" },
      ...{ "watchdog.start-period": "2m", "watchdog.group": "shop", "watchdog.display-name": "The shop" },
      ...{ "watchdog.action": "Stop", "watchdog.stop-timeout": "1m30s" },
    },
    {
      ...{ check: "docker", interval: "30s", timeout: "500ms", failureThreshold: 5, startPeriod: "120s" },
      ...{ group: "shop", displayName: "The shop", action: "stop", docker: { stopTimeout: "90s" } },
    },
  ],
  ["too short an interval", { ...on, "watchdog.interval": "1ms" }, "refused: watchdog.interval: found"],
  ["no failures", { ...on, "watchdog.failures": "0" }, "refused: watchdog.failures: found"],
  ["a port that is none", { ...on, "watchdog.port": "70000" }, "refused: watchdog.port: found"],
  [
    "a label that does not exist",
    { ...on, "watchdog.intervall": "5" },
    'refused: "watchdog.intervall": found a label that',
  ],
  [
    "a command",
    { ...on, "watchdog.command": "rm -rf /" },
    'refused: "watchdog.command": found a label that does not',
  ],
  [
    "a header",
    { ...on, "watchdog.http.headers": "a: b" },
    'refused: "watchdog.http.headers": found a label that',
  ],
  [
    "ours, then another healer's, key by key",
    {
      autoheal: "true",
      "watchdog.action": "notify",
      "autoheal.action": "stop",
      "autoheal.stop.timeout": "7",
    },
    { ...byOther, action: "notify", docker: { stopTimeout: "7s" } },
    healthy,
  ],
  [
    "what is not followed is not judged",
    { ...on, "watchdog.action": "stop", "autoheal.action": "?" },
    { ...running, action: "stop" },
  ],
  [
    "homepage before Dozzle",
    { ...on, "homepage.name": "Shop", "dev.dozzle.name": "web", "dev.dozzle.group": "all" },
    { ...running, displayName: "Shop", group: "all" },
  ],
  ["a name for display that does not fit", { ...on, "homepage.name": "x".repeat(101) }, running],
  [
    "our name before homepage's",
    { ...on, "homepage.name": "a", "watchdog.display-name": "b" },
    { ...running, displayName: "b" },
  ],
];

const NOT_TOUCHED: Row[] = [
  ["the watchdog itself", on, "ignored: it is the watchdog's own container", { id: "f".repeat(64) }],
  ["a task of Swarm", { ...on, "com.docker.swarm.task.id": "x" }, "ignored: it is a task of a Swarm service"],
  ["docker compose run", { ...on, "com.docker.compose.oneoff": "True" }, "ignored: it is a one-off"],
  ["never started", on, "ignored: it is created", { status: "created" }],
  ["on its way out", on, "ignored: it is removing", { status: "removing" }],
  ["stopped", on, running, { status: "exited" }],
];

function traefik(health: Record<string, string>): Record<string, string> {
  const prefix = "traefik.http.services.shop.loadbalancer";
  const more = Object.entries(health).map(([key, value]) => [`${prefix}.healthcheck.${key}`, value]);
  return {
    "traefik.enable": "true",
    [`${prefix}.server.port`]: "9000",
    [`${prefix}.healthcheck.path`]: "/ping",
    ...Object.fromEntries(more),
  };
}

const TABLES = { SWITCHES, HEALERS, ASKING, SETTINGS, NOT_TOUCHED };

for (const [table, rows] of Object.entries(TABLES)) {
  for (const [what, labels, out, view, rules] of rows) {
    test(`${table.toLowerCase()}: ${what}`, () => {
      const one = found(labels, view, rules);
      if (typeof out === "string") assert.ok(told(one).startsWith(out), told(one));
      else assert.deepEqual(one.kind === "service" ? one.settings : told(one), out);
    });
  }
}

test("each setting says what it comes from", () => {
  const labels = { autoheal: "true", "autoheal.stop.timeout": "5", "homepage.name": "Shop" };
  const one = found(labels, healthy);
  assert.deepEqual(one.kind === "service" && one.origins, {
    check: "HEALTHCHECK",
    failureThreshold: "HEALTHCHECK",
    displayName: "homepage.name",
    "docker.stopTimeout": "autoheal.stop.timeout",
    respectManualStop: "autoheal",
  });
  const asked = found({ ...on, "watchdog.path": "/x" });
  assert.deepEqual(asked.kind === "service" && asked.origins, {
    check: "watchdog.path, EXPOSE",
    url: "watchdog.path, EXPOSE",
  });
});
