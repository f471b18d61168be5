/**
 * A real watchdog that shares its state file with another one. Its clock runs SPEED times as fast, and its lease is
 * short. It ticks until its parent ends, and prints what it logs, one JSON text per line.
 */
import { builtins } from "../../src/builtin-plugins.ts";
import type { Ports } from "../../src/plugin.ts";
import { prepare } from "../../src/setup.ts";
import { createWatchdog } from "../../src/watchdog.ts";
import { fastClock } from "../fast-clock.ts";

const speed = Number(process.env.SPEED);
const tickMs = Number(process.env.TICK_MS);
/** The lease is in ms of the fast clock; renewals run on a real timer. */
const lease = { leaseMs: Number(process.env.LEASE_MS), renewMs: Number(process.env.RENEW_MS) };
/** All processes must agree on the time, whenever they started. */
const EPOCH = Date.UTC(2026, 10, 23);
const clock = fastClock(speed, EPOCH + (Date.now() - EPOCH) * speed);

const say = (message: string) => void process.stdout.write(`${JSON.stringify(message)}\n`);
const ports: Ports = {
  clock,
  log: { debug: () => {}, info: say, warn: say, error: say },
  random: Math.random,
  redact: (text) => text,
  env: process.env,
};

const origin = { env: process.env, cwd: process.cwd(), builtIn: builtins };
const prepared = await prepare(origin, () => ports);
if (!prepared.ok) throw new Error(JSON.stringify(prepared.faults));
const watchdog = createWatchdog(prepared.setup, ports, { lease });
process.stdin.on("end", () => process.exit(0)).resume();
void watchdog.deliver(new AbortController().signal);
say("ready");
for (;;) {
  const result = await watchdog.tick();
  if (!result.ok) say(`tick: ${result.reason}`);
  await new Promise((resolve) => setTimeout(resolve, tickMs));
}
