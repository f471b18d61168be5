import type { Config } from "../config/config.ts";
import type { Registry } from "../plugins/registry.ts";
import type { WiredService } from "./tick.ts";

/** Each service with the check and the restarter that serve it, and what it says to them. */
export function wireServices(config: Config, registry: Registry): Map<string, WiredService> {
  const wired = new Map<string, WiredService>();
  for (const [name, policy] of config.services) {
    const { url, check, restarter, timeoutMs, options } = config.targets.get(name)!;
    const { displayName, container } = policy;
    const missing = {
      name: check,
      run: async () => ({
        ok: false as const,
        unknown: true as const,
        reason: `no plugin provides the check ${check}`,
      }),
    };
    wired.set(name, {
      target: { name, displayName, url, container, timeoutMs, options: {} },
      check: registry.checks.get(check) ?? missing,
      checkOptions: options[check] ?? {},
      restarter: registry.restarters.get(restarter),
      restarterOptions: options[restarter] ?? {},
    });
  }
  return wired;
}
