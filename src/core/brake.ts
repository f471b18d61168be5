/**
 * The brake: when many services go down at once, the cause lies outside them, and restarts would only do harm.
 * Source: Envoy's panic threshold.
 */

import { tellBrakeClosed, tellBrakeOpened } from "./alerting.ts";
import type { Draft } from "./context.ts";
import { change, note } from "./context.ts";
import type { BrakeRule, Surroundings } from "./event.ts";
import { holdAfter } from "./holds.ts";
import type { Brake, ServiceIn } from "./state.ts";
import { outOfReach } from "./state.ts";
import { rootCause } from "./topology.ts";
import { isSilenceTold } from "./trouble.ts";
import { words } from "./words.ts";

/** Closes or opens the brake, after all checks of a tick were judged and before anything is decided. */
export function applyBrake(draft: Draft, rule: BrakeRule | undefined, around: Surroundings): void {
  const closed = draft.brake;
  const cause = causeToClose(draft, rule, around);
  if (cause !== null && closed === null) close(draft, cause);
  else if (cause === null && closed !== null && mayOpen(closed, around, draft.now)) {
    draft.brake = null;
    countAfresh(draft);
    if (!closed.silent) tellBrakeOpened(draft, closed);
  } else if (cause !== null && closed !== null && cause.kind !== closed.kind) {
    draft.brake = { ...closed, ...cause };
    note(draft, "warn", "", words.brakeClosed(cause.reason, namesOf(fallen(draft))));
  }
  if (draft.brake?.silent) tellLate(draft, draft.brake);
}

function close(draft: Draft, cause: Pick<Brake, "kind" | "reason">): void {
  const brake = { ...cause, sinceAt: draft.now };
  if (isTold(draft, brake)) {
    draft.brake = { ...brake, silent: true };
    note(draft, "warn", "", words.brakeClosed(brake.reason, namesOf(fallen(draft))));
  } else tellClosed(draft, brake);
}

/** A silent engine is one cause, whoever notices it first: it is told once. */
const isTold = (draft: Draft, { kind }: Pick<Brake, "kind">) => kind === "engine" && isSilenceTold(draft);

function tellClosed(draft: Draft, brake: Brake): void {
  draft.brake = { ...brake, toldAs: tellBrakeClosed(draft, brake, namesOf(fallen(draft))) };
}

/** What told it is over, and the brake is not. */
function tellLate(draft: Draft, { silent: _, ...brake }: Brake): void {
  if (!isTold(draft, brake)) tellClosed(draft, brake);
}

/** A restart found the engine's disk full. Another one would stop a container that cannot start again. */
export function brakeForDisk(draft: Draft, reason: string): void {
  if (draft.brake === null) close(draft, { kind: "disk", reason });
}

/** Where the engine's disk cannot be seen from here, only another restart can tell. */
const DISK_UNSEEN_MS = 30 * 60_000;

/** What closed the brake must be seen to be over: a tick that did not look cannot open it. */
function mayOpen(closed: Brake, around: Surroundings, now: number): boolean {
  if (closed.kind === "disk") {
    const isUnseen = around.diskFault === undefined && around.late === undefined;
    return around.diskFault === null || (isUnseen && now - closed.sinceAt >= DISK_UNSEEN_MS);
  }
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
  if (around.diskFault) return { kind: "disk", reason: around.diskFault };
  if (rule === undefined) return null;
  // A closed brake stays closed while this many are down, no matter when they went down.
  const since = draft.brake?.kind === "correlated" ? Number.NEGATIVE_INFINITY : draft.now - rule.windowMs;
  const roots = fallen(draft).filter(
    ([name, { outage }]) => outage.startedAt >= since && rootCause(draft, name) === undefined,
  );
  const total = draft.policies.size;
  if (roots.length < rule.min || roots.length / total < rule.share) return null;
  return { kind: "correlated", reason: words.brakeCorrelated(roots.length, total, rule) };
}

/** Services that are down. Those out of reach have a hold and an alert of their own. */
function fallen(draft: Draft): [name: string, ServiceIn<"down">][] {
  return [...draft.policies.keys()].flatMap((name) => {
    const service = draft.services[name];
    if (service?.status !== "down" || outOfReach(service) !== undefined) return [];
    return [[name, service] as [string, ServiceIn<"down">]];
  });
}

const namesOf = (services: ReturnType<typeof fallen>) => services.map(([name]) => name);

/** Failures that were counted while the brake was closed must not lead to restarts. */
function countAfresh(draft: Draft): void {
  for (const name of draft.policies.keys()) {
    change(draft, name, (_, service) => {
      if (service.failures === 0) return service;
      return { ...service, failures: 0, hold: holdAfter("opening", service.hold) };
    });
  }
}
