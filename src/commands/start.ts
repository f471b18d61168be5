/** What every command begins with: configuration, ports, plugins. Faults go to stderr, all at once. */
import { builtins } from "../builtins.ts";
import type { Config } from "../config/config.ts";
import { formatFaults } from "../config/fault.ts";
import { loadConfig } from "../config/load.ts";
import type { Ports } from "../plugin.ts";
import type { Registry } from "../plugins/registry.ts";
import { setUpPlugins } from "../plugins/registry.ts";
import { systemClock } from "../shell/clock.ts";
import { createLog, type LazyLog } from "../shell/log.ts";
import { hiding, secretsOf } from "../shell/secrets.ts";
import { cronIntervalMs } from "../tick/pace.ts";
import { wiringFaults } from "../tick/wiring.ts";

export type Started =
  | { ok: true; config: Config; registry: Registry; ports: Ports; log: LazyLog }
  | { ok: false; exit: number };

export async function start(exits: { failed: number; usage: number }): Promise<Started> {
  const loaded = await loadConfig({ env: process.env, cwd: process.cwd(), plugins: builtins });
  if (!loaded.ok) {
    process.stderr.write(`${formatFaults(loaded.faults, loaded.source)}\n`);
    return { ok: false, exit: exits.usage };
  }
  const { config, env } = loaded;
  const log = createLog({
    level: config.logLevel,
    format: config.logFormat,
    redact: hiding(secretsOf(config)),
    stream: process.stderr,
  });
  const ports: Ports = { clock: systemClock, log, random: Math.random, env };
  const plugins = config.plugins.map(({ name, options, factory }) => ({
    name,
    make: () => (factory ?? builtins[name]!)(options as never),
  }));
  const set = await setUpPlugins(plugins, ports, cronIntervalMs(config));
  if (!set.ok) {
    process.stderr.write(`spreadpilot-watchdog: ${set.reason}\n`);
    return { ok: false, exit: exits.failed };
  }
  const wrong = wiringFaults(config, set.registry);
  if (wrong.length === 0) return { ok: true, config, registry: set.registry, ports, log };
  process.stderr.write(`${formatFaults(wrong, config.source)}\n`);
  return { ok: false, exit: exits.usage };
}
