import { createWatchdog } from "../watchdog.ts";
import { bootstrap } from "./bootstrap.ts";
import { EXIT } from "./command.ts";

/** A restart that takes longer is left to the engine; the next tick verifies it. */
const LONGEST_END_MS = 120_000;

/**
 * Runs one cycle on the state file and prints its report. Exits with 0 when the cycle ran and everything was saved
 * (or nothing was due), with 75 when another process holds the state.
 */
export async function tickCommand(): Promise<number> {
  const { ports, log, ...setup } = await bootstrap();
  const watchdog = createWatchdog(setup, ports);
  const result = await watchdog.tick();
  const closing = await watchdog.close(LONGEST_END_MS);
  await log.flush();
  if (!result.ok) {
    const report = { ...result.report, status: "error", error: result.reason };
    return end(report, EXIT.failed);
  }
  if (closing.state === "unsaved") {
    const error = `the cycle ran and was saved, but what came of its restarts could not be saved: ${closing.reason}`;
    return end({ ...result.report, status: "error", error }, EXIT.failed);
  }
  const locked = result.report.status === "skipped" && result.report.reason === "locked";
  return end(result.report, locked ? EXIT.locked : EXIT.ok);
}

/** Exits explicitly: a DNS lookup that hangs cannot be cancelled, and would keep the process alive. */
function end(report: object, code: number): Promise<number> {
  return new Promise(() => process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(code)));
}
