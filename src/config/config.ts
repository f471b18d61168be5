/** The configuration as the runner uses it: checked, complete, plain data. All times in ms. */
import type { Policies } from "../core/policy.ts";
import type { Plugin, PluginDeclaration } from "../plugin.ts";
import type { LogFormat, LogLevel } from "./environment.ts";
import type { Fault } from "./fault.ts";

/** What is known of each plugin before it is set up, by name. */
export type Declarations = Readonly<Record<string, PluginDeclaration<unknown>>>;

/** The default export of a third party's module: what `definePlugin` returns. */
export type ThirdPartyFactory = ((options: never) => Plugin) & PluginDeclaration<unknown>;

/** How a service is asked and healed: what its policy, which the core sees, does not say. */
export interface ServiceTargetConfig {
  /** Empty when the service's check needs none. */
  url: string;
  /** The name of the check that asks it. */
  check: string;
  /** The name of the restarter that heals it. */
  restarter: string;
  timeoutMs: number;
  /** What the service says to each plugin, by the plugin's name, checked by that plugin's schema. */
  options: Record<string, unknown>;
}

export interface PluginConfig {
  name: string;
  /** Where a third party's plugin was imported from, as the file says it. */
  from?: string;
  /** Checked by the plugin's own schema, defaults filled in. */
  options: unknown;
  /** A third party's plugin; built-in ones are found by name. */
  factory?: ThirdPartyFactory;
}

/** Opens at each time of `cron` for `durationMs`; while open, nothing is restarted. */
export interface MaintenanceWindow {
  /** The service that it is for; all of them when absent. */
  service?: string;
  /** Five fields, or six with seconds first. */
  cron: string;
  durationMs: number;
  /** IANA name; `UTC` unless set. */
  timeZone: string;
}

/** Holds all restarts when at least `min` services and this share of all fall within `windowMs`. */
export interface BrakeConfig {
  share: number;
  min: number;
  windowMs: number;
}

export interface Config {
  /** `built-in services`, or the file's absolute path. */
  source: string;
  services: Policies;
  /** By service name, the same names as `services`. */
  targets: Map<string, ServiceTargetConfig>;
  /** Those that are on: built-in ones in their own order, then third parties' in the file's. */
  plugins: PluginConfig[];
  host: string;
  /** 0 for any free port. */
  port: number;
  /** Each opens `/tick` and `/status`; empty when no auth is asked. Secrets. */
  tokens: string[];
  /** Absolute path. */
  stateFile: string;
  logLevel: LogLevel;
  logFormat: LogFormat;
  /** Whether the internal scheduler runs. */
  cron: boolean;
  /** How long a tick waits for the restarts that it began. */
  tickBudgetMs: number;
  maxConcurrentRestarts: number;
  brake?: BrakeConfig;
  /** For every service: everything is done but the restart. */
  dryRun: boolean;
  maintenance: MaintenanceWindow[];
  /** Asked first: when it does not answer, the fault is the watchdog's own network. */
  sentinel?: { url: string };
}

export type LoadResult =
  | {
      ok: true;
      config: Config;
      /** The environment with empty variables left out and secrets read from their files: for the plugins. */
      env: Readonly<Record<string, string>>;
    }
  | { ok: false; source: string; faults: Fault[] };
