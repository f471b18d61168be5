/** The brake: when too much falls at once, the fault is not the services', and restarts would only harm. */
import { rootCause } from "./dependencies.ts";
import type { Draft } from "./draft.ts";
import { note, tell } from "./draft.ts";
import type { BrakeRule, Surroundings } from "./event.ts";
import type { Brake } from "./state.ts";
import { titles, words } from "./words.ts";

/** Closes or opens the brake after the checks of a tick were judged, before anything is decided. */
export function applyBrake(draft: Draft, rule: BrakeRule | undefined, around: Surroundings): void {
  const closed = draft.brake;
  const cause = causeToClose(draft, rule, around);
  if (cause !== null && closed === null) {
    draft.brake = { ...cause, sinceAt: draft.now };
    tellBrake(draft, false, words.brakeClosed(cause.reason, fallen(draft)), draft.now);
  } else if (cause === null && closed !== null && mayOpen(closed, around)) {
    draft.brake = null;
    countAfresh(draft);
    tellBrake(draft, true, words.brakeOpened(closed, draft.now), closed.sinceAt);
  } else if (cause !== null && closed !== null && cause.kind !== closed.kind) {
    draft.brake = { ...cause, sinceAt: closed.sinceAt };
    note(draft, "warn", "", words.brakeClosed(cause.reason, fallen(draft)));
  }
}

/** What was not looked at in this tick cannot open the brake that it closed. */
function mayOpen(closed: Brake, around: Surroundings): boolean {
  if (closed.kind === "engine") return around.engineFault === null;
  if (closed.kind === "network") return around.networkFault === null;
  return true;
}

function causeToClose(
  draft: Draft,
  rule: BrakeRule | undefined,
  around: Surroundings,
): Pick<Brake, "kind" | "reason"> | null {
  if (around.networkFault) return { kind: "network", reason: words.brakeNetwork(around.networkFault) };
  if (around.engineFault) return { kind: "engine", reason: words.brakeEngine(around.engineFault) };
  if (rule === undefined) return null;
  // While closed it stays so as long as as many are down, however long ago they fell.
  const since = draft.brake?.kind === "correlated" ? Number.NEGATIVE_INFINITY : draft.now - rule.windowMs;
  const roots = fallen(draft).filter((name) => {
    const service = draft.services[name]!;
    return service.outage!.startedAt >= since && rootCause(draft, name) === undefined;
  });
  const total = draft.policies.size;
  if (roots.length < rule.min || roots.length / total < rule.share) return null;
  return { kind: "correlated", reason: words.brakeCorrelated(roots.length, total, rule) };
}

/** Services at their threshold. */
function fallen(draft: Draft): string[] {
  return [...draft.policies.keys()].filter((name) => {
    const service = draft.services[name];
    return service?.status === "down" && service.outage !== null;
  });
}

/** After the brake, nothing is restarted for failures that were counted under it. */
function countAfresh(draft: Draft): void {
  for (const name of draft.policies.keys()) {
    const service = draft.services[name];
    if (service === undefined || service.failures === 0) continue;
    const hold = service.hold?.kind === "brake" ? null : service.hold;
    draft.services[name] = { ...service, failures: 0, hold };
  }
}

function tellBrake(draft: Draft, opened: boolean, message: string, sinceAt: number): void {
  tell(draft, "", {
    type: "WATCHDOG_FAILURE",
    severity: opened ? "INFO" : "CRITICAL",
    title: opened ? titles.brakeOpened : titles.brakeClosed,
    message,
    params: {
      component_name: "watchdog",
      container_name: "",
      action: "none",
      success: opened,
      consecutive_failures: 0,
      incident_id: `trouble_brake_${sinceAt}`,
    },
  });
}
