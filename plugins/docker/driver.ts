/** What the docker plugin does with the engine: one client, shared by its restarter, its check and its discoverer. */
import type { Check, Discoverer, Redact, Restarter, Watchdog } from "../../src/plugin.ts";
import { type ActOptions, createAct, type ServiceSettings } from "./act.ts";
import { createByHand } from "./by-hand.ts";
import { type CheckSettings, createCheck } from "./check.ts";
import { createClient, loadDocker } from "./client.ts";
import { createLoops } from "./crash-loop.ts";
import { describeContainers } from "./described.ts";
import { createDisk } from "./disk.ts";
import { engineOf } from "./engine.ts";
import { takeEvidence } from "./evidence.ts";
import { createExamine } from "./examine.ts";
import { inspectContainers } from "./inspect.ts";
import type { EngineSettings, PostRestart } from "./options.ts";
import { createPostRestart } from "./post-restart.ts";
import { findReplacements } from "./replaced.ts";
import { createUnreached } from "./unreached.ts";

/** The settings of the plugin. Times in ms; `redact` are the sources of regular expressions. */
interface Options extends ActOptions, EngineSettings {
  logLines: number;
  evidenceTimeout: number;
  redact: readonly string[];
  discover: boolean;
  label: string;
  onlyRunning: boolean;
  postRestart?: PostRestart | undefined;
}

export interface Driver extends Required<Omit<Restarter<ServiceSettings>, "name" | "takeOver">> {
  check: Check<CheckSettings>["run"];
  discover: Discoverer["discover"];
  suggest: Required<Discoverer>["suggest"];
  watch: Required<Discoverer>["watch"];
}

/** `sources`: regular expressions of the configuration, matched without regard to case. */
function redactorOf(watchdog: Pick<Watchdog, "redact">, sources: readonly string[]): Redact {
  const patterns = sources.map((source) => new RegExp(source, "gi"));
  return (text) =>
    patterns.reduce((shown, pattern) => shown.replace(pattern, "[redacted]"), watchdog.redact(text));
}

export function createDriver(watchdog: Watchdog, options: Options): Driver {
  const { clock, log } = watchdog;
  const redact = redactorOf(watchdog, options.redact);
  const engine = engineOf(watchdog.env, options);
  const client = createClient(watchdog, engine);
  const unreached = createUnreached({ client, clock, redact });
  const onRestarted =
    options.postRestart && createPostRestart({ log, env: watchdog.env, redact }, options.postRestart);
  const loops = createLoops();
  const diskFault = createDisk({ client, redact });
  const act = createAct({ client, clock, log, redact, options, diskFault, onRestarted });
  const rules = { label: options.label, onlyRunning: options.onlyRunning };
  return {
    prepare: loadDocker,
    restart: (service, signal, mayAct) => act("restart", service, signal, mayAct),
    stop: (service, signal, mayAct) => act("stop", service, signal, mayAct),
    inspect: async (names, signal, failed = new Map()) => {
      const look = await inspectContainers(client, names, redact, signal);
      if (!look.ok) return { ok: false, reason: look.reason, fault: look.fault };
      const [why, others] = await Promise.all([
        unreached(look.found, failed, signal),
        findReplacements(client, look.found, signal),
      ]);
      return { ok: true, containers: describeContainers(look.found, { why, others, loops, redact }) };
    },
    examine: createExamine({ client, clock, redact, random: watchdog.random, env: engine.env }),
    diskFault,
    stoppedByHand: createByHand(client, clock, redact),
    evidence: (service, signal) =>
      takeEvidence(
        client,
        service.container,
        { clock, logLines: options.logLines, timeoutMs: options.evidenceTimeout, redact },
        signal,
      ),
    check: createCheck({ client, clock, log, redact, loops }).run,
    async discover(listed, signal) {
      const { createDiscovery } = await import("./discovery/discoverer.ts");
      return createDiscovery({ client, redact, isOn: options.discover, rules })(listed, signal);
    },
    async suggest(outlines, signal) {
      const { createSuggest } = await import("./discovery/discoverer.ts");
      return createSuggest({ client, redact })(outlines, signal);
    },
    async watch(changed, signal) {
      const { followEvents } = await import("./discovery/events.ts");
      return followEvents(engine, clock, changed, signal);
    },
  };
}
