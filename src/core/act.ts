/** Whether a service that is down is restarted now, and if not, why and until when. */
import { backoffMs } from "./backoff.ts";
import { budgetLeft } from "./budget.ts";
import type { Draft } from "./draft.ts";
import { freshId, note, sendDown, tell, tellDown } from "./draft.ts";
import type { Outcome } from "./event.ts";
import type { ServicePolicy } from "./policy.ts";
import type { Hold, HoldKind, RestartRecord, ServiceState } from "./state.ts";
import { withStatus } from "./state.ts";
import { titles, words } from "./words.ts";

/** Holds under which no restart comes soon, so that people are told at once. The others are silent. */
const TOLD_HOLDS: ReadonlySet<HoldKind> = new Set(["backoff", "budget", "dry-run"]);

/** A restart whose end nobody saw may still be under way at the engine: no other is begun for this long. */
const UNSEEN_RESTART_MS = 60_000;

/** What is done about a service that has just failed a check. */
export function act(
  draft: Draft,
  policy: ServicePolicy,
  service: ServiceState,
  reason: string,
): ServiceState {
  if (service.status !== "down" || service.failures < policy.failureThreshold) return service;
  const reminded = remind(draft, policy, service, reason);
  if (policy.action === "none" || reminded.outage!.stopped) return reminded;
  if (policy.container === "" || policy.action === "notify") {
    if (reminded.outage!.toldAt > 0) return reminded;
    const message = words.nothingToRestart(policy, reminded, reason, draft.now);
    return { ...reminded, outage: tellDown(draft, policy, reminded.outage!, "none", message) };
  }
  const hold = holdNow(draft, policy, reminded);
  return hold === null ? order(draft, policy, reminded, reason) : held(draft, policy, reminded, hold, reason);
}

function remind(draft: Draft, policy: ServicePolicy, service: ServiceState, reason: string): ServiceState {
  const outage = service.outage!;
  if (policy.remindEveryMs === undefined || outage.toldAt === 0) return service;
  if (draft.now - outage.remindedAt < policy.remindEveryMs) return service;
  sendDown(draft, policy, outage, "none", words.stillDown(policy, outage, reason, draft.now));
  return { ...service, outage: { ...outage, remindedAt: draft.now } };
}

/** The first reason that applies for not restarting now; `null` when there is none. */
function holdNow(draft: Draft, policy: ServicePolicy, service: ServiceState): Omit<Hold, "sinceAt"> | null {
  const spent = service.budgetSpentAt > 0 || budgetLeft(policy.budget, service.restarts, draft.now) === 0;
  if (spent) return { kind: "budget", reason: words.holdBudget(policy) };
  if (draft.now < service.notBeforeAt) {
    const reason = words.holdBackoff(service.notBeforeAt - draft.now, service.backoffLevel);
    return { kind: "backoff", reason, untilAt: service.notBeforeAt };
  }
  if (policy.dryRun) return { kind: "dry-run", reason: words.holdDryRun(policy) };
  return null;
}

function held(
  draft: Draft,
  policy: ServicePolicy,
  service: ServiceState,
  hold: Omit<Hold, "sinceAt">,
  reason: string,
): ServiceState {
  const fresh = service.hold?.kind !== hold.kind;
  const next: ServiceState = {
    ...service,
    hold: { ...hold, sinceAt: fresh ? draft.now : service.hold!.sinceAt },
    budgetSpentAt: hold.kind === "budget" ? service.budgetSpentAt || draft.now : service.budgetSpentAt,
  };
  const outage = next.outage!;
  if (!TOLD_HOLDS.has(hold.kind)) return next;
  if (outage.toldAt === 0) {
    const message = words.downAndHeld(policy, next, hold.reason, reason, draft.now);
    return { ...next, outage: tellDown(draft, policy, outage, "none", message) };
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
    },
  });
}

/** Writes a restart down; the runner makes it once that is saved. */
export function order(
  draft: Draft,
  policy: ServicePolicy,
  service: ServiceState,
  reason: string,
): ServiceState {
  const id = freshId(draft, "rst");
  const action = policy.action === "stop" ? "stop" : "restart";
  const text = words.restartOrdered(policy, service, reason, draft.now);
  draft.effects.push({ type: "restart", order: { id, service: policy.name, action, reason: text } });
  note(draft, "warn", policy.name, text);
  const record: RestartRecord = { at: draft.now, outcome: "pending", reason };
  const ordered: ServiceState = {
    ...service,
    restart: { id, orderedAt: draft.now, action, reason: text, failures: service.failures },
    restarts: [...service.restarts, record].slice(-Math.max(policy.budget?.restarts ?? 0, 5)),
    backoffLevel: service.backoffLevel + 1,
    outage: { ...service.outage!, restarts: service.outage!.restarts + 1, failures: service.failures },
    hold: null,
  };
  return withStatus(ordered, "restarting", draft.now);
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
  const settled: ServiceState = {
    ...service,
    restart: null,
    restarts: [
      ...service.restarts.slice(0, -1),
      { ...service.restarts.at(-1)!, outcome: end.outcome, reason: end.reason },
    ],
    notBeforeAt: draft.now + waitMs,
  };
  const outage = service.outage;
  if (end.outcome === "failed") {
    const message = words.restartFailed(policy, end.reason);
    const told = outage && tellDown(draft, policy, outage, intent.action, message);
    return withStatus({ ...settled, outage: told }, "down", draft.now);
  }
  if (intent.action === "stop") {
    const told =
      outage && tellDown(draft, policy, outage, "stop", words.stopped(policy, service, end.reason));
    return withStatus({ ...settled, outage: told && { ...told, stopped: true } }, "down", draft.now);
  }
  note(draft, "info", policy.name, words.verifying(policy, end.reason));
  const restarted = end.outcome === "restarted" ? "yes" : outage?.restarted === "yes" ? "yes" : "unknown";
  return withStatus(
    {
      ...settled,
      failures: 0,
      successes: 0,
      graceUntilAt: draft.now + (policy.startPeriodMs ?? 0),
      outage: outage && { ...outage, restarted },
    },
    "verifying",
    draft.now,
  );
}
