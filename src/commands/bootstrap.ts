/** Loads the configuration and sets up the plugins, for every command that needs them. */
import { builtins } from "../builtin-plugins.ts";
import type { Config } from "../config/config.ts";
import { type Fault, formatFaults } from "../config/fault.ts";
import { loadConfig } from "../config/load.ts";
import type { Tracked } from "../config/tracked-files.ts";
import type { Ports } from "../plugin/contract.ts";
import type { Part } from "../plugin/registry.ts";
import { createLearningRedactor } from "../redaction/redactor.ts";
import { secretsOfEnvironment } from "../redaction/secrets.ts";
import { type Prepared, prepare, type Setup } from "../setup.ts";
import { systemClock } from "../system/clock.ts";
import { createLog, type LazyLog, type LogSettings } from "../system/log.ts";
import { EXIT } from "./command.ts";

interface Bootstrapped extends Setup {
  ports: Ports;
  log: LazyLog;
  tracked: Tracked;
  /** Reads everything again. The log changes only with `adoptLog`. */
  prepareAgain(before: readonly Part[]): Promise<Prepared>;
  /** Logs from now on as this configuration says. */
  adoptLog(config: Config): void;
}

/** The configuration alone. Ends the process, with every fault on stderr, when there is one. */
export async function configured(): Promise<Config> {
  const loaded = await loadConfig({ env: process.env, cwd: process.cwd(), plugins: builtins });
  return loaded.ok ? loaded.config : refuse(loaded.faults, loaded.source, EXIT.usage);
}

/** Ends the process, with every fault on stderr, when there is one. */
export async function bootstrap(): Promise<Bootstrapped> {
  const origin = { env: { ...process.env }, cwd: process.cwd(), builtIn: builtins };
  const { redact, learn } = createLearningRedactor();
  const settings: LogSettings = {
    level: "silent",
    format: "pretty",
    redact,
    stream: process.stderr,
  };
  const log = createLog(settings);
  function portsWith(config: Config, env: Ports["env"]): Ports {
    learn([...config.secrets, ...secretsOfEnvironment(env)]);
    return { clock: systemClock, log, random: Math.random, env, redact };
  }
  let ports: Ports | undefined;
  function adoptLog(config: Config): void {
    settings.level = config.logLevel;
    settings.format = config.logFormat;
  }
  const prepared = await prepare(origin, (config, env, isRight) => {
    if (isRight) adoptLog(config);
    ports = portsWith(config, env);
    return ports;
  });
  if (!prepared.ok)
    return refuse(prepared.faults, prepared.source, prepared.isRight ? EXIT.failed : EXIT.usage);
  return {
    ...prepared.setup,
    ports: ports!,
    log,
    tracked: prepared.tracked,
    prepareAgain: (before) => prepare(origin, portsWith, before),
    adoptLog,
  };
}

/** Exits explicitly: a plugin that was set up may keep the process alive. */
function refuse(faults: readonly Fault[], source: string, code: number): Promise<never> {
  const text = `${formatFaults(faults, source)}\n`;
  return new Promise(() => process.stderr.write(text, () => process.exit(code)));
}
