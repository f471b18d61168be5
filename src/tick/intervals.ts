import type { Config } from "../config/config.ts";
import { SPREAD_FROM } from "../core/due.ts";

/** Ticks per interval when the first checks are spread over it. */
const SLICES = 10;

export function shortestIntervalMs(config: Config): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (const { intervalMs, fastIntervalMs } of config.services.values()) {
    shortest = Math.min(shortest, intervalMs, fastIntervalMs ?? intervalMs);
  }
  return Number.isFinite(shortest) ? shortest : 15_000;
}

/** Only the internal cron ticks often enough; the first tick of an external scheduler checks everything. */
export function isSpread(config: Config): boolean {
  return config.cron && config.services.size >= SPREAD_FROM;
}

/** How often the internal cron ticks. Each tick checks the services that are due. */
export function cronIntervalMs(config: Config): number {
  const intervalMs = shortestIntervalMs(config);
  return isSpread(config) ? Math.max(100, intervalMs / SLICES) : intervalMs;
}
