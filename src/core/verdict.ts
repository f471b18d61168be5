/** What one check means for one service: rise and fall thresholds, grace, recovery (HAProxy's `rise` and `fall`). */
import type { Draft } from "./draft.ts";
import { freshId, logged, note, tell, tellDown } from "./draft.ts";
import type { Incident, Verdict } from "./event.ts";
import { graceEndsAt } from "./grace.ts";
import { standingHold } from "./holds.ts";
import type { ServicePolicy } from "./policy.ts";
import type { Outage, ServiceState } from "./state.ts";
import { withStatus } from "./state.ts";
import { titles, words } from "./words.ts";

/** The service after a check. A service whose restart is under way is left alone. */
export function judge(
  draft: Draft,
  policy: ServicePolicy,
  service: ServiceState,
  verdict: Verdict,
  at: number,
): ServiceState {
  if (service.status === "restarting") return service;
  if (verdict.ok && isQuiet(service)) return stillHealthy(service, verdict.reason, at);
  const seen = { ...service, lastCheck: { at, ok: verdict.ok, reason: verdict.reason } };
  if (verdict.ok === null) return seen;
  // Since the tick's begin, not now: a container may have started between the check and its verdict.
  if (verdict.ok) return onPass(draft, policy, { ...seen, lastPassAt: at });
  return onFail(draft, policy, { ...seen, lastFailAt: at }, verdict.reason);
}

const isQuiet = ({ status, backoffLevel, budgetSpentAt, outage }: ServiceState) =>
  status === "healthy" && backoffLevel === 0 && budgetSpentAt === 0 && outage === null;

/** By far the most frequent verdict, of which thousands come at once: nothing but the check is new. */
function stillHealthy(service: ServiceState, reason: string, at: number): ServiceState {
  const successes = service.successes + 1;
  return {
    ...service,
    lastCheck: { at, ok: true, reason },
    lastPassAt: at,
    failures: 0,
    successes,
    graceUntilAt: 0,
  };
}

function onPass(draft: Draft, policy: ServicePolicy, service: ServiceState): ServiceState {
  const passed = {
    ...service,
    failures: 0,
    successes: service.successes + 1,
    graceUntilAt: 0,
  };
  if (service.status === "healthy") return forgetWhenStable(draft, policy, passed);
  const recovering = service.outage !== null || service.status === "verifying";
  if (recovering && passed.successes < policy.successThreshold) return passed;
  if (passed.outage !== null) closeOutage(draft, policy, passed, passed.outage);
  return withStatus({ ...passed, outage: null, hold: null, healthySinceAt: draft.now }, "healthy", draft.now);
}

/**
 * Backoff and budget are forgotten only after a stable time: on the first passed check, a flapping
 * service would never trip them (kubelet forgets after 10 min; docker-autoheal's forks get this wrong).
 */
function forgetWhenStable(draft: Draft, policy: ServicePolicy, service: ServiceState): ServiceState {
  if (service.backoffLevel === 0 && service.budgetSpentAt === 0) return service;
  if (draft.now - service.healthySinceAt < policy.stableMs) return service;
  note(draft, "info", policy.name, words.stable(policy));
  return { ...service, backoffLevel: 0, notBeforeAt: 0, budgetSpentAt: 0 };
}

function closeOutage(draft: Draft, policy: ServicePolicy, service: ServiceState, outage: Outage): void {
  const message = words.recovered(policy, outage, draft.now);
  const { log } = logged(draft, outage, message);
  draft.effects.push({ type: "incident", incident: incidentOf(draft, policy, { ...outage, log }, message) });
  if (outage.toldAt === 0 && isUntold(draft, policy, service, outage))
    note(draft, "info", policy.name, message);
  else tellRecovered(draft, policy, outage, message);
}

/** The end of an outage that nobody was told of is not told either, where its beginning was of no interest. */
function isUntold(draft: Draft, policy: ServicePolicy, service: ServiceState, outage: Outage): boolean {
  if (policy.action === "none") return true;
  if (outage.restarted !== "no") return false;
  const kind = standingHold(draft, policy, service)?.kind;
  return outage.silent === true || kind !== undefined || outage.failures < policy.recoveryAfter;
}

function tellRecovered(draft: Draft, policy: ServicePolicy, outage: Outage, message: string): void {
  tell(draft, policy.name, {
    type: "COMPONENT_RECOVERED",
    severity: "INFO",
    title: titles.recovered(policy),
    message,
    params: {
      component_name: policy.name,
      container_name: policy.container,
      action: outage.restarted === "yes" ? "restart" : "recovery",
      success: true,
      consecutive_failures: outage.failures,
      incident_id: outage.id,
      down_seconds: Math.round((draft.now - outage.startedAt) / 1000),
      ...(outage.hint === undefined ? {} : { hint: outage.hint }),
    },
  });
}

function incidentOf(draft: Draft, policy: ServicePolicy, outage: Outage, outcome: string): Incident {
  const { id, startedAt, firstReason, restarts, cause, hint, log } = outage;
  return {
    id,
    service: policy.name,
    displayName: policy.displayName,
    container: policy.container,
    startedAt,
    endedAt: draft.now,
    durationMs: draft.now - startedAt,
    firstReason,
    outcome,
    restarts,
    ...(cause === undefined ? {} : { cause }),
    ...(hint === undefined ? {} : { hint }),
    log,
  };
}

function onFail(draft: Draft, policy: ServicePolicy, service: ServiceState, reason: string): ServiceState {
  const graceMs = graceEndsAt(policy, service) - draft.now;
  if (graceMs > 0) {
    note(draft, "info", policy.name, words.inGrace(policy, graceMs, reason));
    return service;
  }
  const failures = service.failures + 1;
  const outage = service.outage ?? openOutage(draft, reason);
  const failed: ServiceState = {
    ...service,
    failures,
    successes: 0,
    healthySinceAt: 0,
    outage: outage.restarts === 0 ? { ...outage, failures: Math.max(outage.failures, failures) } : outage,
  };
  if (failures < policy.failureThreshold) {
    const inDoubt = service.status === "verifying" || service.status === "down";
    return inDoubt ? failed : withStatus(failed, "failing", draft.now);
  }
  if (service.status === "verifying" && failed.outage!.restarts > 0) {
    return withStatus(tellUnhelped(draft, policy, failed, reason), "down", draft.now);
  }
  return withStatus(failed, "down", draft.now);
}

function openOutage(draft: Draft, reason: string): Outage {
  return {
    id: freshId(draft, "inc"),
    startedAt: draft.now,
    failures: 0,
    firstReason: reason,
    restarts: 0,
    restarted: "no",
    toldAt: 0,
    remindedAt: 0,
    log: [{ at: draft.now, text: words.firstFailure(reason) }],
  };
}

function tellUnhelped(
  draft: Draft,
  policy: ServicePolicy,
  service: ServiceState,
  reason: string,
): ServiceState {
  const seen = service.outage!.restarted === "yes";
  const message = (seen ? words.restartDidNotHelp : words.restartNotSeen)(policy, service, reason);
  return { ...service, outage: tellDown(draft, policy, service.outage!, "restart", message) };
}
