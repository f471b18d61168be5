import { act, restartFollowers, settle } from "./act.ts";
import { applyBrake } from "./brake.ts";
import { dependencyOrder } from "./dependencies.ts";
import type { Draft } from "./draft.ts";
import { note, openDraft, tell } from "./draft.ts";
import type { BrakeRule, Effect, Outcome, Verdict, WatchdogEvent, World } from "./event.ts";
import { afresh, operate } from "./operator.ts";
import type { ServicePolicy } from "./policy.ts";
import type { ServiceState, WatchdogState } from "./state.ts";
import { newService } from "./state.ts";
import { judge } from "./verdict.ts";
import { titles, words } from "./words.ts";

/** Faults of a restarter that are the watchdog's own trouble, not the service's. */
const RESTARTER_TROUBLES = new Set(["engine_unreachable", "permission_denied", "client_missing"]);

/**
 * The whole mind of the watchdog: what the state becomes by an event, and what is to be done about
 * it. Pure: the same state, event and world give the same answer; nothing is changed in place.
 */
export function transition(
  state: WatchdogState,
  event: WatchdogEvent,
  world: World,
): { state: WatchdogState; effects: Effect[] } {
  const draft = openDraft(state, world, "around" in event ? event.around : undefined);
  switch (event.type) {
    case "loaded":
      onLoaded(draft, event.ends ?? {});
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
    case "trouble":
      onTrouble(draft, event.trouble, event.reason, event.tried);
      break;
  }
  const { services, troubles, brake, pause, actions } = draft;
  return {
    state: { ...state, clockAt: draft.now, services, troubles, brake, pause, actions },
    effects: draft.effects,
  };
}

/** Troubles that are over with the process that had them. */
const PASSING_TROUBLES = /^(state-file|sink:.*)$/;

/** The services are those of the configuration; a restart that we did not see end settles as unknown. */
function onLoaded(draft: Draft, ends: Record<string, Outcome>): void {
  for (const name of Object.keys(draft.troubles))
    if (PASSING_TROUBLES.test(name)) delete draft.troubles[name];
  for (const name of Object.keys(draft.services)) {
    if (draft.policies.has(name)) continue;
    delete draft.services[name];
    note(draft, "info", name, words.notConfigured(name));
  }
  for (const [name, policy] of draft.policies) {
    const known = draft.services[name];
    if (known === undefined) draft.services[name] = newService(draft.now);
    else if (known.restart !== null) {
      const end = ends[name] ?? { outcome: "unknown", reason: words.interrupted };
      draft.services[name] = settle(draft, policy, known, end);
    }
  }
}

/** First what the checks mean, causes before what follows from them; then the brake; then what is done. */
function onChecked(
  draft: Draft,
  verdicts: Record<string, Verdict>,
  at: number,
  brake: BrakeRule | undefined,
): void {
  learnContainers(draft);
  const failed: { policy: ServicePolicy; reason: string }[] = [];
  for (const name of dependencyOrder(draft.policies)) {
    const verdict = verdicts[name];
    const service = draft.services[name];
    if (verdict === undefined || service === undefined) continue;
    const policy = draft.policies.get(name)!;
    draft.services[name] = judge(draft, policy, service, verdict, at);
    if (verdict.ok === false) failed.push({ policy, reason: verdict.reason });
  }
  applyBrake(draft, brake, draft.around);
  for (const { policy, reason } of failed) {
    draft.services[policy.name] = act(draft, policy, draft.services[policy.name]!, reason);
  }
}

/** A container that started after a restart was ordered tells that the restart was made. */
function withSeenRestart(service: ServiceState, startedAt: number): ServiceState {
  const { outage, restarts } = service;
  if (outage?.restarted !== "unknown" || startedAt <= (restarts.at(-1)?.at ?? 0)) return service;
  return { ...service, outage: { ...outage, restarted: "yes" } };
}

/** A new image or compose configuration is somebody's cure: backoff and budget begin anew. */
function learnContainers(draft: Draft): void {
  for (const [name, container] of Object.entries(draft.around.containers ?? {})) {
    const service = draft.services[name];
    const policy = draft.policies.get(name);
    if (service === undefined || policy === undefined) continue;
    const rebuilt = service.container !== null && service.container.build !== container.build;
    if (rebuilt) note(draft, "info", name, words.rebuilt(policy));
    // Started again by the person who had stopped it: what failed meanwhile says nothing.
    const startedAgain =
      service.container?.stoppedByHand !== undefined && container.stoppedByHand === undefined;
    draft.services[name] = {
      ...withSeenRestart(rebuilt ? afresh(service, draft.now) : service, container.startedAt),
      container,
      ...(startedAgain ? { failures: 0, hold: null } : {}),
    };
  }
}

function onSettled(draft: Draft, outcomes: Record<string, Outcome>): void {
  for (const [name, outcome] of Object.entries(outcomes)) {
    const policy = draft.policies.get(name);
    const service = draft.services[name];
    if (policy === undefined || service === undefined || service.restart === null) continue;
    const { action, along } = service.restart;
    draft.services[name] = settle(draft, policy, service, outcome);
    const made = outcome.outcome === "restarted" && action === "restart";
    if (made) restartFollowers(draft, policy, along === "");
    if (outcome.fault !== undefined && RESTARTER_TROUBLES.has(outcome.fault)) {
      onTrouble(draft, "restarter", outcome.reason, `restart of ${policy.container}`);
    } else if (outcome.outcome === "restarted") onTrouble(draft, "restarter", null, "restart");
  }
}

/** A trouble is told once when it begins and once when it ends. */
function onTrouble(draft: Draft, trouble: string, reason: string | null, tried: string): void {
  const known = draft.troubles[trouble];
  if ((reason === null) === (known === undefined)) return;
  if (reason === null) delete draft.troubles[trouble];
  else draft.troubles[trouble] = { sinceAt: draft.now, reason };
  tell(draft, "", {
    type: "WATCHDOG_FAILURE",
    severity: reason === null ? "INFO" : "CRITICAL",
    title: reason === null ? titles.troubleEnded : titles.troubleBegan,
    message:
      reason === null
        ? words.troubleEnded(known!.reason, known!.sinceAt, draft.now)
        : words.troubleBegan(reason),
    params: {
      component_name: "watchdog",
      container_name: "",
      action: tried,
      success: reason === null,
      consecutive_failures: 0,
      // The same at its beginning and its end, for receivers that pair them.
      incident_id: `trouble_${trouble}_${known?.sinceAt ?? draft.now}`,
    },
  });
}
