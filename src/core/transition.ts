import { applyBrake, brakeForDisk } from "./brake.ts";
import type { KnownContainer, SeenContainer } from "./container.ts";
import { isLaterStart } from "./container.ts";
import type { Draft } from "./context.ts";
import { change, note, openDraft } from "./context.ts";
import { followRestarts } from "./crash-loop.ts";
import { decide } from "./decide.ts";
import type { BrakeRule, Effect, Outcome, RestartFault, Verdict, WatchdogEvent, World } from "./event.ts";
import { isEndedBy } from "./holds.ts";
import { dropRestartsOfUnfound, enrol, forgetAbsent } from "./membership.ts";
import { afresh, operate } from "./operator.ts";
import type { ServicePolicy } from "./policy.ts";
import { own } from "./record.ts";
import { restartFollowers, settle, withhold } from "./restart.ts";
import type { ServiceState, WatchdogState } from "./state.ts";
import { dependencyOrder } from "./topology.ts";
import { applyBlocked, applyReach, applyTrouble, dropTroublesOfProcess } from "./trouble.ts";
import { judge } from "./verdict.ts";
import { worded, words } from "./words.ts";

/** Faults of a restarter that are the watchdog's own trouble, not the service's. */
const RESTARTER_TROUBLES: ReadonlySet<RestartFault> = new Set([
  "engine_unreachable",
  "permission_denied",
  "client_missing",
]);

/**
 * Everything that the watchdog decides: the state after an event, and the effects that the runner has to carry out.
 * Pure: the same state, event and world give the same result, and nothing is changed in place.
 */
export function transition(
  state: WatchdogState,
  event: WatchdogEvent,
  world: World,
): { state: WatchdogState; effects: Effect[] } {
  const draft = openDraft(state, world, "around" in event ? event.around : undefined);
  switch (event.type) {
    case "loaded":
      onLoaded(draft, event.ends ?? {}, event.isPartial);
      break;
    case "configured":
      enrol(draft, event.isPartial);
      break;
    case "checked":
      onChecked(draft, event.verdicts, event.at ?? draft.now, world.brake);
      break;
    case "operator":
      learnContainers(draft);
      operate(draft, event.request);
      break;
    case "settled":
      onSettled(draft, event.outcomes);
      break;
    case "withheld":
      onWithheld(draft, event.services, event.why);
      break;
    case "trouble":
      applyTrouble(draft, event.trouble, event.reason, event.tried);
      break;
  }
  const { services, absent, troubles, brake, pause, actions } = draft;
  return {
    state: { ...state, clockAt: draft.now, services, absent, troubles, brake, pause, actions },
    effects: draft.effects,
  };
}

/** What another process was restarting settles, if only as unknown. */
function onLoaded(draft: Draft, ends: Record<string, Outcome>, isPartial = false): void {
  dropTroublesOfProcess(draft);
  enrol(draft, isPartial);
  dropRestartsOfUnfound(draft);
  for (const name of draft.policies.keys()) {
    const end = own(ends, name) ?? { outcome: "unknown", reason: words.interrupted };
    change(draft, name, (policy, service) => settle(draft, policy, service, end));
  }
}

/** Judges all checks first, causes before their dependents; then applies the brake; then decides what to do. */
function onChecked(
  draft: Draft,
  verdicts: Record<string, Verdict>,
  at: number,
  brake: BrakeRule | undefined,
): void {
  learnContainers(draft);
  forgetAbsent(draft);
  const failed: { name: string; reason: string }[] = [];
  for (const name of dependencyOrder(draft.policies)) {
    const verdict = own(verdicts, name);
    if (verdict === undefined) continue;
    const failures = draft.services[name]?.failures;
    change(draft, name, (policy, service) => judge(draft, policy, service, verdict, at));
    // A failure that did not count, because the container has just started, is no reason to act.
    const counts = draft.services[name]?.failures !== failures;
    if (verdict.ok === false && counts) failed.push({ name, reason: worded(verdict.reason) });
  }
  applyBrake(draft, brake, draft.around);
  for (const { name, reason } of failed) {
    change(draft, name, (policy, service) => decide(draft, policy, service, reason));
  }
  applyReach(draft);
  applyBlocked(draft);
}

/** If the container started after the restart was ordered, the restart was carried out. Another one is no restart. */
function withSeenRestart(service: ServiceState, { id, startedAt }: SeenContainer): ServiceState {
  if (service.outage === null || service.outage.restarted !== "unknown") return service;
  if (service.container !== null && service.container.id !== id) return service;
  if (!isLaterStart(startedAt, service.restarts.at(-1))) return service;
  return { ...service, outage: { ...service.outage, restarted: "yes" } };
}

/** The container as just seen. Its start may lie in the future by the engine's clock, but not by ours. */
function seen(
  container: SeenContainer,
  known: KnownContainer | null,
  { intervalMs }: ServicePolicy,
  now: number,
): KnownContainer {
  const { recentRestarts: _, ...facts } = container;
  const { startedAt: engineStart } = facts;
  const same = known?.id === facts.id && known.engineStart === engineStart;
  const series = followRestarts(known, container, intervalMs, now);
  // The engine soon forgets who stopped it. As long as nobody has started it, that stays true.
  const stoppedFor = facts.stoppedFor ?? (same && !facts.runs ? known.stoppedFor : undefined);
  return {
    ...facts,
    startedAt: same ? known.startedAt : Math.min(engineStart, now),
    engineStart,
    ...(series === undefined ? {} : { restartSeries: series }),
    ...(stoppedFor === undefined ? {} : { stoppedFor }),
  };
}

function learnContainers(draft: Draft): void {
  for (const name of draft.around.gone ?? []) change(draft, name, (_, service) => withoutContainer(service));
  for (const [name, container] of Object.entries(draft.around.containers ?? {})) {
    change(draft, name, (policy, service) => withContainer(draft, policy, service, container));
  }
}

function withoutContainer(service: ServiceState): ServiceState {
  if (service.container === null || service.container.absence === "gone") return service;
  const { outOfReach: _, runs: __, stoppedFor: ___, error: ____, ...container } = service.container;
  return { ...service, container: { ...container, absence: "gone" } };
}

/** A new image or Compose configuration is a fix by somebody: backoff and budget start again. */
function withContainer(
  draft: Draft,
  policy: ServicePolicy,
  service: ServiceState,
  container: SeenContainer,
): ServiceState {
  const rebuilt = service.container !== null && service.container.build !== container.build;
  if (rebuilt) note(draft, "info", policy.name, words.rebuilt(policy));
  return {
    ...withSeenRestart(rebuilt ? afresh(service, draft.now) : service, container),
    container: seen(container, service.container, policy, draft.now),
    ...(isEndedBy(container, service) ? { failures: 0, hold: null } : {}),
  };
}

function onSettled(draft: Draft, outcomes: Record<string, Outcome>): void {
  for (const [name, outcome] of Object.entries(outcomes)) {
    const policy = draft.policies.get(name);
    const intent = draft.services[name]?.restart;
    if (!policy || !intent) continue;
    change(draft, name, (_, service) => settle(draft, policy, service, outcome));
    const made = outcome.outcome === "restarted" && intent.action === "restart";
    if (made) restartFollowers(draft, policy, intent.along === "");
    if (outcome.fault === "disk_full") brakeForDisk(draft, outcome.reason);
    if (outcome.fault !== undefined && RESTARTER_TROUBLES.has(outcome.fault)) {
      applyTrouble(draft, "restarter", outcome.reason, `restart of ${policy.container}`);
    } else if (outcome.outcome === "restarted") applyTrouble(draft, "restarter", null, "restart");
  }
}

function onWithheld(draft: Draft, services: readonly string[], why: string): void {
  for (const name of services) {
    change(draft, name, (policy, service) => withhold(draft, policy, service, why));
  }
}
