/** Reads the whole configuration, and says every fault of it at once. Starts nothing. */
import { readdir } from "node:fs/promises";
import { bindingFaults } from "./binding.ts";
import type { Config, Declarations, LoadResult, ServiceSource } from "./config.ts";
import { readContent, withServices } from "./content.ts";
import { BUILT_IN_SOURCE } from "./default-services.ts";
import {
  checkVariables,
  type Env,
  type FromFiles,
  layerOf,
  readSecretFiles,
  secretVariables,
  withoutEmpty,
} from "./environment.ts";
import { type Fault, redactFaults } from "./fault.ts";
import { brief, type FileIo, readConfigFile } from "./file.ts";
import { hasForeign, NO_FOREIGN } from "./foreign-names.ts";
import { type Included, readIncludes } from "./include.ts";
import { stacked } from "./layers.ts";
import { checkWindows, toWindow } from "./maintenance.ts";
import { readPlugins, switchedOff } from "./plugins.ts";
import { environmentSection, readProcess, tokensOf } from "./process.ts";
import { ENV_SCHEMA, PROCESS_SETTINGS } from "./process-settings.ts";
import { providerFaults } from "./relations.ts";
import { readServicePart } from "./service-part.ts";
import { SERVICE_ENV_SCHEMA, SERVICE_SETTINGS } from "./service-settings.ts";
import { variablesOf } from "./settings.ts";
import { readWholeFile } from "./whole-file.ts";

/** A configuration or a plugin may ask a store of secrets for its settings first. */
const MODULE_TIMEOUT_MS = 10_000;

export interface LoadInput {
  env: Env;
  cwd: string;
  /** The built-in plugins' declarations, by name. */
  plugins: Declarations;
  readFile?: (path: string) => Promise<string>;
  readFolder?: (path: string) => Promise<string[]>;
  importModule?: (specifier: string) => Promise<unknown>;
  moduleTimeoutMs?: number;
}

/** Never rejects: whatever is wrong is a fault. */
export async function loadConfig(input: LoadInput): Promise<LoadResult> {
  const env = withoutEmpty(input.env);
  try {
    const result = await load(input, env);
    return result.ok
      ? result
      : { ...result, faults: redactFaults(result.faults, env, result.broken?.config.secrets) };
  } catch (error) {
    const fault = {
      path: "configuration",
      found: `an error of ours: ${brief(error)}`,
      accepted: "a bug report",
    };
    return {
      ok: false,
      source: "environment and file",
      faults: redactFaults([fault], env),
    };
  }
}

function ioOf({ cwd, readFile, readFolder, importModule, moduleTimeoutMs }: LoadInput): FileIo {
  return {
    cwd,
    readFile: readFile ?? readWholeFile,
    readFolder: readFolder ?? readdir,
    importModule: importModule ?? ((specifier) => import(specifier)),
    moduleTimeoutMs: moduleTimeoutMs ?? MODULE_TIMEOUT_MS,
  };
}

async function load(input: LoadInput, env: Record<string, string>): Promise<LoadResult> {
  const io = ioOf(input);
  const { fromFiles, fromEnv, forServices, faults } = await readEnvironment(env, io);
  const read = await readConfigFile(fromEnv.value.configFile, env, io);
  if (!read.ok) faults.push(...read.faults);
  const file = read.ok ? read.file : undefined;
  const included = file && (await readIncludes(file, env, io));
  faults.push(...(included?.faults ?? []));
  const content = readContent(file, included, env, input.plugins);
  const foreign = hasForeign(input.plugins, env)
    ? await (await import("./foreign.ts")).readForeign(input.plugins, content.said.plugins, env)
    : NO_FOREIGN;
  const top = readProcess(content, file?.path, fromEnv.from, foreign.process, io.cwd);
  faults.push(...content.faults, ...foreign.faults, ...top.faults);
  const { said, settings } = top;
  const pluginWorld = { env, fromFiles, foreign, io };
  const plugins = await readPlugins(content, file?.path ?? io.cwd, input.plugins, pluginWorld);
  faults.push(...plugins.faults);

  const dryRun = said.dryRun ?? false;
  // A file that cannot be read may list other services: do not report faults of the built-in ones then.
  const whole = read.ok ? withServices(content) : { ...content, said: { services: {} } };
  const source: ServiceSource = {
    file: whole,
    fromEnv: stacked([foreign.defaults, layerOf(forServices.from)]),
    declarations: plugins.declarations,
    isBuiltIn: read.ok && content.said.services === undefined,
    mayFind: plugins.on.some(({ name, options }) => plugins.declarations[name]?.findsServices?.(options)),
    dryRun,
    maintenance: said.maintenance.map((window) => toWindow(window)),
    ...(said.tickBudget === undefined ? {} : { tickBudgetMs: said.tickBudget }),
  };
  const watched = await readServicePart(source, read.ok);
  faults.push(...watched.faults);
  if (!plugins.thirdParty) {
    faults.push(...providerFaults(watched.read, plugins.wanted, Object.keys(input.plugins)));
  }
  faults.push(...(await checkWindows(said.maintenance, "maintenance")));
  const tokens = tokensOf(fromEnv.value);
  const listening = { host: settings.host, path: fromEnv.value.host === undefined ? "host" : "env HOST" };
  faults.push(...bindingFaults(listening, tokens, faults));
  const place = read.ok ? (file?.path ?? BUILT_IN_SOURCE) : read.source;
  const cron = plugins.on.some(({ name }) => name === "cron") && fromEnv.value.cron !== false;
  const config: Config = {
    source: place,
    ...watched.config,
    serviceSource: source,
    plugins: plugins.on.filter(({ name }) => name !== "cron" || cron),
    ...settings,
    tokens: [...new Set(tokens.map(({ value }) => value))],
    secrets: [
      ...tokens.map(({ value }) => value),
      ...content.secrets,
      ...plugins.secrets,
      ...watched.config.secrets,
    ],
    sections: [
      top.section,
      ...plugins.sections.filter(({ path }) => path[1] !== "cron" || cron),
      ...(fromEnv.value.cron === false ? [switchedOff("cron", `env ${PROCESS_SETTINGS.cron.env}`)] : []),
      ...watched.config.sections,
      environmentSection(fromEnv.from),
    ],
    cron,
    dryRun,
    notices: foreign.notices,
  };
  if (faults.length === 0) return { ok: true, config, env };
  const lostPlugins = [...plugins.wanted].filter((name) => !plugins.on.some((one) => one.name === name));
  const broken = { config, names: watched.names, lostPlugins, env };
  return { ok: false, source: place, faults: placed(faults, included), ...(read.ok ? { broken } : {}) };
}

/** What the environment says of the process, and of all services. `env` gets the secrets that are read from files. */
async function readEnvironment(env: Record<string, string>, { cwd, readFile }: FileIo) {
  const fromFiles: FromFiles = new Set();
  const faults = await readSecretFiles(env, secretVariables(PROCESS_SETTINGS), cwd, readFile, fromFiles);
  const fromEnv = checkVariables(ENV_SCHEMA, variablesOf(PROCESS_SETTINGS), env, fromFiles);
  const forServices = checkVariables(SERVICE_ENV_SCHEMA, variablesOf(SERVICE_SETTINGS), env, fromFiles);
  return {
    fromFiles,
    fromEnv,
    forServices,
    faults: [...faults, ...forServices.faults, ...fromEnv.faults],
  };
}

/** Puts the name of the included file before the paths of faults in its services and templates. */
function placed(faults: readonly Fault[], included: Included | undefined): Fault[] {
  return faults.map((fault) => {
    const owner = /^(services|templates)(\.[\w$-]+|\["[^"]*"\])/.exec(fault.path)?.[0];
    const place = owner === undefined ? undefined : included?.places.get(owner);
    return place === undefined ? fault : { ...fault, path: `${place}: ${fault.path}` };
  });
}
