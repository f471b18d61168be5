import type { Budget } from "./policy.ts";
import type { ServiceState } from "./state.ts";

/** Restarts that still count, a failed or unknown one as much as a good one. */
export function restartsInWindow(
  service: Pick<ServiceState, "restarts" | "budgetFromAt">,
  windowMs: number,
  now: number,
): number {
  const { restarts, budgetFromAt } = service;
  return restarts.filter(({ at }) => at > now - windowMs && at >= budgetFromAt).length;
}

/** How many restarts are left now; `Infinity` without a budget. */
export function budgetLeft(
  budget: Budget | null,
  service: Pick<ServiceState, "restarts" | "budgetFromAt">,
  now: number,
): number {
  if (budget === null) return Number.POSITIVE_INFINITY;
  return Math.max(0, budget.restarts - restartsInWindow(service, budget.windowMs, now));
}
