/** Every command, once: its help, and the function that runs it. A command is loaded when it runs. */
import type { Command } from "./command.ts";

const ASKS =
  "It asks the running watchdog at HOST and PORT. If that watchdog has a token, set WATCHDOG_TOKEN or " +
  "WATCHDOG_TOKEN_FILE to the same token; in its own container it is already set.";

export const COMMANDS: readonly Command[] = [
  {
    name: "serve",
    takes: [],
    options: {},
    summary: "run until stopped: HTTP server, cron (the default)",
    details: [
      "Checks services, restarts the containers of those that fail, and sends alerts until it gets SIGTERM or " +
        "SIGINT. Then it finishes the running tick and saves; a second signal ends it at once.",
      "It listens on HOST and PORT (127.0.0.1:8787). With WATCHDOG_CRON=false, it checks only when something " +
        "calls POST /tick.",
    ],
    exits: {
      0: "stopped by a signal, and the state is saved",
      1: "could not start, could not save, or was stopped by a second signal",
    },
    run: async () => (await import("./serve.ts")).serveCommand(),
  },
  {
    name: "tick",
    takes: [],
    options: {},
    summary: "run one cycle of checks and restarts, print the report",
    details: [
      "For a scheduler, on a host where no watchdog keeps running: checks, restarts, sends alerts, saves, and " +
        "exits. The report (JSON) goes to stdout and the log to stderr; STATE_FILE holds what the next run " +
        "needs to know.",
      "If a running watchdog uses the same state file, it does nothing and exits with 75.",
    ],
    exits: {
      0: "the cycle ran and was saved, or nothing was due",
      1: "the cycle could not run, or could not be saved; the report says why",
      75: "another process holds the state file: try again later",
    },
    run: async () => (await import("./run-tick.ts")).tickCommand(),
  },
  {
    name: "status",
    takes: [],
    options: { json: "print the whole answer of GET /status" },
    summary: "show every service, and why it is or is not restarted",
    details: ["Prints one line for each service, and whatever keeps the watchdog from doing its job.", ASKS],
    exits: { 0: "it answered, even if services are down", 1: "no answer, or the token was refused" },
    run: async ({ json }) => (await import("./status.ts")).statusCommand(json),
  },
  {
    name: "incidents",
    takes: ["[ID]"],
    options: { json: "print the whole answer of GET /incidents, or /incidents/ID" },
    summary: "list ongoing and recent outages, or show one in full",
    details: [
      "Lists ongoing outages, then the last 50 that ended. With an ID (incident_id in an alert), it shows " +
        "the checks, the restarts, what the container logged before each restart, and the outcome.",
      ASKS,
    ],
    exits: { 0: "it answered", 1: "no answer, no such incident, or the token was refused" },
    run: async ({ rest, json }) => (await import("./incidents.ts")).incidentsCommand(rest[0], json),
  },
  {
    name: "alert test",
    takes: ["[RECEIVER]"],
    options: {},
    summary: "send a test alert, print what each receiver answered",
    details: [
      "Sends one alert, marked as a test, to every configured receiver, or to the one that you name (slack, " +
        "webhook-2). It makes one attempt and keeps nothing for later.",
    ],
    exits: { 0: "every receiver accepted it", 1: "at least one did not" },
    run: async ({ rest }) => (await import("./alert-test.ts")).alertTestCommand(rest[0]),
  },
  {
    name: "init",
    takes: [],
    options: { force: "replace a file that exists" },
    values: {
      from: { value: "FILE", what: "read a Compose file instead" },
      output: { value: "FILE", what: "write there; - prints it (short: -o)" },
    },
    summary: "write a configuration from what runs on this host",
    details: [
      "Writes watchdog.config.yaml, with comments that say why: for every container of this host, or every " +
        "service of a Compose file, how it is asked (its labels, its HEALTHCHECK, its port), and what is left out.",
      "It asks the usual health addresses of containers that name none. It changes nothing else.",
    ],
    exits: { 0: "written", 1: "nothing was written: the file exists, or there is nothing to read" },
    run: async ({ values, force }) => (await import("./init.ts")).initCommand({ ...values, force }),
  },
  {
    name: "doctor",
    takes: [],
    options: { json: "print JSON" },
    summary: "say what is wrong with what it needs, and what to do",
    details: [
      "Looks at what the watchdog needs, and changes nothing: no restart, no alert. It connects to the receivers' " +
        "hosts, and asks the engine whether it might restart a container that does not exist.",
      "It runs beside a running watchdog, or instead of one, with the same environment.",
    ],
    exits: { 0: "all is well; warnings do not count", 1: "something is wrong" },
    run: async ({ json }) => (await import("./doctor.ts")).doctorCommand(json),
  },
  {
    name: "config check",
    takes: [],
    options: {},
    summary: "say every fault of the configuration, or what would run",
    details: [
      "Reads the environment, the configuration file and what it includes, and sets up the plugins. It checks " +
        "and restarts nothing, and needs no running watchdog. Run it before you restart a watchdog.",
    ],
    exits: { 0: "the configuration is right", 1: "a plugin could not be set up" },
    run: async () => (await import("./config.ts")).configCheckCommand(),
  },
  {
    name: "config show",
    takes: [],
    options: { json: "print JSON instead of YAML", origins: "say where each value came from" },
    summary: "print the merged configuration, secrets hidden",
    details: [
      "Prints what would run, as one configuration file: the environment, the file and what it includes, with " +
        "defaults and templates merged, and every default filled in. It needs no running watchdog.",
      "An origin is a file, a template, defaults (the file's), an environment variable, or default (nobody " +
        "set it). With --json, the origins are a second object with the same keys.",
    ],
    exits: { 0: "printed" },
    run: async (options) => (await import("./config-show.ts")).configShowCommand(options),
  },
  {
    name: "config diff",
    takes: [],
    options: {},
    summary: "compare the running configuration with the file",
    details: [
      "Prints one line for each setting in which the running watchdog differs from the environment and the " +
        "file as they are now. Secrets are not compared, because the watchdog never sends them.",
      ASKS,
    ],
    exits: { 0: "no difference", 1: "a difference, no answer, or the token was refused" },
    run: async () => (await import("./config-diff.ts")).configDiffCommand(),
  },
  {
    name: "config schema",
    takes: [],
    options: {},
    summary: "print the JSON Schema of a configuration file",
    details: [
      "For editors, which complete and check a file with it, and for validators. The package has the same " +
        "schema as schema.json.",
    ],
    exits: { 0: "printed" },
    run: async () => (await import("./config.ts")).configSchemaCommand(),
  },
  {
    name: "healthcheck",
    takes: [],
    options: {},
    summary: "exit with 0 when the running watchdog is ready",
    details: [
      "Asks GET /readyz of the watchdog at HOST and PORT, without a token. The image uses it as its health " +
        "check. A watchdog is not ready when no tick has completed for three intervals, when it cannot save " +
        "its state, and while it shuts down.",
    ],
    exits: { 0: "ready", 1: "not ready, or no answer" },
    run: async () => (await import("./status.ts")).healthcheckCommand(),
  },
];
