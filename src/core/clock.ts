import type { WatchdogState } from "./state.ts";

const isTime = (key: string) => key === "at" || key.endsWith("At");

/**
 * The state with every time in it moved by `deltaMs`: what is to be done when the wall clock was set,
 * or stood still with the machine. Waits go on where they were; a day's jump forgets no budget, an
 * hour back prolongs no hold. A person's pause ends when the clock on the wall says so.
 */
export function shiftTimes(state: WatchdogState, deltaMs: number): WatchdogState {
  const { pause, ...rest } = state;
  const shifted = shift(rest, deltaMs) as Omit<WatchdogState, "pause">;
  return { ...shifted, pause };
}

function shift(value: unknown, deltaMs: number): unknown {
  if (Array.isArray(value)) return value.map((one) => shift(one, deltaMs));
  if (typeof value !== "object" || value === null) return value;
  const moved: Record<string, unknown> = {};
  for (const [key, one] of Object.entries(value)) {
    if (isTime(key) && typeof one === "number") moved[key] = one === 0 ? 0 : one + deltaMs;
    else moved[key] = key === "pause" || key === "alert" ? one : shift(one, deltaMs);
  }
  return moved;
}
