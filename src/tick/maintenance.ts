import type { MaintenanceWindow } from "../config/config.ts";
import type { Policies } from "../core/policy.ts";

/** Answers which services are in a window at a time, and when it closes. */
export type Calendar = (now: number) => Record<string, number>;

/** The windows of the configuration; the parser of cron expressions is loaded only where there are any. */
export async function createCalendar(
  windows: readonly MaintenanceWindow[],
  policies: Policies,
): Promise<Calendar> {
  if (windows.length === 0) return () => ({});
  const { Cron } = await import("croner");
  const opened = windows.map(({ service, cron, durationMs, timeZone }) => {
    const times = new Cron(cron, { paused: true, timezone: timeZone });
    /** The window that is open at `now` is the first that opened after `now - duration`. */
    const endsAt = (now: number) => {
      const start = times.nextRun(new Date(now - durationMs))?.getTime();
      return start !== undefined && start <= now ? start + durationMs : undefined;
    };
    return { names: service === undefined ? [...policies.keys()] : [service], endsAt };
  });
  return (now) => {
    const open: Record<string, number> = {};
    for (const { names, endsAt } of opened) {
      const at = endsAt(now);
      if (at === undefined) continue;
      for (const name of names) open[name] = Math.max(open[name] ?? 0, at);
    }
    return open;
  };
}
