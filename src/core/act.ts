/** What is done about a service that is down: held, told, restarted; and what came of a restart. */
import { backoffMs } from "./backoff.ts";
import { followers, rootCause } from "./dependencies.ts";
import type { Draft } from "./draft.ts";
import { freshId, logged, note, sendDown, tell, tellDown } from "./draft.ts";
import type { Outcome } from "./event.ts";
import type { HoldNow } from "./holds.ts";
import { budgetHold, holdNow, standingHold, TOLD_HOLDS, unseenHold } from "./holds.ts";
import type { ServicePolicy } from "./policy.ts";
import type { Outage, RestartRecord, ServiceState } from "./state.ts";
import { withStatus } from "./state.ts";
import { titles, words } from "./words.ts";

/** A restart whose end nobody saw may still be under way at the engine: no other is begun for this long. */
const UNSEEN_RESTART_MS = 60_000;
/** Nor is it said to have failed before it had the time to stop (Docker's 10 s) and to start. */
const UNSEEN_GRACE_MS = 30_000;

/** What is done about a service that has just failed a check. */
export function act(
  draft: Draft,
  policy: ServicePolicy,
  service: ServiceState,
  reason: string,
): ServiceState {
  if (service.status !== "down" || service.failures < policy.failureThreshold) return service;
  const reminded = remind(draft, policy, service, reason);
  const outage = reminded.outage!;
  if (policy.action === "none" || outage.stopped) return reminded;
  if (policy.container === "" || policy.action === "notify") {
    const hold = standingHold(draft, policy, reminded) ?? dependencyHold(draft, policy, reminded);
    if (hold !== null) return held(draft, policy, reminded, hold, reason);
    if (outage.toldAt > 0) return { ...reminded, hold: null };
    const message = words.nothingToRestart(policy, reminded, reason, draft.now);
    return { ...reminded, hold: null, outage: tellDown(draft, policy, outage, "none", message) };
  }
  const hold = holdNow(draft, policy, reminded);
  if (hold !== null) return held(draft, policy, reminded, hold, reason);
  if (reminded.hold?.kind === "dependency") return released(draft, policy, reminded);
  const text = words.restartOrdered(policy, reminded, reason, draft.now);
  const ordered = order(draft, policy, reminded, text, "");
  return {
    ...ordered,
    outage: { ...ordered.outage!, restarts: outage.restarts + 1, failures: service.failures },
  };
}

/** With nothing to restart, only the silence of the rule matters: the cause is told, not what follows from it. */
function dependencyHold(draft: Draft, policy: ServicePolicy, service: ServiceState): HoldNow | null {
  const hold = holdNow(draft, policy, service);
  return hold?.kind === "dependency" ? hold : null;
}

/** Its cause is healed: it gets the time of a threshold to come back by itself before its turn comes. */
function released(draft: Draft, policy: ServicePolicy, service: ServiceState): ServiceState {
  note(draft, "info", policy.name, words.released(policy));
  return { ...service, failures: 0, hold: null };
}

function remind(draft: Draft, policy: ServicePolicy, service: ServiceState, reason: string): ServiceState {
  const outage = service.outage!;
  if (policy.remindEveryMs === undefined || outage.toldAt === 0) return service;
  if (draft.now - outage.remindedAt < policy.remindEveryMs) return service;
  sendDown(draft, policy, outage, "none", words.stillDown(policy, outage, reason, draft.now));
  return { ...service, outage: { ...outage, remindedAt: draft.now } };
}

function held(
  draft: Draft,
  policy: ServicePolicy,
  service: ServiceState,
  hold: HoldNow,
  reason: string,
): ServiceState {
  const fresh = service.hold?.kind !== hold.kind;
  const told = TOLD_HOLDS.has(hold.kind);
  const outage = fresh ? logged(draft, service.outage!, hold.reason) : service.outage!;
  const cause = hold.kind === "dependency" ? rootCause(draft, policy.name) : undefined;
  const next: ServiceState = {
    ...service,
    hold: { ...hold, sinceAt: fresh ? draft.now : service.hold!.sinceAt },
    budgetSpentAt: hold.kind === "budget" ? service.budgetSpentAt || draft.now : service.budgetSpentAt,
    outage: {
      ...outage,
      ...(cause === undefined ? {} : { cause }),
      ...(told ? {} : { silent: true as const }),
    },
  };
  if (told && outage.toldAt === 0) {
    const message = words.downAndHeld(policy, next, hold.reason, reason, draft.now);
    return { ...next, outage: tellDown(draft, policy, next.outage!, "none", message) };
  }
  if (fresh && hold.kind === "budget") tellGaveUp(draft, policy, next);
  else if (fresh) note(draft, "info", policy.name, `${policy.displayName}: ${hold.reason}`);
  return next;
}

function tellGaveUp(draft: Draft, policy: ServicePolicy, service: ServiceState): void {
  tell(draft, policy.name, {
    type: "WATCHDOG_FAILURE",
    severity: "CRITICAL",
    title: titles.gaveUp(policy),
    message: words.gaveUp(policy),
    params: {
      component_name: policy.name,
      container_name: policy.container,
      action: "restart",
      success: false,
      consecutive_failures: service.failures,
      incident_id: service.outage!.id,
      ...(service.outage!.hint === undefined ? {} : { hint: service.outage!.hint }),
    },
  });
}

/** Writes a restart down; the runner makes it once that is saved. `along`: the service that it follows. */
export function order(
  draft: Draft,
  policy: ServicePolicy,
  service: ServiceState,
  text: string,
  along: string,
): ServiceState {
  const id = freshId(draft, "rst");
  const action = policy.action === "stop" && along === "" ? "stop" : "restart";
  const incident = service.outage?.id ?? draft.services[along]?.outage?.id ?? "";
  draft.effects.push({
    type: "restart",
    order: { id, service: policy.name, incident, action, reason: text },
  });
  note(draft, "warn", policy.name, text);
  const record: RestartRecord = { at: draft.now, outcome: "pending", reason: text };
  const ordered: ServiceState = {
    ...service,
    restart: { id, orderedAt: draft.now, action, along, reason: text, failures: service.failures },
    restarts: [...service.restarts, record].slice(-Math.max(policy.budget?.restarts ?? 0, 5)),
    backoffLevel: service.backoffLevel + 1,
    outage: service.outage && followed(logged(draft, service.outage, text), along),
    hold: null,
  };
  return withStatus(ordered, "restarting", draft.now);
}

/** An outage that ends by another service's restart is that one's news. */
function followed(outage: Outage, along: string): Outage {
  return along === "" ? outage : { ...outage, cause: outage.cause ?? along, silent: true };
}

/** What the end of a restart means: verified by the next checks, or failed and told. */
export function settle(
  draft: Draft,
  policy: ServicePolicy,
  service: ServiceState,
  end: Outcome,
): ServiceState {
  const intent = service.restart;
  if (intent === null) return service;
  const backoff = backoffMs(policy.backoff, service.backoffLevel, `${draft.id}${policy.name}`);
  const waitMs = end.outcome === "unknown" ? Math.max(backoff, UNSEEN_RESTART_MS) : backoff;
  const outage = service.outage && withEnd(draft, service.outage, end);
  const settled: ServiceState = {
    ...service,
    restart: null,
    restarts: [
      ...service.restarts.slice(0, -1),
      { ...service.restarts.at(-1)!, outcome: end.outcome, reason: end.reason },
    ],
    notBeforeAt: draft.now + waitMs,
    outage,
  };
  if (end.outcome === "failed")
    return onFailedRestart(draft, policy, settled, intent.action, intent.along, end);
  if (intent.action === "stop") {
    const told =
      outage && tellDown(draft, policy, outage, "stop", words.stopped(policy, service, end.reason));
    return withStatus({ ...settled, outage: told && { ...told, stopped: true } }, "down", draft.now);
  }
  note(draft, "info", policy.name, words.verifying(policy, end.reason));
  return withStatus(
    {
      ...settled,
      failures: 0,
      successes: 0,
      healthySinceAt: 0,
      graceUntilAt: draft.now + graceMs(policy, service, end),
      outage: outage && intent.along === "" ? { ...outage, restarted: seenRestart(outage, end) } : outage,
    },
    "verifying",
    draft.now,
  );
}

function graceMs(policy: ServicePolicy, service: ServiceState, end: Outcome): number {
  const startPeriodMs = policy.startPeriodMs ?? service.container?.startPeriodMs ?? 0;
  return end.outcome === "unknown" ? Math.max(startPeriodMs, UNSEEN_GRACE_MS) : startPeriodMs;
}

function withEnd(draft: Draft, outage: Outage, end: Outcome): Outage {
  const noted = logged(draft, outage, `${end.outcome}: ${end.reason}`);
  return end.hint === undefined ? noted : { ...noted, hint: end.hint };
}

function seenRestart(outage: Outage, end: Outcome): Outage["restarted"] {
  return end.outcome === "restarted" || outage.restarted === "yes" ? "yes" : "unknown";
}

/** One made along with another, of a service without an outage, leaves it to the checks to find one. */
function onFailedRestart(
  draft: Draft,
  policy: ServicePolicy,
  service: ServiceState,
  action: string,
  along: string,
  end: Outcome,
): ServiceState {
  const message = words.restartFailed(policy, action, end.reason);
  if (service.outage === null || (along !== "" && service.outage.silent)) {
    note(draft, "warn", policy.name, message);
    return withStatus({ ...service, failures: 0, successes: 0 }, "verifying", draft.now);
  }
  return withStatus(
    { ...service, outage: tellDown(draft, policy, service.outage, action, message) },
    "down",
    draft.now,
  );
}

/** Restarts what must be restarted after `parent`'s container was, even if it looks well. */
export function restartFollowers(draft: Draft, parent: ServicePolicy, first: boolean): void {
  for (const name of followers(draft, parent.name, first)) {
    const policy = draft.policies.get(name)!;
    const service = draft.services[name];
    if (service === undefined || service.restart !== null || policy.container === "") continue;
    const hold =
      standingHold(draft, policy, service) ??
      unseenHold(draft, service) ??
      budgetHold(draft, policy, service);
    const why = hold?.reason ?? (policy.dryRun ? words.holdDryRun(policy) : undefined);
    if (why !== undefined) note(draft, "warn", name, words.notAlong(policy, parent, why));
    else
      draft.services[name] = order(draft, policy, service, words.restartAlong(policy, parent), parent.name);
  }
}
