/** Why a service that is down is not restarted now. One table has all rules, their order, and what each one does. */
import type { Absence, KnownContainer } from "./container.ts";
import type { Draft } from "./context.ts";
import { crashLoop } from "./crash-loop.ts";
import type { Budget, ServicePolicy } from "./policy.ts";
import { own } from "./record.ts";
import type { Hold, HoldKind, Pause, ServiceState } from "./state.ts";
import { outOfReach } from "./state.ts";
import { rootCause } from "./topology.ts";
import { words } from "./words.ts";

/** What a rule found. */
interface Found {
  reason: string;
  /** When the hold ends; absent when that depends on something else. */
  untilAt?: number;
  /** The service that this one waits for. */
  cause?: string;
}

type Find = (draft: Draft, policy: ServicePolicy, service: ServiceState) => Found | null;

interface HoldRule {
  kind: HoldKind;
  /** Whether the rule holds the service now, and why. */
  find: Find;
  /**
   * If true, people are told at once that the service is down, because no restart comes soon. The other rules are
   * silent, because people know already or are told the cause instead. Silent rules also mute the alerts of services
   * with nothing to restart, and take back a restart that still waits for its turn.
   */
  told: boolean;
  /** The rule also holds a restart that is made along with another service's. */
  holdsFollowers?: true;
  /** Whether failures are counted from 0 after its end, so that the service gets the time to recover by itself. */
  countsAfresh?: (service: ServiceState) => boolean;
  /** A new reason makes it a new hold: people have to do something else about it. */
  byReason?: true;
  /** The watchdog gives up until somebody steps in. It says so even if the outage was told before. */
  givesUp?: true;
  /** What ends it at once: a person's `resume`, or the brake when it opens. */
  endsBy?: "resume" | "opening";
}

/** In this order: the first rule that applies is the reason. `docs/healing.md` has the same rows. */
export const HOLDS: readonly HoldRule[] = [
  { kind: "paused", told: false, holdsFollowers: true, find: pausedByRequest },
  { kind: "maintenance", told: false, holdsFollowers: true, find: inMaintenance },
  { kind: "paused", told: false, holdsFollowers: true, find: stoppedByHand },
  { kind: "backup", told: false, holdsFollowers: true, find: stoppedForAWhile, countsAfresh: isRunning },
  { kind: "unreachable", told: false, find: unreachable, countsAfresh: isRunning, byReason: true },
  { kind: "recreating", told: false, holdsFollowers: true, find: isBeingRecreated, countsAfresh: isRunning },
  { kind: "dependency", told: false, find: waitsForCause, countsAfresh: () => true },
  { kind: "brake", told: false, holdsFollowers: true, find: underBrake, endsBy: "opening" },
  { kind: "missing", told: true, holdsFollowers: true, find: isMissing, countsAfresh: isRunning },
  { kind: "crash-loop", told: true, find: inCrashLoop },
  { kind: "budget", told: true, holdsFollowers: true, find: budgetSpent, endsBy: "resume", givesUp: true },
  { kind: "backoff", told: true, holdsFollowers: true, find: restartUnseen, endsBy: "resume" },
  { kind: "backoff", told: true, find: inBackoff, endsBy: "resume" },
  { kind: "dry-run", told: true, holdsFollowers: true, find: dryRun },
];

/** A rule that holds a service, with what it found. */
export interface Holding extends Found {
  rule: HoldRule;
}

function firstHold(
  [draft, policy, service]: Parameters<Find>,
  applies: (rule: HoldRule) => boolean,
): Holding | null {
  for (const rule of HOLDS) {
    const found = applies(rule) ? rule.find(draft, policy, service) : null;
    if (found !== null) return { rule, ...found };
  }
  return null;
}

type Question = (...of: Parameters<Find>) => Holding | null;

/** Why the service may not be restarted now; `null` when it may. */
export const holdNow: Question = (...of) => firstHold(of, () => true);

/** Why nothing is told about the service now; `null` when it may be. */
export const silentHold: Question = (...of) => firstHold(of, ({ told }) => !told);

/** What people requested, and the brake: these hold restarts of every kind. */
export const standingHold: Question = (...of) =>
  firstHold(of, ({ told, holdsFollowers }) => !told && holdsFollowers === true);

/** Why the service may not be restarted along with another one now; `null` when it may. */
export const followerHold: Question = (...of) =>
  firstHold(of, ({ holdsFollowers }) => holdsFollowers === true);

/**
 * What has come up since a restart was ordered, while it waited for its turn: a pause, a maintenance window, the brake,
 * a cause that failed. Nothing stops a restart that a person forced.
 */
export function holdSinceOrder(draft: Draft, policy: ServicePolicy): Holding | null {
  const service = draft.services[policy.name];
  const intent = service?.restart;
  if (!service || !intent || intent.forced) return null;
  // A service that is restarted along with another one needs this because of that one: its own cause does not matter.
  return (intent.along === "" ? silentHold : standingHold)(draft, policy, service);
}

/** Rules of one kind agree in all but what they find. */
const ruleOf = (kind: HoldKind) => HOLDS.find((rule) => rule.kind === kind);

/** Whether this hold is the one that the service had before. */
export function isSameHold(known: Hold | null, { rule, reason }: Holding): known is Hold {
  return known?.kind === rule.kind && (!rule.byReason || known.reason === reason);
}

/** Whether the end of its hold gives the service the time to come back by itself. */
export function endsAfresh(hold: Hold, service: ServiceState): boolean {
  return ruleOf(hold.kind)?.countsAfresh?.(service) === true;
}

/** What is left of a hold after an event that ends some of them. */
export function holdAfter(event: NonNullable<HoldRule["endsBy"]>, hold: Hold | null): Hold | null {
  return hold !== null && ruleOf(hold.kind)?.endsBy === event ? null : hold;
}

/**
 * Whether the container as just seen ends the hold of its service, so that earlier failures mean nothing: the person
 * who had stopped it has started it again, or it is within reach again.
 */
export function isEndedBy(seen: KnownContainer, service: ServiceState): boolean {
  const wasStopped = service.container?.stoppedByHand !== undefined;
  if (wasStopped && seen.stoppedByHand === undefined) return true;
  return seen.runs === true && seen.outOfReach === undefined && outOfReach(service) !== undefined;
}

function pausedByRequest(draft: Draft, _: ServicePolicy, service: ServiceState): Found | null {
  const pause = activePause(service.pause, draft.now) ?? activePause(draft.pause, draft.now);
  if (pause === null) return null;
  return {
    reason: words.holdPaused(pause),
    ...(pause.untilAt === undefined ? {} : { untilAt: pause.untilAt }),
  };
}

export function activePause(pause: Pause | null, now: number): Pause | null {
  return pause !== null && (pause.untilAt === undefined || pause.untilAt > now) ? pause : null;
}

function inMaintenance(draft: Draft, policy: ServicePolicy): Found | null {
  const untilAt = own(draft.maintenance, policy.name);
  return untilAt === undefined ? null : { reason: words.holdMaintenance(untilAt), untilAt };
}

/** If the engine does not answer in time, nobody knows whether a person stopped the container. */
function stoppedByHand(draft: Draft, policy: ServicePolicy, service: ServiceState): Found | null {
  if (!policy.respectManualStop) return null;
  if (draft.around.late) return { reason: words.holdUnseen(policy), untilAt: draft.now + policy.intervalMs };
  const byHand = service.container?.stoppedByHand;
  return byHand === undefined ? null : { reason: words.holdByHand(policy, byHand) };
}

/** Whoever stops a container for a backup starts it again. If nobody does for this long, we do. */
const STOPPED_FOR_MS = 3_600_000;

function stoppedForAWhile({ now }: Draft, policy: ServicePolicy, service: ServiceState): Found | null {
  const why = service.container?.stoppedFor;
  const untilAt = (service.outage?.startedAt ?? now) + STOPPED_FOR_MS;
  if (why === undefined || now >= untilAt) return null;
  return { reason: words.holdStoppedFor(policy, why, STOPPED_FOR_MS), untilAt };
}

/** Its container is running: a restart would harm a healthy service and not bring it within reach. */
function unreachable(_: Draft, policy: ServicePolicy, service: ServiceState): Found | null {
  const why = outOfReach(service);
  return why === undefined ? null : { reason: words.holdUnreachable(policy, why.reason) };
}

function isRunning({ container }: ServiceState): boolean {
  return container?.runs === true;
}

/**
 * An update removes a container and creates another one, and may create many before it starts the first. In this time
 * since the service began to fail, nobody is told. That a container is gone shows no update: people may have to know.
 */
const RECREATION_MS: Readonly<Record<Absence, number>> = {
  gone: 30_000,
  removing: 30_000,
  created: 2 * 60_000,
  replaced: 2 * 60_000,
};

/** Also where the last look was too late to see the container, as long as the last but one did. */
function absenceOf(
  { around }: Draft,
  { name }: ServicePolicy,
  { container }: ServiceState,
): Absence | undefined {
  return around.gone?.includes(name) ? "gone" : container?.absence;
}

function isBeingRecreated(draft: Draft, policy: ServicePolicy, service: ServiceState): Found | null {
  const absence = absenceOf(draft, policy, service);
  // Where there never was a container, its name is wrong.
  const isKnown = service.container !== null || service.lastPassAt > 0;
  if (absence === undefined || !isKnown) return null;
  const untilAt = (service.outage?.startedAt ?? draft.now) + RECREATION_MS[absence];
  if (draft.now >= untilAt) return null;
  return { reason: words.holdRecreating(policy, absence), untilAt };
}

/** There is nothing that a restart could restart. One that was replaced is still there, and is better than none. */
function isMissing(draft: Draft, policy: ServicePolicy, service: ServiceState): Found | null {
  const absence = absenceOf(draft, policy, service);
  if (absence === undefined || absence === "replaced") return null;
  return { reason: words.holdMissing(policy, absence, service.container) };
}

function inCrashLoop({ now }: Draft, policy: ServicePolicy, { container }: ServiceState): Found | null {
  const loop = crashLoop(container, now);
  return loop ? { reason: words.holdCrashLoop(policy, loop, container!.engineRestarts!) } : null;
}

function waitsForCause(draft: Draft, { name }: ServicePolicy): Found | null {
  const cause = rootCause(draft, name);
  if (cause === undefined) return null;
  return {
    reason: words.holdDependency(draft.policies.get(cause)!, draft.services[cause]!, draft.now),
    cause,
  };
}

function underBrake({ brake }: Draft): Found | null {
  return brake === null ? null : { reason: words.holdBrake(brake) };
}

function budgetSpent({ now }: Draft, policy: ServicePolicy, service: ServiceState): Found | null {
  const { budget, stableMs } = policy;
  if (budget === null) return null;
  const spent = service.budgetSpentAt > 0 || budgetLeft(budget, service, now) === 0;
  return spent ? { reason: words.holdBudget(budget, stableMs) } : null;
}

/** The restarts that count for the budget: failed and unknown ones too, but not those that could not be tried. */
export function restartsInWindow(
  service: Pick<ServiceState, "restarts" | "budgetFromAt">,
  windowMs: number,
  now: number,
): number {
  const { restarts, budgetFromAt } = service;
  return restarts.filter(({ at, untried }) => !untried && at > now - windowMs && at >= budgetFromAt).length;
}

/** How many restarts are left now; `Infinity` without a budget. */
export function budgetLeft(
  budget: Budget | null,
  service: Pick<ServiceState, "restarts" | "budgetFromAt">,
  now: number,
): number {
  if (budget === null) return Number.POSITIVE_INFINITY;
  return Math.max(0, budget.restarts - restartsInWindow(service, budget.windowMs, now));
}

/** After an unknown outcome the engine may still be restarting the container: a second restart must wait. */
function restartUnseen(draft: Draft, policy: ServicePolicy, service: ServiceState): Found | null {
  return service.restarts.at(-1)?.outcome === "unknown" ? inBackoff(draft, policy, service) : null;
}

function inBackoff({ now }: Draft, _: ServicePolicy, service: ServiceState): Found | null {
  const { notBeforeAt, backoffLevel } = service;
  if (now >= notBeforeAt) return null;
  return { reason: words.holdBackoff(notBeforeAt - now, backoffLevel), untilAt: notBeforeAt };
}

function dryRun(_: Draft, policy: ServicePolicy): Found | null {
  return policy.dryRun ? { reason: words.holdDryRun(policy) } : null;
}
