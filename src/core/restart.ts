/** A restart: it is ordered, then withheld or settled, and it may be followed by others. */
import { tellDown } from "./alerting.ts";
import type { Draft } from "./context.ts";
import { change, freshId, logged, note } from "./context.ts";
import type { Outcome } from "./event.ts";
import { followerHold } from "./holds.ts";
import type { Backoff, ServicePolicy } from "./policy.ts";
import { draw } from "./seeded-random.ts";
import type { Outage, RestartIntent, RestartRecord, ServiceIn, ServiceState } from "./state.ts";
import { enter } from "./state.ts";
import { followers } from "./topology.ts";
import { worded, words } from "./words.ts";

/** After an unknown outcome, wait this long: the engine may still be restarting the container. */
export const UNSEEN_RESTART_MS = 60_000;
/** In this time failures do not count: the container may take 10 s to stop (Docker's default), and has to start. */
const UNSEEN_GRACE_MS = 30_000;

/** What causes a restart. By default it is the service's own failures. */
interface Occasion {
  /** The service along with which it is restarted. */
  along?: string;
  /** The person who asked for it. */
  askedBy?: string;
  forced?: true;
}

/** Writes a restart down. The runner makes it once that is saved. */
export function order(
  draft: Draft,
  policy: ServicePolicy,
  service: ServiceState,
  text: string,
  { along = "", ...asked }: Occasion = {},
): ServiceState {
  const id = freshId(draft, "rst");
  const forFailures = along === "" && asked.askedBy === undefined;
  const action = policy.action === "stop" && forFailures ? "stop" : "restart";
  const incident = service.outage?.id ?? draft.services[along]?.outage?.id ?? "";
  draft.effects.push({
    type: "restart",
    order: { id, service: policy.name, incident, action, reason: text },
  });
  note(draft, "warn", policy.name, text, "restart");
  const { failures } = service;
  const record: RestartRecord = {
    at: draft.now,
    outcome: "pending",
    reason: text,
    ...(service.container?.engineStart === undefined ? {} : { startBefore: service.container.engineStart }),
  };
  const ordered = {
    ...service,
    restarts: boundRecords([...service.restarts, record], Math.max(policy.budget?.restarts ?? 0, 5)),
    backoffLevel: service.backoffLevel + 1,
    hold: null,
  };
  const restart = { id, orderedAt: draft.now, action, along, reason: text, failures, ...asked } as const;
  const outage = service.outage && withOrder(logged(draft, service.outage, text), restart);
  return enter(ordered, { status: "restarting", restart, outage }, draft.now);
}

/** An outage that ends by the restart of another service is part of that service's news. */
function withOrder(outage: Outage, { along, askedBy, failures }: RestartIntent): Outage {
  if (along !== "") return { ...outage, cause: outage.cause ?? along, silent: true };
  const counted = { ...outage, restarts: outage.restarts + 1 };
  return askedBy === undefined ? { ...counted, failures } : counted;
}

/**
 * Takes back a restart that was written down and did not begin, as if it had not been ordered: it spends neither
 * budget nor backoff. If the service still fails, its next failed check orders the restart again, in this process or
 * in the next one.
 */
export function withhold(
  draft: Draft,
  policy: ServicePolicy,
  service: ServiceState,
  why: string,
): ServiceState {
  if (service.status !== "restarting") return service;
  const { restart: intent } = service;
  const text = words.withheld(policy, intent.action, why);
  note(draft, "warn", policy.name, text);
  const { failures } = intent;
  const before = {
    ...service,
    failures,
    restarts: service.restarts.slice(0, -1),
    backoffLevel: Math.max(0, service.backoffLevel - 1),
  };
  if (service.outage === null) {
    const status = service.healthySinceAt > 0 ? "healthy" : "unknown";
    return enter(before, { status, outage: null, restart: null }, draft.now);
  }
  const outage = withoutRestart(logged(draft, service.outage, text), intent);
  const status = failures < policy.failureThreshold ? "failing" : "down";
  return enter(before, { status, outage, restart: null }, draft.now);
}

/** People are told how many restarts were tried. One along with another service's was never counted. */
function withoutRestart(outage: Outage, { along }: RestartIntent): Outage {
  return along === "" ? { ...outage, restarts: Math.max(0, outage.restarts - 1) } : outage;
}

/** Settles a restart that has ended: the next checks verify it, or it failed and people are told. */
export function settle(
  draft: Draft,
  policy: ServicePolicy,
  service: ServiceState,
  outcome: Outcome,
): ServiceState {
  if (service.status !== "restarting") return service;
  const { restart: intent } = service;
  const end = { ...outcome, reason: worded(outcome.reason) };
  const outage = service.outage && withEnd(draft, service.outage, end, intent);
  const settled = {
    ...service,
    outage,
    restarts: withOutcome(service.restarts, end),
    notBeforeAt: draft.now + waitMs(draft, policy, service, end),
  };
  if (end.outcome === "failed") return onFailedRestart(draft, policy, settled, end.reason);
  if (intent.action === "stop" && outage !== null) {
    const told = tellDown(draft, policy, outage, "stop", words.stopped(policy, outage, end.reason));
    return enter(settled, { status: "down", outage: { ...told, stopped: true }, restart: null }, draft.now);
  }
  note(draft, "info", policy.name, words.verifying(policy, end.reason));
  const graceUntilAt = draft.now + graceMs(policy, service, end);
  const own = outage && intent.along === "" ? { ...outage, restarted: seenRestart(outage, end) } : outage;
  return enter(
    { ...settled, failures: 0, successes: 0, healthySinceAt: 0, graceUntilAt },
    { status: "verifying", outage: own, restart: null },
    draft.now,
  );
}

function withOutcome(restarts: readonly RestartRecord[], end: Outcome): readonly RestartRecord[] {
  return restarts.map((record, index) => {
    if (index < restarts.length - 1) return record;
    const { outcome, reason, untried } = end;
    return { ...record, outcome, reason, ...(untried ? { untried } : {}) };
  });
}

function waitMs(draft: Draft, policy: ServicePolicy, service: ServiceState, end: Outcome): number {
  const backoff = backoffMs(policy.backoff, service.backoffLevel, `${draft.id}${policy.name}`);
  return end.outcome === "unknown" ? Math.max(backoff, UNSEEN_RESTART_MS) : backoff;
}

function graceMs(policy: ServicePolicy, service: ServiceState, end: Outcome): number {
  const startPeriodMs = policy.startPeriodMs ?? service.container?.startPeriodMs ?? 0;
  return end.outcome === "unknown" ? Math.max(startPeriodMs, UNSEEN_GRACE_MS) : startPeriodMs;
}

function withEnd(draft: Draft, outage: Outage, end: Outcome, intent: RestartIntent): Outage {
  const noted = logged(draft, outage, words.restartEnded(end));
  const tried = end.untried ? withoutRestart(noted, intent) : noted;
  return end.hint === undefined ? tried : { ...tried, hint: end.hint };
}

function seenRestart(outage: Outage, end: Outcome): Outage["restarted"] {
  return end.outcome === "restarted" || outage.restarted === "yes" ? "yes" : "unknown";
}

/** If the service was not down (a person asked, or it was restarted along with another one), its checks decide. */
function onFailedRestart(
  draft: Draft,
  policy: ServicePolicy,
  service: ServiceIn<"restarting">,
  why: string,
): ServiceState {
  const { outage, restart: intent } = service;
  if (outage === null || !isDown(policy, outage, intent)) {
    note(draft, "warn", policy.name, words.failedRestart(policy, intent, why));
    const checked = { ...service, failures: 0, successes: 0 };
    return enter(checked, { status: "verifying", outage, restart: null }, draft.now);
  }
  const message = words.restartFailed(policy, intent, outage, why);
  const told = tellDown(draft, policy, outage, intent.action, message);
  return enter(service, { status: "down", outage: told, restart: null }, draft.now);
}

function isDown(policy: ServicePolicy, outage: Outage, { along, failures }: RestartIntent): boolean {
  if (along !== "" && outage.silent) return false;
  return outage.toldAt > 0 || failures >= policy.failureThreshold;
}

/**
 * After `parent`'s container was restarted, restarts the services that need it, even if they look well. `first`: its
 * own restart follows no other, so that services which name each other do not go round in a circle.
 */
export function restartFollowers(draft: Draft, parent: ServicePolicy, first: boolean): void {
  for (const name of followers(draft, parent.name, first)) {
    change(draft, name, (policy, service) => follow(draft, policy, service, parent));
  }
}

function follow(
  draft: Draft,
  policy: ServicePolicy,
  service: ServiceState,
  parent: ServicePolicy,
): ServiceState {
  if (service.restart !== null || policy.container === "") return service;
  const hold = followerHold(draft, policy, service);
  if (hold === null) {
    return order(draft, policy, service, words.restartAlong(policy, parent), { along: parent.name });
  }
  note(draft, "warn", policy.name, words.notAlong(policy, parent, hold.reason));
  return service;
}

/**
 * How long the restart after `level` others has to wait, ms: not at all for the first one, then
 * `min(base * 2^(level-1), cap)`, varied by the jitter. Source: kubelet's CrashLoopBackOff, 10 s doubling to 300 s.
 */
export function backoffMs(backoff: Backoff, level: number, seed: string): number {
  if (level < 1) return 0;
  const plain = Math.min(backoff.baseMs * 2 ** Math.min(level - 1, 30), backoff.capMs);
  return Math.round(plain * (1 + backoff.jitter * (2 * draw(seed) - 1)));
}

/** The last `most` records. One that does not count for the budget goes before one that does. */
export function boundRecords(restarts: readonly RestartRecord[], most: number): readonly RestartRecord[] {
  if (restarts.length <= most) return restarts;
  const spare = restarts.findIndex(({ untried }) => untried);
  return boundRecords(restarts.toSpliced(Math.max(0, spare), 1), most);
}
