import type { MaintenanceWindow } from "../config/config.ts";
import type { Policies } from "../core/policy.ts";
import { own } from "../core/record.ts";
import type { Calendar } from "../state/ledger.ts";

/** The maintenance windows of the configuration. The cron parser is loaded only when there are any. */
export async function createCalendar(
  windows: readonly MaintenanceWindow[],
  policies: Policies,
): Promise<Calendar> {
  if (windows.length === 0) return () => ({});
  const { Cron } = await import("croner");
  const opened = windows.map(({ service, cron, durationMs, timeZone }) => {
    const times = new Cron(cron, { paused: true, timezone: timeZone });
    /** The window that is open at `now` is the first one that opens after `now - durationMs`. */
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
      for (const name of names) open[name] = Math.max(own(open, name) ?? 0, at);
    }
    return open;
  };
}
