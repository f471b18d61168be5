/**
 * Checks, restarts and stops containers through the Docker CLI, describes them, and collects evidence before a
 * restart. It needs the docker client in PATH, and an engine that the client finds: `DOCKER_HOST` and similar
 * variables, or the default socket.
 */
import * as v from "valibot";
import {
  type Check,
  type ContainerFacts,
  definePlugin,
  duration,
  help,
  type Redact,
  type Restarter,
  type Watchdog,
} from "../src/plugin.ts";
import { createAct, type ServiceSettings } from "./docker/act.ts";
import { createByHand } from "./docker/by-hand.ts";
import { type CheckSettings, createCheck } from "./docker/check.ts";
import { childEnv, createClient, loadDocker } from "./docker/client.ts";
import { followEvents } from "./docker/discovery/events.ts";
import { takeEvidence } from "./docker/evidence.ts";
import { oneLine } from "./docker/fault.ts";
import { inspectContainers } from "./docker/inspect.ts";
import { createUnreached } from "./docker/unreached.ts";

const HOUR_MS = 3_600_000;

const stopTimeout = () => v.optional(duration(0, HOUR_MS));

const regex = v.pipe(
  v.string(),
  v.check((source) => {
    try {
      return !new RegExp(source).test("");
    } catch {
      return false;
    }
  }, 'a regular expression that does not match an empty text, such as "customer-[0-9]+"'),
);

export const dockerOptions = v.pipe(
  v.strictObject({
    /** How long a container may take to stop before it is killed. Absent: the container's own stop timeout. */
    stopTimeout: help(
      "How long a container may take to stop before it is killed; by default its own stop timeout.",
      stopTimeout(),
    ),
    /** How long the client may take. Absent: the container's stop timeout plus 30 s. */
    commandTimeout: help(
      "How long the client may take; by default the stop timeout plus 30 s.",
      v.optional(duration(100, 2 * HOUR_MS)),
    ),
    logLines: help(
      "How many log lines are kept as evidence before a restart.",
      v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1000)), 50),
    ),
    evidenceTimeout: help(
      "How long the collection of evidence may take.",
      v.optional(duration(100, 60_000), "2s"),
    ),
    /** Further patterns of secrets in logs, besides the built-in ones. */
    redact: help("Regular expressions of further secrets in logs.", v.optional(v.array(regex), [])),
    discover: help(
      "Watch the containers whose labels say so, besides the services that are listed.",
      v.optional(v.boolean("true or false"), false),
    ),
    label: help(
      'The label that switches a container on when it is "true", or "all" for every container with a HEALTHCHECK.',
      v.optional(v.pipe(v.string("a label"), v.regex(/^[\w./-]{1,128}$/, "a label")), "autoheal"),
    ),
  }),
  v.check(
    ({ stopTimeout, commandTimeout }) =>
      stopTimeout === undefined || commandTimeout === undefined || commandTimeout > stopTimeout,
    "a commandTimeout that is longer than stopTimeout",
  ),
);

/** `sources`: regular expressions of the configuration, matched without regard to case. */
function redactorOf(watchdog: Pick<Watchdog, "redact">, sources: readonly string[]): Redact {
  const patterns = sources.map((source) => new RegExp(source, "gi"));
  return (text) =>
    patterns.reduce((shown, pattern) => shown.replace(pattern, "[redacted]"), watchdog.redact(text));
}

const serviceOptions = v.strictObject({
  stopTimeout: help(
    "How long its container may take to stop before it is killed; by default its own stop timeout.",
    stopTimeout(),
  ),
  require: help(
    "What its container must be for the check docker; healthy if it has a HEALTHCHECK, else running.",
    v.optional(v.picklist(["healthy", "running"], 'one of "healthy", "running"')),
  ),
});

type DockerOptions = v.InferOutput<typeof dockerOptions>;

export default definePlugin<DockerOptions>(
  (options) => ({
    name: "docker",
    setup(watchdog) {
      const { clock, log } = watchdog;
      const redact = redactorOf(watchdog, options.redact);
      const client = createClient(watchdog);
      const unreached = createUnreached({ client, clock, redact });
      const act = createAct({ client, clock, log, redact, options });
      const restarter: Restarter<ServiceSettings> = {
        name: "docker",
        prepare: loadDocker,
        restart: (service, signal, mayAct) => act("restart", service, signal, mayAct),
        stop: (service, signal, mayAct) => act("stop", service, signal, mayAct),
        inspect: async (names, signal, failed = new Map()) => {
          const look = await inspectContainers(client, names, redact, signal);
          if (!look.ok) return { ok: false, reason: look.reason, fault: look.fault };
          const why = await unreached(look.found, failed, signal);
          const containers = [...look.found].map(([name, { facts }]): [string, ContainerFacts] => {
            const outOfReach = why.get(name);
            const error = oneLine(redact(facts.error), 500);
            return [name, { ...facts, error, ...(outOfReach ? { outOfReach } : {}) }];
          });
          return { ok: true, containers: Object.fromEntries(containers) };
        },
        stoppedByHand: createByHand(client, clock, redact),
        evidence: (service, signal) =>
          takeEvidence(
            client,
            service.container,
            { clock, logLines: options.logLines, timeoutMs: options.evidenceTimeout, redact },
            signal,
          ),
      };
      watchdog.restarter(restarter as Restarter);
      const check: Check<CheckSettings> = createCheck({ client, clock, log, redact });
      watchdog.check(check as Check);
      const isOn = options.discover;
      const rules = { label: options.label, monitorAll: false, onlyRunning: false, defaults: {} };
      const events = childEnv(watchdog.env);
      watchdog.discoverer({
        name: "docker",
        isOn,
        async discover(listed, signal) {
          const { createDiscovery } = await import("./docker/discovery/discoverer.ts");
          return createDiscovery({ client, redact, isOn, rules })(listed, signal);
        },
        ...(isOn ? { watch: (changed, signal) => followEvents(events, clock, changed, signal) } : {}),
      });
    },
  }),
  { isDefault: true, needsContainer: true, checksContainer: true, options: dockerOptions, serviceOptions },
);
