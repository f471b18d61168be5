/** Moves the times in the state along with the wall clock. */
import { record } from "./record.ts";
import type { WatchdogState } from "./state.ts";
import { isEach, stateTimes, TIME, type Times } from "./times.ts";

const { pause: _, ...watchdog } = stateTimes;
const { pause: __, ...service } = stateTimes.services[0];
const { pause: ___, ...remembered } = stateTimes.absent[0];
const movingTimes = { ...watchdog, services: [service], absent: [remembered] } as const satisfies Times;

/**
 * Moves every time in the state by `deltaMs`, after the wall clock was set, or the machine slept. All waits then go on
 * as they were: a jump of a day resets no budget, and an hour back prolongs no hold. A person's pause is not moved: it
 * ends by the clock on the wall.
 */
export function shiftTimes(state: WatchdogState, deltaMs: number): WatchdogState {
  return moved(state, movingTimes, deltaMs) as WatchdogState;
}

/** A copy with its times moved. 0 means "never", and stays 0. */
function moved(value: unknown, times: Times, deltaMs: number): unknown {
  if (times === TIME) return typeof value === "number" && value !== 0 ? value + deltaMs : value;
  if (typeof value !== "object" || value === null) return value;
  if (isEach(times)) {
    if (Array.isArray(value)) return value.map((one) => moved(one, times[0], deltaMs));
    const copy = record(value as Record<string, unknown>);
    for (const key of Object.keys(copy)) copy[key] = moved(copy[key], times[0], deltaMs);
    return copy;
  }
  const copy = { ...value } as Record<string, unknown>;
  for (const [field, inner] of Object.entries(times)) {
    if (Object.hasOwn(copy, field)) copy[field] = moved(copy[field], inner, deltaMs);
  }
  return copy;
}
