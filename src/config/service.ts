/** A service in a person's words, and the policy and target that it becomes. */
import { type Backoff, type Budget, DEFAULT_POLICY, type ServicePolicy } from "../core/policy.ts";
import { check, checkRest } from "./check.ts";
import type { Declarations, ServiceTargetConfig } from "./config.ts";
import { type Fault, joinPath, show } from "./fault.ts";
import { showDuration } from "./fields.ts";
import type { WindowSettings } from "./maintenance.ts";
import { type ServiceSettings, serviceSchema } from "./service-schema.ts";

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
  declarations: Declarations,
  defaults: ServiceDefaults,
): { service?: Service; faults: Fault[] } {
  const schema = serviceSchema(input, declarations);
  const { value, faults } = checkRest(schema, input, ["services", name], { url: "http://unknown/" });
  if (!value) return { faults };
  const policy = toPolicy(name, value, defaults);
  const target = {
    url: value.url ?? "",
    check: value.check,
    restarter: value.restarter,
    timeoutMs: value.timeout ?? defaults.timeoutMs,
  };
  const plugins = pluginOptions(name, value, declarations);
  const service = { policy, target: { ...target, options: plugins.options }, windows: value.maintenance };
  if (faults.length > 0) return { service, faults };
  return { service, faults: [...plugins.faults, ...relationFaults(name, policy)] };
}

/**
 * What the service says to each plugin. A plugin that it does not mention gets its schema's defaults; when
 * there are none (a command that must be given), that is a fault only for the plugins that it relies on.
 */
function pluginOptions(
  name: string,
  settings: ServiceSettings,
  declarations: Declarations,
): { options: Record<string, unknown>; faults: Fault[] } {
  const options: Record<string, unknown> = {};
  const faults: Fault[] = [];
  for (const [plugin, { serviceOptions }] of Object.entries(declarations)) {
    if (!serviceOptions) continue;
    if (Object.hasOwn(settings, plugin) && settings[plugin] !== undefined) {
      options[plugin] = settings[plugin];
      continue;
    }
    const checked = check(serviceOptions, {}, ["services", name, plugin]);
    if (checked.ok) options[plugin] = checked.value;
    else if (plugin === settings.check || (plugin === settings.restarter && heals(settings))) {
      faults.push(...checked.faults);
    }
  }
  return { options, faults };
}

function heals({ action }: Pick<ServiceSettings, "action">): boolean {
  return action === "restart" || action === "stop";
}

function toPolicy(name: string, settings: ServiceSettings, defaults: ServiceDefaults): ServicePolicy {
  const { fastInterval, remindEvery, budget } = settings;
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
    startPeriodMs: settings.startPeriod,
    backoff: toBackoff(settings.backoff),
    budget: budget === "never" ? null : toBudget(budget),
    stableMs: settings.stable,
    dependsOn: [...new Set(settings.dependsOn)],
    restartWith: [...new Set(settings.restartWith)],
    respectManualStop: settings.respectManualStop,
    recoveryAfter: settings.recoveryAfter,
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
