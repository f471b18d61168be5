import { readFileSync } from "node:fs";

/** Reserved for the watchdog's own server, its state, restarts and alerts. */
const RESERVE = 160;
const FEWEST = 16;

/**
 * How many checks may run at once, and how many more may wait for an answer without a place, so that enough file
 * descriptors are left for the rest. `limit` is the limit on open files, `undefined` if there is none.
 */
export function withinOpenFiles(
  most: { places: number; quiet: number },
  limit: number | undefined,
): { places: number; quiet: number } {
  if (limit === undefined) return most;
  const sockets = Math.max(FEWEST, limit - RESERVE);
  const places = Math.min(most.places, Math.ceil(sockets / 2));
  return { places, quiet: Math.min(most.quiet, sockets - places) };
}

/** The limit on Linux. Node and Deno have raised the soft limit as far as possible by now. */
export function openFileLimit(): number | undefined {
  try {
    const soft = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
