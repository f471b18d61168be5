/** What to do about a service that has just failed a check: hold it, tell people, or restart it. */
import { tellDown, tellGaveUp, tellStillDown } from "./alerting.ts";
import type { Draft } from "./context.ts";
import { logged, note } from "./context.ts";
import type { Holding } from "./holds.ts";
import { endsAfresh, holdNow, isSameHold, silentHold } from "./holds.ts";
import type { ServicePolicy } from "./policy.ts";
import { order } from "./restart.ts";
import type { Hold, ServiceIn, ServiceState } from "./state.ts";
import { words } from "./words.ts";

export function decide(
  draft: Draft,
  policy: ServicePolicy,
  service: ServiceState,
  reason: string,
): ServiceState {
  if (service.status !== "down" || service.failures < policy.failureThreshold) return service;
  const reminded = remind(draft, policy, service, reason);
  const { outage } = reminded;
  if (policy.action === "none" && reminded.statusSinceAt === draft.now) {
    note(draft, "info", policy.name, words.nothingToRestart(policy, reminded, reason, draft.now), "hold");
  }
  if (policy.action === "none" || outage.stopped) return reminded;
  if (policy.container === "" || policy.action === "notify") {
    // Nothing to restart: only holds that mute alerts apply, not budget or backoff.
    const hold = silentHold(draft, policy, reminded);
    if (hold !== null) return held(draft, policy, reminded, hold, reason);
    if (outage.toldAt > 0) return { ...reminded, hold: null };
    const message = words.nothingToRestart(policy, reminded, reason, draft.now);
    return { ...reminded, hold: null, outage: tellDown(draft, policy, outage, "none", message) };
  }
  const hold = holdNow(draft, policy, reminded);
  if (hold !== null) return held(draft, policy, reminded, hold, reason);
  const last = reminded.hold;
  if (last !== null && endsAfresh(last, reminded)) return released(draft, policy, reminded, last);
  const text = words.restartOrdered(policy, reminded, reason, draft.now);
  return order(draft, policy, reminded, text);
}

type Down = ServiceIn<"down">;

function released(draft: Draft, policy: ServicePolicy, service: Down, last: Hold): Down {
  note(draft, "info", policy.name, words.released(policy, last.kind));
  return { ...service, failures: 0, hold: null };
}

function remind(draft: Draft, policy: ServicePolicy, service: Down, reason: string): Down {
  const { outage } = service;
  if (policy.remindEveryMs === undefined || outage.toldAt === 0) return service;
  if (draft.now - outage.remindedAt < policy.remindEveryMs) return service;
  return { ...service, outage: tellStillDown(draft, policy, outage, reason) };
}

function held(draft: Draft, policy: ServicePolicy, service: Down, holding: Holding, reason: string): Down {
  const { rule, cause, ...found } = holding;
  const before = service.hold;
  const same = isSameHold(before, holding);
  const next: Down = {
    ...service,
    hold: { kind: rule.kind, ...found, sinceAt: same ? before.sinceAt : draft.now },
    budgetSpentAt: rule.givesUp ? service.budgetSpentAt || draft.now : service.budgetSpentAt,
    outage: {
      ...(same ? service.outage : logged(draft, service.outage, found.reason)),
      ...(cause === undefined ? {} : { cause }),
      ...(rule.told ? {} : { silent: true as const }),
    },
  };
  if (rule.told && next.outage.toldAt === 0) {
    const message = words.downAndHeld(policy, next, found.reason, reason, draft.now);
    return { ...next, outage: tellDown(draft, policy, next.outage, "none", message) };
  }
  if (!same && rule.givesUp) tellGaveUp(draft, policy, next.outage, next.failures, found.reason);
  else if (!same) note(draft, "info", policy.name, words.held(policy, found.reason), "hold");
  return next;
}
