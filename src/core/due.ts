import { draw } from "./draw.ts";
import type { Policies, ServicePolicy } from "./policy.ts";
import type { ServiceState, WatchdogState } from "./state.ts";

/** A scheduler that comes a little early is not sent away: a tenth of the interval, at most 1 s. */
function toleranceMs(intervalMs: number): number {
  return Math.min(1000, intervalMs / 10);
}

export function intervalNowMs(policy: ServicePolicy, service: ServiceState): number {
  const inDoubt = service.status !== "healthy" && service.status !== "unknown";
  return inDoubt ? (policy.fastIntervalMs ?? policy.intervalMs) : policy.intervalMs;
}

/**
 * When the service may be checked next. An impatient scheduler must not turn 3 failures in 45 s
 * into 3 in 50 ms; and a clock that was set back must not put the next check off for as long.
 */
export function dueAt(
  policy: ServicePolicy,
  service: ServiceState | undefined,
  now: number,
  spread: boolean,
): number {
  if (service?.lastCheck == null) {
    // A thousand services must not be asked in the same instant for ever after.
    return spread && service ? Math.min(service.addedAt, now) + draw(policy.name) * policy.intervalMs : 0;
  }
  const intervalMs = intervalNowMs(policy, service);
  const lastAt = Math.min(service.lastCheck.at, now);
  return lastAt + intervalMs - toleranceMs(intervalMs);
}

/** From how many services on the first checks are spread over the first interval. */
export const SPREAD_FROM = 100;

/** The services to check now: their interval has passed, and no restart of theirs is under way. */
export function dueServices(state: WatchdogState, policies: Policies, now: number, spread = false): string[] {
  const due: string[] = [];
  for (const [name, policy] of policies) {
    const service = state.services[name];
    if (service?.status === "restarting") continue;
    if (dueAt(policy, service, now, spread) <= now) due.push(name);
  }
  return due;
}

/** ms until a service is due; 0 when one is. */
export function nextDueInMs(state: WatchdogState, policies: Policies, now: number, spread = false): number {
  let next = Number.POSITIVE_INFINITY;
  for (const [name, policy] of policies) {
    const service = state.services[name];
    if (service?.status !== "restarting") next = Math.min(next, dueAt(policy, service, now, spread));
  }
  return Number.isFinite(next) ? Math.max(0, Math.ceil(next - now)) : 0;
}
