/**
 * The environment of docker-autoheal (willfarrell), docker-autoheal in Rust (tmknight) and deunhealth, as their sources
 * read it. The order counts: of two variables that give one setting, the later one wins.
 */
import * as v from "valibot";
import { type ForeignTable, flag, line, oneOf, wholeNumber } from "../../src/plugin.ts";

const DOCKER = "plugins.docker";
const ENGINE = `${DOCKER}.engine`;
const TLS = `${DOCKER}.tls`;
const LABEL = `${DOCKER}.label`;
const STOP_TIMEOUT = `${DOCKER}.stopTimeout`;
const COMMAND = `${DOCKER}.postRestart.command`;

const ACCEPTED_SOCKET =
  "a socket's absolute path, tcp://host:port, or tcps://host:port with its files in /certs";
const socket = v.pipe(line(2000), v.regex(/^(unix:\/\/)?\/\S+$|^tcps?:\/\/[\w.:[\]-]+\/?$/, ACCEPTED_SOCKET));

const ACCEPTED_FOLDER = "the absolute path of a folder";
const folder = v.pipe(line(1000), v.regex(/^\/[\w./-]*$/, ACCEPTED_FOLDER));

const ACCEPTED_PROGRAM = "the absolute path of a program";
const program = v.pipe(line(4000), v.regex(/^\//, ACCEPTED_PROGRAM));

const ACCEPTED_HOST = "the name or address of a host";
const hostName = v.pipe(line(255), v.regex(/^[\w.:[\]-]+$/, ACCEPTED_HOST));

function filesIn(folder: string, prefix = "") {
  const at = folder.replace(/\/+$/, "");
  return {
    caFile: `${at}/ca.pem`,
    certFile: `${at}/${prefix}cert.pem`,
    keyFile: `${at}/${prefix}key.pem`,
  };
}

/** Where docker-autoheal has the files mounted, under names of its own. */
const CERTS = filesIn("/certs", "client-");

const AUTOHEAL: ForeignTable["variables"] = {
  AUTOHEAL_CONTAINER_LABEL: { settings: [LABEL] },
  AUTOHEAL_INTERVAL: { settings: ["defaults.interval"] },
  AUTOHEAL_START_PERIOD: { settings: ["startDelay"] },
  AUTOHEAL_DEFAULT_STOP_TIMEOUT: { settings: [STOP_TIMEOUT] },
  AUTOHEAL_ONLY_MONITOR_RUNNING: { settings: [`${DOCKER}.onlyRunning`] },
  DOCKER_SOCK: {
    settings: [ENGINE, TLS],
    takes: socket,
    means: (said: string) => {
      if (said.startsWith("tcps://")) return { [ENGINE]: said.replace("tcps:", "tcp:"), [TLS]: CERTS };
      return { [ENGINE]: said.startsWith("/") ? `unix://${said}` : said };
    },
  },
  CURL_TIMEOUT: { settings: [`${DOCKER}.restartTimeout`] },
  POST_RESTART_SCRIPT: {
    settings: [COMMAND],
    takes: program,
    // A shell split it into words there; the name had the engine's slash.
    means: (said: string) => ({
      [COMMAND]: [...said.trim().split(/\s+/), "/{name}", "{shortId}", "{state}", "{stopTimeout}"],
    }),
  },
};

const CONNECTION = "AUTOHEAL_CONNECTION_TYPE";
const PORTS = { http: 2375, ssl: 2376 };

const TMKNIGHT: ForeignTable["variables"] = {
  AUTOHEAL_MONITOR_ALL: {
    settings: [LABEL],
    takes: flag(),
    means: (on: boolean) => (on ? { [LABEL]: "all" } : {}),
  },
  AUTOHEAL_START_DELAY: { settings: ["startDelay"] },
  AUTOHEAL_STOP_TIMEOUT: { settings: [STOP_TIMEOUT] },
  [CONNECTION]: {
    settings: [ENGINE, TLS],
    takes: oneOf("local", "socket", "http", "ssl"),
    means: (type: "local" | "socket" | "http" | "ssl", other) => {
      if (type === "local" || type === "socket") return {};
      const port = other("AUTOHEAL_TCP_PORT") ?? PORTS[type];
      const host = `tcp://${other("AUTOHEAL_TCP_HOST") ?? "localhost"}:${port}`;
      if (type === "http") return { [ENGINE]: host };
      const at = String(other("AUTOHEAL_PEM_PATH") ?? "/opt/docker-autoheal/tls");
      return { [ENGINE]: host, [TLS]: filesIn(at) };
    },
  },
  // As there, these three count only for the types "http" and "ssl".
  AUTOHEAL_TCP_HOST: { settings: [ENGINE], takes: hostName, means: () => ({}) },
  AUTOHEAL_TCP_PORT: { settings: [ENGINE], takes: wholeNumber(1, 65_535), means: () => ({}) },
  AUTOHEAL_PEM_PATH: { settings: [TLS], takes: folder, means: () => ({}) },
  AUTOHEAL_POST_ACTION: {
    settings: [COMMAND],
    takes: program,
    means: (said: string) => ({ [COMMAND]: [said, "{name}", "{shortId}", "{stopTimeout}"] }),
  },
  AUTOHEAL_WEBHOOK_URL: { settings: ["plugins.webhook.url"] },
  AUTOHEAL_WEBHOOK_KEY: { settings: ["plugins.webhook.jsonKey"] },
  AUTOHEAL_APPRISE_URL: { settings: ["plugins.apprise.url"] },
  AUTOHEAL_TCP_TIMEOUT: { ignored: "each question to the engine has a time limit of its own" },
  AUTOHEAL_LOG_ALL: {
    ignored: "containers with autoheal.restart.enable=false are always told, once an outage",
  },
  AUTOHEAL_LOG_PERSIST: {
    ignored: "each outage is kept as an incident beside the state (spreadpilot-watchdog incidents)",
  },
};

const DEUNHEALTH: ForeignTable["variables"] = {
  HEALTH_SERVER_ADDRESS: { ignored: "HOST and PORT say where /livez and /readyz answer" },
};

export const otherTools: ForeignTable = {
  variables: { ...AUTOHEAL, ...TMKNIGHT, ...DEUNHEALTH },
  shared: Object.keys(DEUNHEALTH),
  defaults: [
    { settings: { [`${DOCKER}.discover`]: true } },
    { settings: { "defaults.interval": 5 }, by: "AUTOHEAL_INTERVAL" },
    // The script says "text", and the image's own environment says "content".
    {
      settings: { "plugins.webhook.jsonKey": ["text", "content"] },
      by: "WEBHOOK_JSON_KEY",
      with: ["WEBHOOK_URL", "AUTOHEAL_WEBHOOK_URL"],
    },
  ],
};
