import type { Config } from "../config/config.ts";
import type { Fault } from "../config/fault.ts";
import type { Registry } from "../plugins/registry.ts";
import type { WiredService } from "./tick.ts";

/** What names nothing that there is: known only once the plugins are set up. */
export function wiringFaults(config: Config, registry: Registry): Fault[] {
  const faults: Fault[] = [];
  for (const [name, { check, restarter }] of config.targets) {
    const { container, action } = config.services.get(name)!;
    if (!registry.checks.has(check)) faults.push(fault(name, "check", check, registry.checks));
    const needed = container !== "" && (action === "restart" || action === "stop");
    if (needed && !registry.restarters.has(restarter)) {
      faults.push(fault(name, "restarter", restarter, registry.restarters));
    }
  }
  for (const { name, settings } of registry.sinks.values()) {
    const unknown = settings?.services?.filter((service) => !config.services.has(service)) ?? [];
    for (const service of unknown) {
      const accepted = `one of ${[...config.services.keys()].join(", ")}`;
      faults.push({ path: `services of the sink ${name}`, found: JSON.stringify(service), accepted });
    }
  }
  return faults;
}

function fault(service: string, key: string, found: string, known: ReadonlyMap<string, unknown>): Fault {
  const accepted = `one that a plugin provides: ${[...known.keys()].join(", ") || "none does"}`;
  return { path: `services.${service}.${key}`, found: JSON.stringify(found), accepted };
}

/** Each service with the check and the restarter that serve it, and what it says to them. */
export function wireServices(config: Config, registry: Registry): Map<string, WiredService> {
  const wired = new Map<string, WiredService>();
  for (const [name, policy] of config.services) {
    const { url, check, restarter, timeoutMs, options } = config.targets.get(name)!;
    const { displayName, container } = policy;
    wired.set(name, {
      target: { name, displayName, url, container, timeoutMs, options: {} },
      check: registry.checks.get(check)!,
      checkOptions: options[check] ?? {},
      restarter: registry.restarters.get(restarter),
      restarterOptions: options[restarter] ?? {},
    });
  }
  return wired;
}
