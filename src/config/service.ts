/** A service in a person's words, and the policy and target that it becomes. */
import { type Backoff, type Budget, DEFAULT_POLICY, type ServicePolicy } from "../core/policy.ts";
import { type Checked, check, checkRest } from "./check.ts";
import type { Declarations, ServiceTargetConfig } from "./config.ts";
import { type Fault, joinPath, show } from "./fault.ts";
import { showDuration } from "./fields.ts";
import type { WindowSettings } from "./maintenance.ts";
import type { ServiceSchema, ServiceSettings } from "./service-schema.ts";

/** What a service takes from outside when it does not say it itself. */
export interface ServiceDefaults {
  intervalMs: number;
  timeoutMs: number;
  failureThreshold: number;
  /** For every service, whatever it says itself. */
  dryRun: boolean;
}

export interface Service {
  policy: ServicePolicy;
  target: ServiceTargetConfig;
  windows: readonly WindowSettings[];
}

/**
 * Checks one service and fills in its defaults; faults' paths begin with `services.<name>`. Where some
 * settings are wrong, the service is what the others say, for what is judged between services.
 */
export function readService(
  name: string,
  input: unknown,
  schema: ServiceSchema,
  silent: PluginDefaults,
  defaults: ServiceDefaults,
): { service?: Service; faults: Fault[] } {
  const { value, faults } = checkRest(schema, input, ["services", name], { url: "http://unknown/" });
  if (!value) return { faults };
  const policy = toPolicy(name, value, defaults);
  const target = {
    url: value.url ?? "",
    check: value.check,
    restarter: value.restarter,
    timeoutMs: value.timeout ?? defaults.timeoutMs,
  };
  const plugins = pluginOptions(name, value, silent);
  const service = { policy, target: { ...target, options: plugins.options }, windows: value.maintenance };
  if (faults.length > 0) return { service, faults };
  return { service, faults: [...plugins.faults, ...relationFaults(name, policy)] };
}

/** What each plugin makes of a service that does not mention it: its schema's defaults, or faults. */
export type PluginDefaults = ReadonlyMap<string, Checked<unknown>>;

export function pluginDefaults(declarations: Declarations): PluginDefaults {
  return new Map(
    Object.entries(declarations).flatMap(([plugin, { serviceOptions }]) =>
      serviceOptions ? [[plugin, check(serviceOptions, {}, [])] as const] : [],
    ),
  );
}

/**
 * What the service says to each plugin. One that it does not mention gets its schema's defaults; when there
 * are none (a command that must be given), that is a fault only for the plugins that the service relies on.
 */
function pluginOptions(
  name: string,
  settings: ServiceSettings,
  silent: PluginDefaults,
): { options: Record<string, unknown>; faults: Fault[] } {
  const options: Record<string, unknown> = {};
  const faults: Fault[] = [];
  for (const [plugin, byDefault] of silent) {
    if (Object.hasOwn(settings, plugin) && settings[plugin] !== undefined) {
      options[plugin] = settings[plugin];
    } else if (byDefault.ok) options[plugin] = byDefault.value;
    else if (plugin === settings.check || (plugin === settings.restarter && heals(settings))) {
      const located = byDefault.faults.map((fault) => ({
        ...fault,
        path: joinPath(["services", name, plugin, ...fault.keys]),
      }));
      faults.push(...located);
    }
  }
  return { options, faults };
}

function heals({ action }: Pick<ServiceSettings, "action">): boolean {
  return action === "restart" || action === "stop";
}

function toPolicy(name: string, settings: ServiceSettings, defaults: ServiceDefaults): ServicePolicy {
  const { fastInterval, remindEvery, budget, startPeriod } = settings;
  return {
    name,
    displayName: settings.displayName ?? titleOf(name),
    // Other restarters know a service by its name, and need no container to have something to restart.
    container: settings.container ?? (settings.restarter === "docker" ? "" : name),
    action: settings.action,
    dryRun: defaults.dryRun || settings.dryRun,
    intervalMs: settings.interval ?? defaults.intervalMs,
    ...(fastInterval === undefined ? {} : { fastIntervalMs: fastInterval }),
    failureThreshold: settings.failureThreshold ?? defaults.failureThreshold,
    successThreshold: settings.successThreshold,
    backoff: toBackoff(settings.backoff),
    budget: budget === "never" ? null : toBudget(budget),
    stableMs: settings.stable,
    dependsOn: [...new Set(settings.dependsOn)],
    restartWith: [...new Set(settings.restartWith)],
    respectManualStop: settings.respectManualStop,
    recoveryAfter: settings.recoveryAfter,
    ...(startPeriod === undefined ? {} : { startPeriodMs: startPeriod }),
    ...(remindEvery === undefined ? {} : { remindEveryMs: remindEvery }),
  };
}

function toBudget({ restarts, window }: { restarts: number; window: number }): Budget {
  return { restarts, windowMs: window };
}

/** Whoever sets only one of base and cap moves the other's default along, so that base is at most cap. */
function toBackoff({ base, cap, jitter }: ServiceSettings["backoff"]): Backoff {
  const { baseMs, capMs } = DEFAULT_POLICY.backoff;
  return {
    baseMs: base ?? Math.min(baseMs, cap ?? capMs),
    capMs: cap ?? Math.max(capMs, base ?? baseMs),
    jitter,
  };
}

/** `gateway_manager` is shown as `Gateway Manager`. */
function titleOf(name: string): string {
  const words = name.split(/[_.-]+/).filter((word) => word !== "");
  return words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join(" ");
}

/** Faults between settings that are right by themselves. */
function relationFaults(name: string, policy: ServicePolicy): Fault[] {
  const faults: Fault[] = [];
  const { backoff, fastIntervalMs, intervalMs } = policy;
  if (backoff.capMs < backoff.baseMs) {
    const found = show(showDuration(backoff.capMs));
    faults.push({
      path: joinPath(["services", name, "backoff", "cap"]),
      found,
      accepted: `at least the base, ${showDuration(backoff.baseMs)}`,
    });
  }
  if (fastIntervalMs !== undefined && fastIntervalMs > intervalMs) {
    const found = show(showDuration(fastIntervalMs));
    faults.push({
      path: joinPath(["services", name, "fastInterval"]),
      found,
      accepted: `at most the interval, ${showDuration(intervalMs)}`,
    });
  }
  return faults;
}
