import type { Exit } from "../main.ts";
import { createWatchdog } from "../watchdog.ts";
import { start } from "./start.ts";

/** A restart that outlives this is left to the engine, and verified by the next tick. */
const LONGEST_END_MS = 120_000;

/**
 * One whole cycle on the state file. Prints the report; exits 0 when the cycle was made and saved (or
 * nothing was due), 75 when another process holds the state.
 */
export async function tickCommand(exit: Exit): Promise<number> {
  const started = await start(exit);
  if (!started.ok) return started.exit;
  const watchdog = createWatchdog(started.config, started.registry, started.ports);
  const result = await watchdog.tick();
  await watchdog.close(LONGEST_END_MS);
  await started.log.flush();
  if (!result.ok) {
    const report = { ...result.report, status: "error", error: result.reason };
    return end(report, exit.failed);
  }
  const locked = result.report.status === "skipped" && result.report.reason === "locked";
  return end(result.report, locked ? exit.locked : exit.ok);
}

/** A name server that hangs cannot be called off, and must not keep the process. */
function end(report: object, code: number): Promise<number> {
  return new Promise(() => process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(code)));
}
