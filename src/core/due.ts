import type { Policies, ServicePolicy } from "./policy.ts";
import { draw } from "./seeded-random.ts";
import type { LastTick, ServiceState, WatchdogState } from "./state.ts";

/** A tick that comes a little early still counts: by a tenth of the interval, at most 1 s. */
function toleranceMs(intervalMs: number): number {
  return Math.min(1000, intervalMs / 10);
}

function intervalNowMs(policy: ServicePolicy, service: ServiceState): number {
  const inDoubt = service.status !== "healthy" && service.status !== "unknown";
  return inDoubt ? (policy.fastIntervalMs ?? policy.intervalMs) : policy.intervalMs;
}

/**
 * When the service may be checked next. A scheduler that ticks too often must not turn 3 failures in 45 s into 3 in
 * 50 ms. A clock that was set back must not delay the next check by as much.
 */
function dueAt(
  policy: ServicePolicy,
  service: ServiceState | undefined,
  now: number,
  spread: boolean,
): number {
  if (service?.lastCheck == null) {
    // Otherwise a thousand services would be checked at the same moment in every interval.
    return spread && service ? Math.min(service.addedAt, now) + draw(policy.name) * policy.intervalMs : 0;
  }
  const intervalMs = intervalNowMs(policy, service);
  const lastAt = Math.min(service.lastCheck.at, now);
  return lastAt + intervalMs - toleranceMs(intervalMs);
}

/** With this many services or more, the first checks are spread over the first interval. */
export const SPREAD_FROM = 100;

/** The services to check now: their interval has passed, and they are not being restarted. */
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

const KEPT_GAPS = 5;

/** The last gaps between ticks, with the one before `startedAt`: they show the pace of the scheduler. */
export function gapsBefore(lastTick: LastTick | null, startedAt: number): number[] {
  if (lastTick === null) return [];
  const gapMs = Math.max(0, startedAt - lastTick.startedAt);
  return [...(lastTick.gapsMs ?? []), gapMs].slice(-KEPT_GAPS);
}
