import type { Check, Plugin, Ports, Restarter, Sink, TickHook, Trigger, Watchdog } from "../plugin.ts";
import { errorText } from "../shell/error-text.ts";

export interface Registry {
  checks: Map<string, Check>;
  restarters: Map<string, Restarter>;
  sinks: Map<string, Sink>;
  triggers: Map<string, Trigger>;
  hooks: Map<string, TickHook>;
}

const SETUP_TIMEOUT_MS = 10_000;

/** Sets the plugins up, one after another. A fault in one stops the start, with the plugin's name. */
export async function setUpPlugins(
  plugins: readonly { name: string; make(): Plugin }[],
  ports: Ports,
  intervalMs: number,
): Promise<{ ok: true; registry: Registry } | { ok: false; reason: string }> {
  const registry: Registry = {
    checks: new Map(),
    restarters: new Map(),
    sinks: new Map(),
    triggers: new Map(),
    hooks: new Map(),
  };
  for (const { name, make } of plugins) {
    const over = new AbortController();
    try {
      const late = ports.clock.wait(SETUP_TIMEOUT_MS, over.signal).then(() => {
        if (!over.signal.aborted) throw new Error("its setup did not end in 10 s");
      });
      const setup = Promise.resolve(make().setup({ ...ports, intervalMs, ...registrar(registry) }));
      await Promise.race([setup, late]);
    } catch (error) {
      return { ok: false, reason: `the plugin ${name} could not be set up: ${errorText(error)}` };
    } finally {
      over.abort();
    }
  }
  return { ok: true, registry };
}

function registrar(registry: Registry): Pick<Watchdog, "check" | "restarter" | "sink" | "trigger" | "hook"> {
  const into =
    <T extends { name: string }>(kind: string, map: Map<string, T>) =>
    (thing: T) => {
      if (map.has(thing.name)) throw new Error(`there are two ${kind}s named "${thing.name}"`);
      map.set(thing.name, thing);
    };
  return {
    check: into("check", registry.checks),
    restarter: into("restarter", registry.restarters),
    sink: into("sink", registry.sinks),
    trigger: into("trigger", registry.triggers),
    hook: into("hook", registry.hooks),
  };
}
