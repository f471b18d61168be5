/** Why a service is being restarted, or is not: in one sentence, and in parts for programs. */
import { budgetLeft, restartsInWindow } from "./holds.ts";
import type { ServicePolicy } from "./policy.ts";
import type { ServiceState } from "./state.ts";
import { words } from "./words.ts";

export interface Explanation {
  /** The whole explanation, for people. */
  why: string;
  /** When it may be restarted next, ms since the epoch; `null` if that depends on something that `why` names. */
  nextRestartAt: number | null;
  /** How many restarts the budget allows now; `null` without a budget. */
  budgetLeft: number | null;
  restartsInWindow: number;
}

export function explain(policy: ServicePolicy, service: ServiceState, now: number): Explanation {
  const windowMs = policy.budget?.windowMs ?? policy.stableMs;
  return {
    why: sentence(policy, service, now),
    nextRestartAt: nextRestartAt(policy, service, now),
    budgetLeft:
      policy.budget === null ? null : service.budgetSpentAt > 0 ? 0 : budgetLeft(policy.budget, service, now),
    restartsInWindow: restartsInWindow(service, windowMs, now),
  };
}

function sentence(policy: ServicePolicy, service: ServiceState, now: number): string {
  const reason = service.lastCheck?.reason ?? "";
  switch (service.status) {
    case "unknown":
      return words.whyUnknown(policy, reason);
    case "healthy":
      return words.whyHealthy(policy, service, now);
    case "failing":
      return words.whyFailing(policy, service, reason);
    case "restarting":
      return words.whyRestarting(policy, service.restart, now);
    case "verifying":
      return words.whyVerifying(policy, service, reason, now);
    case "down":
      return words.whyDown(policy, service, reason, now);
  }
}

function nextRestartAt(policy: ServicePolicy, service: ServiceState, now: number): number | null {
  const { hold, status } = service;
  if (status === "restarting" || policy.container === "") return null;
  if (policy.action === "notify" || policy.action === "none" || service.outage?.stopped) return null;
  if (hold !== null) return hold.untilAt ?? null;
  return Math.max(now, service.notBeforeAt);
}
