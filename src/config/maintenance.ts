/** Maintenance windows: their settings, and whether they can open at all. */
import * as v from "valibot";
import { duration } from "../plugin/settings.ts";
import type { MaintenanceWindow } from "./config.ts";
import { type Fault, show } from "./fault.ts";

const CRON =
  'a cron expression of 5 fields ("0 3 * * 0": Sundays at 3:00), of 6 with seconds first, or "@daily" and its like';

const ACCEPTED_ZONE = 'a time zone of the IANA list, such as "Europe/Warsaw" or "UTC"';

/** The settings of a list of windows. `checkWindows` checks what needs a calendar. */
export function maintenanceField() {
  const window = v.strictObject(
    {
      cron: v.pipe(
        v.string(CRON),
        v.check(isCronShape, CRON),
        v.transform((value) => value.trim()),
      ),
      duration: duration(1000, 7 * 86_400_000),
      timeZone: v.optional(v.pipe(v.string(ACCEPTED_ZONE), v.check(isTimeZone, ACCEPTED_ZONE)), "UTC"),
    },
    'an object with "cron", "duration" and perhaps "timeZone"',
  );
  return v.array(window, "a list of windows, each with cron, duration and perhaps timeZone");
}

export type WindowSettings = v.InferOutput<ReturnType<typeof maintenanceField>>[number];

function isCronShape(text: string): boolean {
  // croner also accepts dates and years, but a window in the past would then prevent the next start.
  const words = text.trim().split(/\s+/);
  return text.length <= 200 && (words.length === 5 || words.length === 6 || /^@[a-z]+$/i.test(words[0]!));
}

function isTimeZone(value: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: value });
    return true;
  } catch {
    return false;
  }
}

/** Reports each window that croner cannot read or that never opens (the 30th of February). */
export async function checkWindows(windows: readonly WindowSettings[], path: string): Promise<Fault[]> {
  if (windows.length === 0) return [];
  const { Cron } = await import("croner");
  return windows.flatMap(({ cron, timeZone }, i) => {
    let found = show(cron);
    try {
      if (new Cron(cron, { paused: true, timezone: timeZone }).nextRun() !== null) return [];
      found = `${found}, which never opens`;
    } catch {
      // croner's own message may name the wrong field.
    }
    return [{ path: `${path}[${i}].cron`, found, accepted: CRON }];
  });
}

export function toWindow(settings: WindowSettings, service?: string): MaintenanceWindow {
  const { cron, duration: durationMs, timeZone } = settings;
  return { ...(service === undefined ? {} : { service }), cron, durationMs, timeZone };
}
