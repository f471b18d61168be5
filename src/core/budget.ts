import type { Budget } from "./policy.ts";
import type { RestartRecord } from "./state.ts";

/** Restarts that still count, a failed or unknown one as much as a good one. */
export function restartsInWindow(restarts: readonly RestartRecord[], windowMs: number, now: number): number {
  return restarts.filter((restart) => restart.at > now - windowMs).length;
}

/** How many restarts are left now; `Infinity` without a budget. */
export function budgetLeft(budget: Budget | null, restarts: readonly RestartRecord[], now: number): number {
  if (budget === null) return Number.POSITIVE_INFINITY;
  return Math.max(0, budget.restarts - restartsInWindow(restarts, budget.windowMs, now));
}
