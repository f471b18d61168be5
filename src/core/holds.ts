/** Why a service that is down may not be restarted now: the first rule that applies, in this order. */
import { budgetLeft } from "./budget.ts";
import { rootCause } from "./dependencies.ts";
import type { Draft } from "./draft.ts";
import type { ServicePolicy } from "./policy.ts";
import type { Hold, HoldKind, Pause, ServiceState } from "./state.ts";
import { words } from "./words.ts";

export type HoldNow = Omit<Hold, "sinceAt">;

/** Holds under which no restart comes soon, so that people are told at once. The others are silent. */
export const TOLD_HOLDS: ReadonlySet<HoldKind> = new Set(["backoff", "budget", "dry-run"]);

/** What people asked for, and what would do harm: it also holds a restart made along with another. */
export function standingHold(draft: Draft, policy: ServicePolicy, service: ServiceState): HoldNow | null {
  const pause = activePause(service.pause, draft.now) ?? activePause(draft.pause, draft.now);
  if (pause) return { kind: "paused", reason: words.holdPaused(pause), ...until(pause.untilAt) };
  const windowUntilAt = draft.maintenance[policy.name];
  if (windowUntilAt !== undefined) {
    return { kind: "maintenance", reason: words.holdMaintenance(windowUntilAt), untilAt: windowUntilAt };
  }
  if (policy.respectManualStop && draft.around.late) {
    return { kind: "paused", reason: words.holdUnseen(policy), untilAt: draft.now + policy.intervalMs };
  }
  const byHand = policy.respectManualStop ? service.container?.stoppedByHand : undefined;
  if (byHand !== undefined) return { kind: "paused", reason: words.holdByHand(policy, byHand) };
  if (draft.brake !== null) return { kind: "brake", reason: words.holdBrake(draft.brake) };
  return null;
}

/** `null` when the service may be restarted now. */
export function holdNow(draft: Draft, policy: ServicePolicy, service: ServiceState): HoldNow | null {
  const standing = standingHold(draft, policy, service);
  if (standing !== null && standing.kind !== "brake") return standing;
  const cause = rootCause(draft, policy.name);
  if (cause !== undefined) {
    const reason = words.holdDependency(draft.policies.get(cause)!, draft.services[cause]!, draft.now);
    return { kind: "dependency", reason };
  }
  return standing ?? budgetHold(draft, policy, service) ?? backoffHold(draft, service) ?? dryRunHold(policy);
}

export function budgetHold(draft: Draft, policy: ServicePolicy, service: ServiceState): HoldNow | null {
  const spent = service.budgetSpentAt > 0 || budgetLeft(policy.budget, service, draft.now) === 0;
  return spent ? { kind: "budget", reason: words.holdBudget(policy) } : null;
}

/** A restart whose end nobody saw may still be under way: a second one must not be begun beside it. */
export function unseenHold(draft: Draft, service: ServiceState): HoldNow | null {
  return service.restarts.at(-1)?.outcome === "unknown" ? backoffHold(draft, service) : null;
}

function backoffHold(draft: Draft, service: ServiceState): HoldNow | null {
  if (draft.now >= service.notBeforeAt) return null;
  const reason = words.holdBackoff(service.notBeforeAt - draft.now, service.backoffLevel);
  return { kind: "backoff", reason, untilAt: service.notBeforeAt };
}

function dryRunHold(policy: ServicePolicy): HoldNow | null {
  return policy.dryRun ? { kind: "dry-run", reason: words.holdDryRun(policy) } : null;
}

export function activePause(pause: Pause | null, now: number): Pause | null {
  return pause !== null && (pause.untilAt === undefined || pause.untilAt > now) ? pause : null;
}

const until = (untilAt: number | undefined) => (untilAt === undefined ? {} : { untilAt });
