/** Reads the whole configuration, and says every fault of it at once. Starts nothing. */
import { readFile as readFileOfNode } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import * as v from "valibot";
import { DEFAULT_POLICY } from "../core/policy.ts";
import { BUILT_IN_SERVICES, BUILT_IN_SOURCE } from "./built-in.ts";
import { checkRest } from "./check.ts";
import type { Config, Declarations, LoadResult, MaintenanceWindow } from "./config.ts";
import {
  type Env,
  type EnvSettings,
  isLoopback,
  RUNNER_SECRETS,
  readEnvironment,
  readSecretFiles,
  withoutEmpty,
} from "./environment.ts";
import { type Fault, isSecretName, joinPath, redactFaults, show } from "./fault.ts";
import { brief, type ConfigFile, type FileIo, readConfigFile } from "./file.ts";
import { FILE_SCHEMA, type FileSettings } from "./file-schema.ts";
import { checkWindows, toWindow } from "./maintenance.ts";
import { readPlugins } from "./plugins.ts";
import { providerFaults, relationFaults } from "./relations.ts";
import type { Service, ServiceDefaults } from "./service.ts";
import { readServices } from "./services.ts";

/** Most that a tick waits for the restarts that it began, unless set. */
const TICK_BUDGET_MS = 10_000;

export interface LoadInput {
  env: Env;
  cwd: string;
  /** The built-in plugins' declarations, by name. */
  plugins: Declarations;
  readFile?: (path: string) => Promise<string>;
  importModule?: (specifier: string) => Promise<unknown>;
}

/** Never rejects: whatever is wrong is a fault. */
export async function loadConfig(input: LoadInput): Promise<LoadResult> {
  const env = withoutEmpty(input.env);
  try {
    const result = await load(input, env);
    return result.ok ? result : { ...result, faults: redactFaults(result.faults, secretsOf(env)) };
  } catch (error) {
    const fault = {
      path: "configuration",
      found: `an error of ours: ${brief(error)}`,
      accepted: "a bug report",
    };
    return { ok: false, source: "environment and file", faults: redactFaults([fault], secretsOf(env)) };
  }
}

function secretsOf(env: Readonly<Record<string, string>>): string[] {
  const names = Object.keys(env).filter((name) => isSecretName(name) || /URL|HOOK/i.test(name));
  return names.filter((name) => !name.endsWith("_FILE")).map((name) => env[name]!);
}

async function load(input: LoadInput, env: Record<string, string>): Promise<LoadResult> {
  const io: FileIo = {
    cwd: input.cwd,
    readFile: input.readFile ?? ((path) => readFileOfNode(path, "utf8")),
    importModule: input.importModule ?? ((specifier) => import(specifier)),
  };
  const faults = await readSecretFiles(env, RUNNER_SECRETS, io.cwd, io.readFile);
  const fromEnv = readEnvironment(env);
  faults.push(...fromEnv.faults);
  const read = await readConfigFile(fromEnv.settings.configFile, env, io);
  if (!read.ok) faults.push(...read.faults);
  const file = read.ok ? read.file : undefined;
  const content = file?.content ?? {};
  const top = checkRest(FILE_SCHEMA, content, []);
  faults.push(...top.faults);
  const said = top.value ?? v.parse(FILE_SCHEMA, {});

  const plugins = await readPlugins(content.plugins, file?.path ?? io.cwd, input.plugins, env, io);
  faults.push(...plugins.faults);

  const dryRun = fromEnv.settings.dryRun ?? said.dryRun ?? false;
  const defaults: ServiceDefaults = {
    intervalMs: fromEnv.settings.intervalMs ?? DEFAULT_POLICY.intervalMs,
    timeoutMs: fromEnv.settings.timeoutMs ?? 5000,
    failureThreshold: fromEnv.settings.failureThreshold ?? DEFAULT_POLICY.failureThreshold,
    dryRun,
  };
  // A file that cannot be read may hold other services: nothing is said of the built-in ones then.
  const raw = read.ok ? (content.services === undefined ? BUILT_IN_SERVICES : content.services) : {};
  const services = readServices(raw, plugins.declarations, defaults, read.ok);
  faults.push(...services.faults, ...relationFaults(services.read, services.names));
  if (!plugins.thirdParty) {
    faults.push(...providerFaults(services.read, plugins.wanted, Object.keys(input.plugins)));
  }
  const maintenance: MaintenanceWindow[] = said.maintenance.map((window) => toWindow(window));
  faults.push(...(await checkWindows(said.maintenance, "maintenance")));
  for (const [name, { windows }] of services.read) {
    maintenance.push(...windows.map((window) => toWindow(window, name)));
    faults.push(...(await checkWindows(windows, joinPath(["services", name, "maintenance"]))));
  }
  faults.push(...bindingFaults(fromEnv.settings, said.host, faults));
  const source = read.ok ? (file?.path ?? BUILT_IN_SOURCE) : read.source;
  if (faults.length > 0) return { ok: false, source, faults };
  const cron = plugins.on.some(({ name }) => name === "cron") && fromEnv.settings.cron !== false;
  const config: Config = {
    source,
    services: new Map([...services.read].map(([name, { policy }]) => [name, policy])),
    targets: new Map([...services.read].map(([name, { target }]) => [name, target])),
    plugins: plugins.on.filter(({ name }) => name !== "cron" || cron),
    ...runnerSettings(fromEnv.settings, said, file, io.cwd),
    cron,
    tickBudgetMs: said.tickBudget ?? shortestInterval(services.read),
    dryRun,
    maintenance,
  };
  return { ok: true, config, env };
}

/** What concerns the process: the environment, nearer to the deployment, wins over the file. */
function runnerSettings(env: EnvSettings, said: FileSettings, file: ConfigFile | undefined, cwd: string) {
  const { brake, sentinel } = said;
  const ofFile = said.stateFile === undefined ? undefined : resolve(dirname(file!.path), said.stateFile);
  return {
    host: env.host ?? said.host ?? "127.0.0.1",
    port: env.port ?? said.port ?? 8787,
    tokens: [...new Set(env.tokens)],
    stateFile:
      env.stateFile === undefined ? (ofFile ?? resolve(cwd, "data/state.json")) : resolve(cwd, env.stateFile),
    logLevel: env.logLevel ?? said.logLevel ?? "info",
    logFormat: env.logFormat ?? said.logFormat ?? "pretty",
    maxConcurrentRestarts: said.maxConcurrentRestarts,
    ...(brake ? { brake: { share: brake.share, min: brake.min, windowMs: brake.window } } : {}),
    ...(sentinel ? { sentinel } : {}),
  };
}

/** A tick that waits longer than an interval would keep its services from being checked on time. */
function shortestInterval(services: ReadonlyMap<string, Service>): number {
  return Math.min(TICK_BUDGET_MS, ...[...services.values()].map(({ policy }) => policy.intervalMs));
}

/** Fail closed: whoever reaches `/tick` from another machine needs a token. */
function bindingFaults(settings: EnvSettings, ofFile: string | undefined, faults: readonly Fault[]): Fault[] {
  const host = settings.host ?? ofFile;
  if (host === undefined || isLoopback(host) || settings.tokens.length > 0) return [];
  // A token with a fault was meant to be there, and its own fault says enough.
  const concerned = /^env (HOST|WATCHDOG_TOKEN|WATCHDOG_TOKEN_FILE|CRON_SECRET|CRON_SECRET_FILE)$/;
  if (faults.some(({ path }) => concerned.test(path))) return [];
  const accepted =
    "127.0.0.1; or any address with a secret in WATCHDOG_TOKEN (or CRON_SECRET), since whoever reaches it can have containers restarted";
  const path = settings.host === undefined ? "host" : "env HOST";
  return [{ path, found: `${show(host)} without a token`, accepted }];
}
