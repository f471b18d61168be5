/** What one check means for one service: thresholds (HAProxy's `rise` and `fall`), grace and recovery. */
import { tellDown, tellRecovered } from "./alerting.ts";
import type { Draft } from "./context.ts";
import { freshId, logged, note } from "./context.ts";
import type { Incident, Verdict } from "./event.ts";
import { standingHold } from "./holds.ts";
import type { ServicePolicy } from "./policy.ts";
import type { LastCheck, Outage, ServiceIn, ServiceState } from "./state.ts";
import { enter, outOfReach } from "./state.ts";
import { worded, words } from "./words.ts";

/** No restart of the service is under way. */
type Watched = Exclude<ServiceState, ServiceIn<"restarting">>;

/** The service after a check. While its restart is under way, checks mean nothing. */
export function judge(
  draft: Draft,
  policy: ServicePolicy,
  service: ServiceState,
  verdict: Verdict,
  at: number,
): ServiceState {
  if (service.status === "restarting") return service;
  if (verdict.ok && isQuiet(service)) return stillHealthy(service, verdict.reason, at);
  const reason = worded(verdict.reason);
  const { blocked, ...made } = verdict;
  const lastCheck = { at, ...made, reason };
  if (verdict.ok === null) return notChecked(service, lastCheck, blocked);
  const seen = { ...service, lastCheck };
  // The time of the tick's start, not now: a container may have started between the check and its verdict.
  if (verdict.ok) return onPass(draft, policy, { ...seen, lastPassAt: at }, reason);
  return onFail(draft, policy, { ...seen, lastFailAt: at }, reason);
}

/** A check that could not be made says nothing new: the fault of the last one stays. */
function notChecked(service: Watched, lastCheck: LastCheck, isBlocked = false): ServiceState {
  const { blocked = 0, ...before } = service.lastCheck ?? {};
  const inARow = isBlocked ? { blocked: blocked + 1 } : {};
  return { ...service, lastCheck: { ...before, ...lastCheck, ...inARow } };
}

const isQuiet = ({ status, backoffLevel, budgetSpentAt, outage }: ServiceState) =>
  status === "healthy" && backoffLevel === 0 && budgetSpentAt === 0 && outage === null;

/** The fast path for the most frequent verdict, of which thousands come at once: only the check is new. */
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

function onPass(draft: Draft, policy: ServicePolicy, service: Watched, reason: string): ServiceState {
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
  else note(draft, "info", policy.name, words.firstPassed(policy, reason), "healthy");
  const healed = { ...passed, hold: null, healthySinceAt: draft.now };
  return enter(healed, { status: "healthy", outage: null, restart: null }, draft.now);
}

/**
 * Backoff and budget are reset only after a stable time. If the first passed check did it, a flapping service would
 * never reach a limit. Source: kubelet, which resets after 10 min.
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
    note(draft, "info", policy.name, message, "healthy");
  else tellRecovered(draft, policy, outage, message);
}

/** Suppress the recovery alert when the outage was muted or shorter than `recoveryAfter`. */
function isUntold(draft: Draft, policy: ServicePolicy, service: ServiceState, outage: Outage): boolean {
  if (policy.action === "none") return true;
  if (outage.restarted !== "no") return false;
  const muted = outage.silent === true || standingHold(draft, policy, service) !== null;
  return muted || outage.failures < policy.recoveryAfter;
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

function onFail(draft: Draft, policy: ServicePolicy, service: Watched, reason: string): ServiceState {
  const graceMs = graceEndsAt(policy, service) - draft.now;
  if (graceMs > 0) {
    note(draft, "info", policy.name, words.inGrace(policy, graceMs, reason), "grace");
    return service;
  }
  const failures = service.failures + 1;
  const afterRestart = service.status === "verifying";
  const known = service.outage ?? openOutage(draft, reason, afterRestart);
  // While the container starts again, its failures are expected: the outage keeps the reason from before.
  const isExpected = afterRestart && failures < policy.failureThreshold;
  const outage = withFailure(known, failures, isExpected ? known.lastReason : reason);
  const failed = { ...service, failures, successes: 0, healthySinceAt: 0 };
  if (failures < policy.failureThreshold) {
    if (service.outage === null)
      note(draft, "info", policy.name, words.firstFailed(policy, reason), "failing");
    const status = afterRestart || service.status === "down" ? service.status : "failing";
    return enter(failed, { status, outage, restart: null }, draft.now);
  }
  const unhelped = afterRestart && outage.restarted !== "no" && outOfReach(failed) === undefined;
  const told = unhelped ? tellUnhelped(draft, policy, outage, failures, reason) : outage;
  return enter(failed, { status: "down", outage: told, restart: null }, draft.now);
}

/** Failures count up to the first restart: people are told how many led to it. */
function withFailure(outage: Outage, failures: number, lastReason: string): Outage {
  if (outage.restarts > 0) return { ...outage, lastReason };
  return { ...outage, lastReason, failures: Math.max(outage.failures, failures) };
}

/**
 * Failures before this time do not count: it is the start period after the container's start, no matter who started
 * it. The first passed check since then ends it. Source: Docker's HEALTHCHECK, kubelet's startupProbe.
 */
function graceEndsAt(policy: ServicePolicy, service: ServiceState): number {
  const { container } = service;
  const periodMs = policy.startPeriodMs ?? container?.startPeriodMs ?? 0;
  const startedAt = container?.startedAt ?? 0;
  const sinceStart = startedAt > 0 && service.lastPassAt < startedAt ? startedAt + periodMs : 0;
  return Math.max(sinceStart, service.graceUntilAt);
}

/** Failures right after the restart of a healthy service are expected: this outage is told only if it lasts. */
function openOutage(draft: Draft, reason: string, afterRestart: boolean): Outage {
  return {
    id: freshId(draft, "inc"),
    startedAt: draft.now,
    failures: 0,
    firstReason: reason,
    lastReason: reason,
    restarts: 0,
    restarted: "no",
    toldAt: 0,
    toldAs: "",
    remindedAt: 0,
    ...(afterRestart ? { silent: true as const } : {}),
    log: [{ at: draft.now, text: words.firstFailure(reason) }],
  };
}

function tellUnhelped(
  draft: Draft,
  policy: ServicePolicy,
  outage: Outage,
  failures: number,
  reason: string,
): Outage {
  const sentence = outage.restarted === "yes" ? words.restartDidNotHelp : words.restartNotSeen;
  return tellDown(draft, policy, outage, "restart", sentence(policy, failures, reason));
}
