/** The real program: configuration from the environment, plugins, state file; one whole tick a request. */
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { bootstrap } from "../../src/commands/bootstrap.ts";
import { createWatchdog } from "../../src/watchdog.ts";
import type { Job } from "../worker.ts";
import { type Spent, spend } from "./spent.ts";

interface Settings {
  /** Also tell when each service's verdict came, ms after the tick's begin. */
  timed?: boolean;
  /** Follow the engine's events, as `serve` does. */
  followed?: boolean;
}

export interface TickAnswer extends Spent {
  /** Replacements of the state file. */
  saves: number;
  counts: { checked: number; healthy: number; unhealthy: number; restarted: number };
  /** Verdicts, by service: `ok` is null for unknown. */
  verdicts: Record<string, { ok: boolean | null; reason: string }>;
  verdictMs: Record<string, number>;
}

let saves = 0;
const { rename } = fs;
fs.rename = async (from, to) => {
  if (String(to) === process.env.STATE_FILE) saves++;
  return rename(from, to);
};
syncBuiltinESMExports();

const watchdog: Job<Settings, unknown> = async ({ timed, followed }) => {
  const { config, registry, ports } = await bootstrap();
  let beganMs = 0;
  let verdictMs: Record<string, number> = {};
  if (timed) {
    for (const [name, check] of registry.checks) {
      registry.checks.set(name, {
        name,
        async run(service, signal) {
          const result = await check.run(service, signal);
          verdictMs[service.name] = performance.now() - beganMs;
          return result;
        },
      });
    }
  }
  const program = createWatchdog({ config, registry }, ports);
  await program.open();
  for (const { watch } of followed ? registry.discoverers.values() : []) {
    program.followed();
    void watch?.(() => void program.changed(), new AbortController().signal);
  }
  return {
    async answer() {
      for (;;) {
        saves = 0;
        verdictMs = {};
        beganMs = performance.now();
        let result: Awaited<ReturnType<typeof program.tick>> | undefined;
        const spent = await spend(async () => {
          result = await program.tick();
          JSON.stringify(result);
        });
        if (!result?.ok) throw new Error(result?.reason);
        const { report } = result;
        if (report.status === "completed") {
          const services = Object.entries(program.ledger()!.state.services);
          const verdicts = Object.fromEntries(
            services.map(([name, { lastCheck }]) => [
              name,
              { ok: null, reason: "never checked", ...lastCheck },
            ]),
          );
          return { ...spent, saves, counts: report.counts, verdicts, verdictMs } satisfies TickAnswer;
        }
        await new Promise((done) => setTimeout(done, report.next_allowed_in_ms ?? 10));
      }
    },
  };
};

export default watchdog;
