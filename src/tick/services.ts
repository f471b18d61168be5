/** The services of a configuration, each with the plugins that serve it. */
import type { Awaited, Config } from "../config/config.ts";
import type { Fault } from "../config/fault.ts";
import { own } from "../core/record.ts";
import type { Check, Ports, Restarter, ServiceTarget } from "../plugin/contract.ts";
import type { Registry } from "../plugin/registry.ts";
import { withDeadline } from "../system/clock.ts";
import { errorText } from "../system/log.ts";

/** A service with its check and its restarter, and the settings for each of them. */
export interface WiredService {
  target: ServiceTarget;
  check: Check;
  checkOptions: unknown;
  restarter: Restarter | undefined;
  restarterOptions: unknown;
}

/**
 * Names in the configuration that lead nowhere, known only after the plugins are set up. `names` are all services,
 * including faulty ones. `lost` are plugins that could not be loaded or set up: names that equal theirs pass.
 */
export function wiringFaults(
  config: Config,
  registry: Registry,
  names: readonly string[] = [...config.services.keys()],
  lost: readonly string[] = [],
): Fault[] {
  const faults: Fault[] = [];
  const unknown = (known: ReadonlyMap<string, unknown>, name: string) =>
    !known.has(name) && !lost.includes(name);
  for (const [name, { check, restarter }] of config.targets) {
    const { container, action } = config.services.get(name)!;
    if (unknown(registry.checks, check)) faults.push(fault(name, "check", check, registry.checks, lost));
    const needed = container !== "" && (action === "restart" || action === "stop");
    if (needed && unknown(registry.restarters, restarter)) {
      faults.push(fault(name, "restarter", restarter, registry.restarters, lost));
    }
  }
  const accepted = `one of ${names.join(", ")}`;
  for (const { path, name } of mayFind(registry) ? [] : unknownToSinks(registry, names)) {
    faults.push({ path, found: JSON.stringify(name), accepted });
  }
  return faults;
}

const mayFind = ({ discoverers }: Registry) => [...discoverers.values()].some(({ isOn }) => isOn);

function unknownToSinks({ sinks }: Registry, names: readonly string[]): Awaited[] {
  return [...sinks.values()].flatMap(({ name: sink, settings }) =>
    (settings?.services ?? [])
      .filter((name) => !names.includes(name))
      .map((name) => ({ path: `services of the sink ${sink}`, name })),
  );
}

/** Where the configuration names services that nobody is yet; they may still be found. */
export function awaitedIn({ awaited, services }: Config, registry: Registry): Awaited[] {
  return [...awaited, ...unknownToSinks(registry, [...services.keys()])];
}

export function awaitedText(awaited: readonly Awaited[]): string {
  const places = new Map<string, string[]>();
  for (const { path, name } of awaited) places.set(name, [...(places.get(name) ?? []), path]);
  const named = [...places].map(([name, paths]) => `${name} (${paths.join(", ")})`);
  return `names of services that are neither listed nor found yet, so they have no effect: ${named.join("; ")}`;
}

function fault(
  service: string,
  key: string,
  found: string,
  known: ReadonlyMap<string, unknown>,
  lost: readonly string[],
): Fault {
  const some = `one that a plugin provides: ${[...known.keys()].join(", ") || "none does"}`;
  const more = lost.length === 0 ? "" : `; or one of a plugin that has a fault itself: ${lost.join(", ")}`;
  return { path: `services.${service}.${key}`, found: JSON.stringify(found), accepted: some + more };
}

export function wireServices(config: Config, registry: Registry): Map<string, WiredService> {
  const wired = new Map<string, WiredService>();
  for (const [name, policy] of config.services) {
    const { url, check, restarter, timeoutMs, options } = config.targets.get(name)!;
    const { displayName, container } = policy;
    wired.set(name, {
      target: { name, displayName, url, container, timeoutMs, options: {} },
      check: registry.checks.get(check)!,
      checkOptions: own(options, check) ?? {},
      restarter: registry.restarters.get(restarter),
      restarterOptions: own(options, restarter) ?? {},
    });
  }
  return wired;
}

/**
 * Asks the sentinel with the ordinary HTTP check: any answer shows that the network works. Resolves to why there is
 * no answer, or to `null`. `undefined` when no sentinel is configured.
 */
export function createSentinel(config: Config, registry: Registry) {
  const check = registry.checks.get("http");
  if (config.sentinel === undefined || check === undefined) return undefined;
  const options = { status: [[100, 599]] };
  const { url } = config.sentinel;
  const target = { name: "sentinel", displayName: "Sentinel", url, container: "", timeoutMs: 1500, options };
  return async (signal: AbortSignal): Promise<string | null> => {
    const result = await check.run(target, signal);
    return result.ok || result.unknown ? null : result.reason;
  };
}

const TAKE_OVER_MS = 10_000;

/**
 * Lets restarters take over what an earlier process with this state left. A restarter that throws or hangs is
 * named in the log, and the start goes on without it.
 */
export async function takeOver(
  restarters: Iterable<Restarter>,
  services: ReadonlyMap<string, WiredService>,
  stateFile: string,
  ports: Ports,
): Promise<void> {
  for (const restarter of restarters) {
    if (restarter.takeOver === undefined) continue;
    const { name } = restarter;
    const its = [...services.values()].filter((service) => service.restarter === restarter);
    const targets = its.map(({ target, restarterOptions }) => ({ ...target, options: restarterOptions }));
    try {
      const taken = restarter.takeOver(targets, `${stateFile}.${encodeURIComponent(name)}`);
      if (await withDeadline(ports.clock, TAKE_OVER_MS, taken)) continue;
      ports.log.warn(`the ${name} restarter did not take over in ${TAKE_OVER_MS / 1000} s and was abandoned`);
    } catch (error) {
      ports.log.warn(
        `the ${name} restarter could not take over from the process before: ${errorText(error)}`,
      );
    }
  }
}
