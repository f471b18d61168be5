/**
 * The real watchdog as a process of its own, but for its clock, which runs SPEED times as fast from
 * START_AT on: its waits of minutes pass in seconds. Says its port, then a line for every tick that was saved.
 */
import { builtins } from "../../src/builtins.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { Clock, Ports, TickSummary } from "../../src/plugin.ts";
import { setUpPlugins } from "../../src/plugins/registry.ts";
import { serve } from "../../src/serve.ts";
import { cronIntervalMs } from "../../src/tick/pace.ts";

/** What the parent reads, one JSON text a line. */
export type ChildLine =
  | { port: number }
  | { services: Record<string, string>; rssBytes: number }
  | { failed: string };

const speed = Number(process.env.SPEED);
const startAt = Number(process.env.START_AT);
const beganMs = performance.now();
let ready = false;

const clock: Clock = {
  now: () => Math.round(startAt + clock.monotonicMs()),
  monotonicMs: () => (performance.now() - beganMs) * speed,
  wait: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", end);
        resolve();
      };
      // Loading the modules is no faster than ever, and the plugins' setup is timed.
      const timer = setTimeout(end, Math.min(ready ? ms / speed : ms, 2 ** 31 - 1));
      signal?.addEventListener("abort", end, { once: true });
    }),
};

function say(line: ChildLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const quiet = () => {};
const ports: Ports = {
  clock,
  log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  random: Math.random,
  env: process.env,
};

const loaded = await loadConfig({ env: process.env, cwd: process.cwd(), plugins: builtins });
if (!loaded.ok) throw new Error(JSON.stringify(loaded.faults));
const { config } = loaded;
const plugins = config.plugins.map(({ name, options }) => ({
  name,
  make: () => builtins[name]!(options as never),
}));
const set = await setUpPlugins(plugins, ports, cronIntervalMs(config));
if (!set.ok) throw new Error(set.reason);
set.registry.hooks.set("parent", {
  name: "parent",
  async ticked({ ok, services }: TickSummary) {
    if (!ok) return say({ failed: "the tick was not saved" });
    const rssBytes = process.memoryUsage().rss;
    say({ services: Object.fromEntries(services.map(({ name, status }) => [name, status])), rssBytes });
  },
});
ready = true;
const served = await serve(config, set.registry, ports);
if (!served.ok) throw new Error(served.reason);
say({ port: served.serving.port });
process.on("SIGTERM", () => void served.serving.stop().then(() => process.exit(0)));
