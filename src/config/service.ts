/** Turns the settings of a service into its policy and its target. */
import { type Backoff, type Budget, DEFAULT_POLICY, type ServicePolicy } from "../core/policy.ts";
import { own } from "../core/record.ts";
import { showDuration } from "../plugin/settings.ts";
import { type Checked, check, checkRest } from "./check.ts";
import type { Declarations, ServiceTargetConfig } from "./config.ts";
import { type Fault, joinPath, show } from "./fault.ts";
import type { Said } from "./layers.ts";
import type { WindowSettings } from "./maintenance.ts";
import { anyServiceSchema, type ServiceSchema, type ServiceSettings } from "./service-settings.ts";

export interface Service {
  policy: ServicePolicy;
  target: ServiceTargetConfig;
  windows: readonly WindowSettings[];
}

/**
 * Validates one service and fills in its defaults; paths of faults begin with `services.<name>`. If some settings are
 * wrong, the service is made from the others, so that relations between services can be checked.
 */
export function readService(
  name: string,
  input: unknown,
  schema: ServiceSchema,
  silent: PluginDefaults,
  declarations: Declarations,
): { service?: Service; faults: Fault[] } {
  const { value, faults } = checkRest(schema, input, ["services", name], () =>
    anyServiceSchema(declarations),
  );
  if (!value) return { faults };
  const policy = toPolicy(name, value, declarations);
  const target = {
    url: value.url ?? "",
    check: value.check,
    restarter: value.restarter,
    timeoutMs: value.timeout,
  };
  const plugins = pluginOptions(name, value, silent);
  const service = { policy, target: { ...target, options: plugins.options }, windows: value.maintenance };
  if (faults.length > 0) return { service, faults };
  return { service, faults: [...plugins.faults, ...relationFaults(name, policy)] };
}

/** For each plugin, the settings of a service that does not mention it: the defaults of its schema, or faults. */
export type PluginDefaults = ReadonlyMap<string, Checked<unknown>>;

export function pluginDefaults(declarations: Declarations): PluginDefaults {
  return new Map(
    Object.entries(declarations).flatMap(([plugin, { serviceOptions }]) =>
      serviceOptions ? [[plugin, check(serviceOptions, {}, [])] as const] : [],
    ),
  );
}

/**
 * The service's settings for each plugin. A plugin that the service does not mention gets the defaults of its schema.
 * A missing setting without default (such as a command) is a fault only for plugins that the service uses.
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

function toPolicy(name: string, settings: ServiceSettings, declarations: Declarations): ServicePolicy {
  const needsContainer = own(declarations, settings.restarter)?.needsContainer === true;
  const { fastInterval, remindEvery, budget, startPeriod } = settings;
  return {
    name,
    displayName: settings.displayName ?? titleOf(name),
    // Other restarters identify a service by its name and need no container.
    container: settings.container ?? (needsContainer ? "" : name),
    ...shownUrl(settings.url),
    action: settings.action,
    dryRun: settings.dryRun,
    intervalMs: settings.interval,
    ...(fastInterval === undefined ? {} : { fastIntervalMs: fastInterval }),
    failureThreshold: settings.failureThreshold,
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

/** The settings whose default depends on others, as a person would write them. */
export function impliedSettings({ displayName, container, backoff }: ServicePolicy): Said {
  return {
    displayName,
    ...(container === "" ? {} : { container }),
    backoff: { base: showDuration(backoff.baseMs), cap: showDuration(backoff.capMs) },
  };
}

/** The URL for alerts, without what may be a secret. */
function shownUrl(text: string | undefined): Pick<ServicePolicy, "healthUrl"> {
  if (text === undefined || !URL.canParse(text)) return {};
  const url = new URL(text);
  Object.assign(url, { username: "", password: "", search: "", hash: "" });
  return { healthUrl: url.href };
}

function toBudget({ restarts, window }: { restarts: number; window: number }): Budget {
  return { restarts, windowMs: window };
}

/** If only one of base and cap is set, the other's default moves along, so that base is at most cap. */
function toBackoff({ base, cap, jitter }: ServiceSettings["backoff"]): Backoff {
  const { baseMs, capMs } = DEFAULT_POLICY.backoff;
  return {
    baseMs: base ?? Math.min(baseMs, cap ?? capMs),
    capMs: cap ?? Math.max(capMs, base ?? baseMs),
    jitter,
  };
}

/** `gateway_manager` becomes `Gateway Manager`. */
function titleOf(name: string): string {
  const words = name.split(/[_.-]+/).filter((word) => word !== "");
  return words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join(" ");
}

/** Faults between settings that are valid on their own. */
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
