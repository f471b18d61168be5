/**
 * Checks, restarts and stops containers through the Docker CLI, describes them, and collects evidence before a
 * restart. It needs the docker client in PATH, and an engine that the client finds: `DOCKER_HOST` and similar
 * variables, or the default socket. What asks the engine is imported late: a tick in which all is well asks nothing.
 */
import * as v from "valibot";
import { type Check, definePlugin, duration, help, type Restarter } from "../src/plugin.ts";
import type { ServiceSettings } from "./docker/act.ts";
import type { CheckSettings } from "./docker/check.ts";
import type { Driver } from "./docker/driver.ts";
import { engineSettings, postRestartSetting } from "./docker/options.ts";

const HOUR_MS = 3_600_000;

const ACCEPTED_LABEL = 'the name of a label, or "all"';

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
    restartTimeout: help(
      "How long a restart may take besides the stop, unless there is a commandTimeout; by default 30 s.",
      v.optional(duration(100, HOUR_MS)),
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
      v.optional(v.pipe(v.string(ACCEPTED_LABEL), v.regex(/^[\w./-]{1,128}$/, ACCEPTED_LABEL)), "autoheal"),
    ),
    onlyRunning: help(
      "Leave a container alone while it is paused, if another tool's label switched it on.",
      v.optional(v.boolean("true or false"), false),
    ),
    postRestart: postRestartSetting,
    ...engineSettings,
  }),
  v.check(
    ({ stopTimeout, commandTimeout }) =>
      stopTimeout === undefined || commandTimeout === undefined || commandTimeout > stopTimeout,
    "a commandTimeout that is longer than stopTimeout",
  ),
);

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
      let driver: Promise<Driver> | undefined;
      const load = (): Promise<Driver> => {
        driver ??= import("./docker/driver.ts").then(({ createDriver }) => createDriver(watchdog, options));
        // What could not be loaded once, for want of a file descriptor, may be loaded the next time.
        driver.catch(() => (driver = undefined));
        return driver;
      };
      const restarter: Restarter<ServiceSettings> = {
        name: "docker",
        prepare: async () => (await load()).prepare(),
        restart: async (...asked) => (await load()).restart(...asked),
        stop: async (...asked) => (await load()).stop(...asked),
        inspect: async (...asked) => (await load()).inspect(...asked),
        examine: async (...asked) => (await load()).examine(...asked),
        diskFault: async (...asked) => (await load()).diskFault(...asked),
        stoppedByHand: async (...asked) => (await load()).stoppedByHand(...asked),
        evidence: async (...asked) => (await load()).evidence(...asked),
      };
      watchdog.restarter(restarter as Restarter);
      const check: Check<CheckSettings> = {
        name: "docker",
        run: async (...asked) => (await load()).check(...asked),
      };
      watchdog.check(check as Check);
      watchdog.discoverer({
        name: "docker",
        isOn: options.discover,
        discover: async (...asked) => (await load()).discover(...asked),
        suggest: async (...asked) => (await load()).suggest(...asked),
        ...(options.discover && { watch: async (...asked) => (await load()).watch(...asked) }),
      });
    },
  }),
  {
    isDefault: true,
    needsContainer: true,
    checksContainer: true,
    findsServices: ({ discover }) => discover,
    options: dockerOptions,
    serviceOptions,
    env: { engine: "DOCKER_HOST", discover: "WATCHDOG_DISCOVER" },
    foreign: {
      prefix: "AUTOHEAL_",
      names: ["DOCKER_SOCK", "CURL_TIMEOUT", "POST_RESTART_SCRIPT", "HEALTH_SERVER_ADDRESS"],
      table: async () => (await import("./docker/other-tools.ts")).otherTools,
    },
  },
);
