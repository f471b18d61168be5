/**
 * Heals by the Docker engine: restarts and stops containers, says what they are, and keeps evidence of what
 * they were. It needs the docker client in PATH, and an engine that the client finds (`DOCKER_HOST` and its
 * kin, or the default socket).
 */
import * as v from "valibot";
import { definePlugin, duration, type Restarter } from "../src/plugin.ts";
import { createAct, type ServiceSettings } from "./docker/act.ts";
import { createByHand } from "./docker/by-hand.ts";
import { createClient } from "./docker/client.ts";
import { takeEvidence } from "./docker/evidence.ts";
import { inspectContainers } from "./docker/inspect.ts";
import { createRedact, oneLine } from "./docker/redact.ts";

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
    /** How long a container may take to stop before it is killed. Absent: its own. */
    stopTimeout: stopTimeout(),
    /** How long the client may take. Absent: the container's stop timeout and 30 s. */
    commandTimeout: v.optional(duration(100, 2 * HOUR_MS)),
    logLines: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1000)), 50),
    evidenceTimeout: v.optional(duration(100, 60_000), "2s"),
    /** More patterns of secrets in logs, besides the built-in ones. */
    redact: v.optional(v.array(regex), []),
  }),
  v.check(
    ({ stopTimeout, commandTimeout }) =>
      stopTimeout === undefined || commandTimeout === undefined || commandTimeout > stopTimeout,
    "a commandTimeout that is longer than stopTimeout",
  ),
);

const serviceOptions = v.strictObject({ stopTimeout: stopTimeout() });

export type DockerOptions = v.InferOutput<typeof dockerOptions>;

export default definePlugin<DockerOptions>(
  (options) => ({
    name: "docker",
    setup(watchdog) {
      const { clock, log } = watchdog;
      const redact = createRedact(options.redact);
      const client = createClient(watchdog);
      const act = createAct({ client, clock, log, redact, options });
      const restarter: Restarter<ServiceSettings> = {
        name: "docker",
        restart: (service, signal) => act("restart", service, signal),
        stop: (service, signal) => act("stop", service, signal),
        inspect: async (names, signal) => {
          const look = await inspectContainers(client, names, redact, signal);
          if (!look.ok) return { ok: false, reason: look.reason, fault: look.fault };
          const clean = (text: string) => oneLine(redact(text), 500);
          return {
            ok: true,
            containers: Object.fromEntries(
              [...look.found].map(([name, { facts }]) => [name, { ...facts, error: clean(facts.error) }]),
            ),
          };
        },
        stoppedByHand: createByHand(client, redact),
        evidence: (service, signal) =>
          takeEvidence(
            client,
            service.container,
            { logLines: options.logLines, timeoutMs: options.evidenceTimeout, redact },
            signal,
          ),
      };
      watchdog.restarter(restarter as Restarter);
    },
  }),
  { options: dockerOptions, serviceOptions },
);
