/**
 * A container that the engine's own restart policy restarts again and again. A restart of ours would only add to it, and
 * would begin the engine's own backoff again.
 */
import type { EngineRestarts, KnownContainer, RestartSeries, SeenContainer } from "./container.ts";

/** After one restart by the engine, the container may hang, and a restart of ours may help. */
const LEAST_RESTARTS = 2;
/** The engine waits for up to 60 s before it restarts a container again. */
const QUIET_MS = 2 * 60_000;
/** What was seen longer ago than this belongs to another outage: containers are looked at only while a service fails. */
const STALE_MS = 5 * 60_000;

/**
 * How the engine's restarts of a container went on since the last look, which an earlier process may have made.
 * `recent`: restarts that the restarter itself saw lately.
 */
export function followRestarts(
  known: KnownContainer | null,
  container: SeenContainer,
  intervalMs: number,
  now: number,
): RestartSeries | undefined {
  const { engineRestarts: engine, recentRestarts: recent } = container;
  if (engine === undefined) return undefined;
  const series = goOn(known?.id === container.id ? known.restartSeries : undefined, engine, intervalMs, now);
  if (recent === undefined || engine.count - recent.restarts >= series.fromCount) return series;
  return {
    ...series,
    fromCount: engine.count - recent.restarts,
    sinceAt: now - recent.withinMs,
    grewAt: now,
  };
}

function goOn(
  before: RestartSeries | undefined,
  engine: EngineRestarts,
  intervalMs: number,
  now: number,
): RestartSeries {
  const { count, isDue } = engine;
  const ended = engine.ended ?? before?.ended;
  const seen = { count, seenAt: now, ...(ended === undefined ? {} : { ended }) };
  const first = { ...seen, fromCount: count, sinceAt: now, grewAt: isDue ? now : 0 };
  if (before === undefined || now - before.seenAt > Math.max(STALE_MS, 2 * intervalMs)) return first;
  // Somebody, or we, restarted it since the last look, and the engine counts from 0 again.
  if (count < before.count)
    return { ...first, fromCount: 0, sinceAt: before.seenAt, grewAt: count > 0 ? now : 0 };
  const grewAt = isDue || count > before.count ? now : before.grewAt;
  return now - grewAt < QUIET_MS ? { ...before, ...seen, grewAt } : first;
}

/** The series, if it is a crash loop: the engine is about to restart the container, or does so again and again. */
export function crashLoop(container: KnownContainer | null, now: number): RestartSeries | undefined {
  const { engineRestarts, restartSeries: series } = container ?? {};
  if (container === null || engineRestarts === undefined || series === undefined) return undefined;
  if (engineRestarts.isDue) return series;
  // A container that has ended, and is not restarted by the engine, needs us.
  if (!container.runs || series.count - series.fromCount < LEAST_RESTARTS) return undefined;
  return now - series.grewAt < QUIET_MS ? series : undefined;
}
