/**
 * A real watchdog in a process of its own, whose clock starts at START_AT and runs SPEED times as fast. Prints its
 * port, then a line for every tick that was saved.
 */
import { builtins } from "../../src/builtin-plugins.ts";
import type { Ports, TickSummary } from "../../src/plugin.ts";
import { startServer } from "../../src/server.ts";
import { prepare } from "../../src/setup.ts";
import { fastClock } from "../fast-clock.ts";

/** What the parent reads, one JSON text a line. */
export type ChildLine =
  | { port: number }
  | { services: Record<string, string>; rssBytes: number }
  | { failed: string };

let ready = false;
// Modules load at their usual speed, and the setup of plugins has a time limit.
const clock = fastClock(Number(process.env.SPEED), Number(process.env.START_AT), () => ready);

function say(line: ChildLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const quiet = () => {};
const ports: Ports = {
  clock,
  log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  random: Math.random,
  redact: (text) => text,
  env: process.env,
};

const origin = { env: process.env, cwd: process.cwd(), builtIn: builtins };
const prepared = await prepare(origin, () => ports);
if (!prepared.ok) throw new Error(JSON.stringify(prepared.faults));
const { setup } = prepared;
// On this clock the files would be read a hundred times a second, and they never change.
const same = async () => "same";
const tracked = { ...prepared.tracked, fingerprint: same, known: same, replaced: async () => undefined };
setup.registry.hooks.set("parent", {
  name: "parent",
  async ticked({ ok, services }: TickSummary) {
    if (!ok) return say({ failed: "the tick was not saved" });
    const rssBytes = process.memoryUsage().rss;
    say({ services: Object.fromEntries(services.map(({ name, status }) => [name, status])), rssBytes });
  },
});
ready = true;
const served = await startServer(setup, ports, {
  tracked,
  prepareAgain: (before) => prepare(origin, () => ports, before),
  adopting() {},
});
if (!served.ok) throw new Error(served.reason);
say({ port: served.server.port });
process.on("SIGTERM", () => void served.server.stop().then(() => process.exit(0)));
