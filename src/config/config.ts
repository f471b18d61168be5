/** The configuration as the runner uses it: validated, complete, plain data. All times in ms. */

import type { GenericSchema } from "valibot";
import type { Policies } from "../core/policy.ts";
import type { Plugin, PluginDeclaration } from "../plugin/contract.ts";
import type { LogFormat, LogLevel } from "../system/log.ts";
import type { Fault } from "./fault.ts";
import type { Layer } from "./layers.ts";

/** The declarations of all plugins, by name. */
export type Declarations = Readonly<Record<string, PluginDeclaration<unknown>>>;

/** The default export of a third-party module: the result of `definePlugin`. */
export type ThirdPartyFactory = ((options: never) => Plugin) & PluginDeclaration<unknown>;

/** How a service is checked and restarted: what the policy, which the core sees, does not contain. */
export interface ServiceTargetConfig {
  /** Empty if the service's check needs no URL. */
  url: string;
  /** The name of its check. */
  check: string;
  /** The name of its restarter. */
  restarter: string;
  timeoutMs: number;
  /** The service's settings for each plugin, by the plugin's name, validated by that plugin's schema. */
  options: Record<string, unknown>;
}

export interface PluginConfig {
  name: string;
  /** The path or package of a third-party plugin, as in the file. */
  from?: string;
  /** Validated by the plugin's own schema, with defaults filled in. */
  options: unknown;
  /** Of a third-party plugin. Built-in plugins are found by name. */
  factory?: ThirdPartyFactory;
}

/** A section of the configuration as people wrote it: the layers that are merged there, the strongest last. */
export interface Section {
  path: readonly string[];
  schema: GenericSchema;
  layers: readonly Layer[];
}

/** Everything that services are read from. */
export interface ServiceSource {
  /** What the file says, with the built-in services where it lists none. */
  file: Layer;
  /** What the environment says of all services, ours before that of other tools. */
  fromEnv: Layer;
  declarations: Declarations;
  /** The services are the built-in ones, because nobody listed any. */
  isBuiltIn: boolean;
  /** Services may be found that are not listed: a name that nobody has may be theirs. */
  mayFind: boolean;
  dryRun: boolean;
  /** The windows for all services. */
  maintenance: readonly MaintenanceWindow[];
  tickBudgetMs?: number;
}

/** A setting names a service that is not there. `path`: `services.api.dependsOn[0]`. */
export interface Awaited {
  path: string;
  name: string;
}

/** Opens at each time of `cron`, for `durationMs`. While it is open, nothing is restarted. */
export interface MaintenanceWindow {
  /** The service that the window applies to; absent: all services. */
  service?: string;
  /** Five fields, or six with seconds first. */
  cron: string;
  durationMs: number;
  /** IANA name; `UTC` unless set. */
  timeZone: string;
}

/** Something about the environment that people should know once. */
export interface EnvironmentNotice {
  level: "info" | "warn";
  text: string;
}

/** Holds all restarts when at least `min` services, and this share of all services, go down within `windowMs`. */
interface BrakeConfig {
  share: number;
  min: number;
  windowMs: number;
}

export interface Config {
  /** `built-in services`, or the file's absolute path. */
  source: string;
  services: Policies;
  /** Names of services that nobody has yet: whoever is found under one of them takes its place. */
  awaited: readonly Awaited[];
  /** By service name, the same names as `services`. */
  targets: Map<string, ServiceTargetConfig>;
  /** What the services were read from, for whoever adds those that are found. */
  serviceSource: ServiceSource;
  /** Plugins that are on: built-in ones in their own order, then third-party ones in the order of the file. */
  plugins: PluginConfig[];
  host: string;
  /** 0 for any free port. */
  port: number;
  /** Each of these opens `/tick` and `/status`. Empty: no authentication. Secrets. */
  tokens: string[];
  /** Every secret in these settings, for hiding them in text. */
  secrets: string[];
  /** What was read, for whoever shows it: `describe` puts it together. */
  sections: readonly Section[];
  /** Absolute path. */
  stateFile: string;
  logLevel: LogLevel;
  logFormat: LogFormat;
  /** How long after its start the watchdog makes its first checks. */
  startDelayMs: number;
  /** What people should know about the environment, at the start. */
  notices: readonly EnvironmentNotice[];
  /** Whether the internal scheduler runs. */
  cron: boolean;
  /** How long a tick waits for the restarts that it began. */
  tickBudgetMs: number;
  maxConcurrentRestarts: number;
  brake?: BrakeConfig;
  /** For all services: do everything except the restart. */
  dryRun: boolean;
  maintenance: MaintenanceWindow[];
  /** Asked before the services are blamed: if it does not answer, the watchdog's own network is broken. */
  sentinel?: { url: string };
}

export type LoadResult =
  | {
      ok: true;
      config: Config;
      /** The environment for plugins: without empty variables, and with secrets read from their files. */
      env: Readonly<Record<string, string>>;
    }
  | {
      ok: false;
      source: string;
      faults: Fault[];
      /** What can be used of a configuration with faults, for later checks; absent if the file could not be read. */
      broken?: BrokenConfig;
    };

/** `config` without plugins and settings that have faults. */
interface BrokenConfig {
  config: Config;
  /** The names of all services, including those with faults. */
  names: readonly string[];
  /** Plugins that should be on but have faults. */
  lostPlugins: readonly string[];
  env: Readonly<Record<string, string>>;
}

/** What came of reading the configuration again. */
export type Reloaded = { ok: true; text: string } | { ok: false; text: string; faults: readonly Fault[] };

/** What is known of the configuration that is in force. Times in ms since the epoch. */
export interface ConfigurationReport {
  source: string;
  loadedAt: number;
  /** A later configuration that is not used. */
  refused: { at: number; faults: readonly Fault[] } | null;
}
