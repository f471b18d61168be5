/** Every sentence for people, in one place: the log, alerts, `/status` and the command line say the same. */

import type { Absence, EngineRestarts, KnownContainer, RestartSeries } from "./container.ts";
import type { BrakeRule, Outcome, Topic } from "./event.ts";
import { counted, list, span, together, until } from "./phrases.ts";
import type { Budget, ServicePolicy } from "./policy.ts";
import type { Brake, HoldKind, Outage, Pause, RestartIntent, ServiceIn, ServiceState } from "./state.ts";

type Down = ServiceIn<"down">;

/** What failed in an outage. A state file of 0.1.0 knows only the first failure. */
export const failureOf = ({ lastReason, firstReason }: Outage) => lastReason || firstReason || "not known";

/** The reason, or a substitute for an empty one: a plugin may give none. */
export const worded = (reason: string) => (reason.trim() === "" ? "no reason was given" : reason);

/** Every explanation has these facts: what failed, how often, and for how long. */
function failing(outage: Outage, failures: number, now: number, reason: string): string {
  return `${counted(failures, "failed check")} in a row, failing for ${span(now - outage.startedAt)}, last: ${reason}`;
}

/** The first line on a lock screen. */
export const titles = {
  down: (policy: ServicePolicy) => `${policy.displayName} is down`,
  recovered: (policy: ServicePolicy) => `${policy.displayName} recovered`,
  gaveUp: (policy: ServicePolicy) => `${policy.displayName} stays down`,
  unwatched: (name: string) => `${name} is not watched any more`,
  brakeClosed: "All restarts are held",
  brakeOpened: "Restarts are made again",
  troubleBegan: "The watchdog needs help",
  troubleEnded: "The watchdog works again",
};

const ABSENCES: Readonly<Record<Absence, string>> = {
  gone: "does not exist",
  created: "was created and never started",
  removing: "is being removed",
  replaced: "has ended, and another container takes its place",
};

const RELEASED: Partial<Record<HoldKind, string>> = {
  dependency: "no longer waits for another service",
  unreachable: "is within reach",
};

/** What is counted when the lines of one kind are too many to write. */
const MORE: Record<string, string> = {
  failing: "services failed their first check",
  healthy: "services are healthy",
  grace: "services failed a check while starting",
  hold: "services are down and not restarted",
  restart: "restarts were ordered",
  dropped: "alerts did not fit into the outbox",
} satisfies Record<Topic | "dropped", string>;

export const words = {
  andMore: (count: number, kind: string) =>
    `… and ${count} more ${MORE[kind] ?? `lines of this kind (${kind})`}: GET /status shows every service`,

  restartOrdered: (policy: ServicePolicy, service: Down, reason: string, now: number) =>
    `${policy.action === "stop" ? "stopping" : "restarting"} ${policy.container}: ${failing(service.outage, service.failures, now, reason)}`,

  nothingDone: (lost: string, restarts: readonly string[], alerts: number) => {
    const dropped = [
      ...(restarts.length > 0 ? [`${counted(restarts.length, "restart")} (${list(restarts)})`] : []),
      ...(alerts > 0 ? [counted(alerts, "alert")] : []),
    ];
    const what = dropped.length > 0 ? `; dropped ${dropped.join(" and ")}` : "";
    return `nothing was done: another process owns the state${what}. ${lost}`;
  },

  withheld: (policy: ServicePolicy, action: string, why: string) =>
    `the ${action} of ${policy.container} did not begin: ${why}`,

  restartEnded: ({ outcome, reason }: Outcome) => `${outcome}: ${reason}`,

  /** `why` is what the restarter said. */
  restartFailed: (policy: ServicePolicy, intent: RestartIntent, outage: Outage, why: string) =>
    `${policy.displayName} is down: ${failureOf(outage)}; ${words.failedRestart(policy, intent, why)}`,

  failedRestart: (policy: ServicePolicy, { action, askedBy, along }: RestartIntent, why: string) => {
    const whose =
      askedBy !== undefined ? ` requested by ${askedBy}` : along === "" ? "" : ` along with ${along}`;
    return `the ${action} of ${policy.container}${whose} failed: ${why}`;
  },

  restartDidNotHelp: (policy: ServicePolicy, failures: number, reason: string) =>
    `${policy.displayName} is down: ${policy.container} was restarted, but ${counted(failures, "check")} failed after that: ${reason}`,

  restartNotSeen: (policy: ServicePolicy, failures: number, reason: string) =>
    `${policy.displayName} is down: the outcome of the restart of ${policy.container} is unknown, and ${counted(failures, "check")} failed after it: ${reason}`,

  nothingToRestart: (policy: ServicePolicy, service: Down, reason: string, now: number) =>
    `${policy.displayName} is down and ${policy.container === "" ? "has no container to restart" : `is only watched (action ${policy.action})`}: ${failing(service.outage, service.failures, now, reason)}`,

  downAndHeld: (policy: ServicePolicy, service: Down, hold: string, reason: string, now: number) =>
    `${policy.displayName} is down and is not restarted (${hold}): ${failing(service.outage, service.failures, now, reason)}`,

  stillDown: (policy: ServicePolicy, outage: Outage, reason: string, now: number) =>
    `${policy.displayName} is still down after ${span(now - outage.startedAt)}, ${counted(outage.restarts, "restart")} tried, last check: ${reason}`,

  stopped: (policy: ServicePolicy, outage: Outage, how: string) =>
    `${policy.displayName} is down: ${policy.container} was stopped after ${counted(outage.failures, "failed check")} (action stop), last: ${failureOf(outage)}; ${how}`,

  recovered: (policy: ServicePolicy, outage: Outage, now: number) => {
    const how =
      outage.restarted === "yes"
        ? `after ${outage.restarts === 1 ? "a restart" : `${outage.restarts} restarts`}`
        : outage.restarted === "unknown"
          ? "by itself, or by a restart whose outcome is unknown"
          : outage.cause !== undefined
            ? `with ${outage.cause}`
            : outage.restarts > 0
              ? `by itself, after ${counted(outage.restarts, "failed restart")}`
              : `by itself after ${counted(outage.failures, "failed check")}`;
    const what = `${policy.displayName} recovered ${how} (down for ${span(now - outage.startedAt)})`;
    return `${what}. The failure was: ${failureOf(outage)}`;
  },

  verifying: (policy: ServicePolicy, reason: string) =>
    `${policy.container}: ${reason}; waiting for ${policy.displayName}'s checks to confirm that it helped`,

  firstPassed: (policy: ServicePolicy, reason: string) => `${policy.displayName} is healthy: ${reason}`,

  firstFailed: (policy: ServicePolicy, reason: string) =>
    `${policy.displayName} failed a check (1 of ${policy.failureThreshold}): ${reason}`,

  firstFailure: (reason: string) => `the first check failed: ${reason}`,

  inGrace: (policy: ServicePolicy, leftMs: number, reason: string) =>
    `${policy.displayName} is still starting (failures do not count for another ${span(leftMs)}): ${reason}`,

  notConfigured: (name: string) =>
    `${name} is not watched any more; if it returns within a day, its backoff and budget go on`,

  watchedAgain: (name: string) => `${name} is watched again, with the backoff and budget that it had`,

  unwatched: (name: string, outage: Outage, now: number) =>
    `${name} is not watched any more: it was taken out of the configuration after being down for ${span(now - outage.startedAt)}. Its end will not be told. The failure was: ${failureOf(outage)}`,

  leftBefore: "the service was taken out of the configuration before the restart ended",

  notWatched: "it is no longer watched",

  configuredAnew: "its configuration has changed since the restart was ordered",
  restartUnderWay: "another restart of its container is under way",

  interrupted: "the watchdog stopped before the restart ended, so its outcome is unknown",

  whyUnknown: (policy: ServicePolicy, reason: string) =>
    `${policy.displayName} has not been checked yet${reason === "" ? "" : `: ${reason}`}`,

  whyHealthy: (policy: ServicePolicy, service: ServiceState, now: number) => {
    const since = `${policy.displayName} has been healthy for ${span(now - service.healthySinceAt)}`;
    const { budget, stableMs } = policy;
    if (budget !== null && service.budgetSpentAt > 0)
      return `${since}, but would not be restarted: ${words.holdBudget(budget, stableMs)}`;
    return `${since}: nothing to do`;
  },

  whyFailing: (policy: ServicePolicy, service: ServiceState, reason: string) =>
    `${policy.displayName} failed ${counted(service.failures, "check")} in a row; at ${policy.failureThreshold} it counts as down: ${reason}`,

  whyRestarting: (policy: ServicePolicy, { action, orderedAt, reason }: RestartIntent, now: number) =>
    `the ${action} of ${policy.container} began ${span(now - orderedAt)} ago: ${reason}`,

  whyVerifying: (policy: ServicePolicy, service: ServiceState, reason: string, now: number) =>
    `${policy.container} was restarted ${span(now - service.statusSinceAt)} ago, and ${policy.displayName} must pass ${counted(policy.successThreshold, "check")} to count as healthy; last check: ${reason}`,

  whyDown: (policy: ServicePolicy, service: Down, reason: string, now: number) => {
    const facts = failing(service.outage, service.failures, now, reason);
    if (service.outage.stopped)
      return `${policy.displayName} is down: ${policy.container} was stopped (action stop) and stays stopped; ${facts}`;
    if (service.hold?.kind === "unreachable")
      return `${policy.displayName} cannot be checked and is not restarted (${service.hold.reason}): ${facts}`;
    if (service.hold)
      return `${policy.displayName} is down and is not restarted (${service.hold.reason}): ${facts}`;
    if (policy.container === "" || policy.action !== "restart")
      return words.nothingToRestart(policy, service, reason, now);
    return `${policy.displayName} is down and will be restarted at its next failed check: ${facts}`;
  },

  held: (policy: ServicePolicy, reason: string) => `${policy.displayName}: ${reason}`,

  holdPaused: (pause: Pause) => `paused by ${pause.origin}${until(pause.untilAt, ', until "resume"')}`,

  holdMaintenance: (untilAt: number) => `in a maintenance window${until(untilAt, "")}`,

  holdByHand: (policy: ServicePolicy, how: string) =>
    `${how}, and respectManualStop is on: start ${policy.container} to have it watched again`,

  holdUnseen: (policy: ServicePolicy) =>
    `respectManualStop is on, and the engine took too long to say whether a person stopped ${policy.container}`,

  holdUnreachable: (policy: ServicePolicy, why: string) =>
    `${policy.container} is running but cannot be reached from here: ${why}`,

  holdStoppedFor: (policy: ServicePolicy, why: string, forMs: number) =>
    `${why}: ${policy.container} is left alone until it is started again, for ${span(forMs)} at most`,

  holdRecreating: (policy: ServicePolicy, absence: Absence) =>
    `${policy.container} ${ABSENCES[absence]}: it is probably being recreated or updated`,

  holdMissing: (policy: ServicePolicy, absence: Absence, known: KnownContainer | null) => {
    const error = known?.error ? ` (${known.error})` : "";
    const remedy = known?.remedy
      ? `run \`${known.remedy}\``
      : "create and start it, or correct the container's name in the configuration";
    return `${policy.container} ${ABSENCES[absence]}${error}: ${remedy}`;
  },

  holdCrashLoop: (policy: ServicePolicy, loop: RestartSeries, { policy: rule, advice }: EngineRestarts) => {
    const restarts = loop.count - loop.fromCount;
    const since = span(loop.seenAt - loop.sinceAt);
    const often = restarts > 0 ? `${counted(restarts, "restart")} in ${since}` : `restart ${loop.count}`;
    const ended = loop.ended === undefined ? "" : `, last ended with ${loop.ended}`;
    return `crash loop: the engine itself restarts ${policy.container} whenever it ends (restart policy ${rule}): ${often}${ended}; a restart by the watchdog would only add to it: ${advice}`;
  },

  blocked: (names: readonly string[], reason: string) =>
    `${together(names)} cannot be checked: ${reason}. Nothing is known of ${names.length === 1 ? "it" : "them"}, and nothing is restarted`,

  unreachable: (names: readonly string[], why: string) =>
    `${together(names)} cannot be checked and ${names.length === 1 ? "is not restarted, because its container is running" : "are not restarted, because their containers are running"}: ${why}`,

  holdBrake: (brake: Brake) => `the brake holds all restarts: ${brake.reason}`,

  holdDependency: (cause: ServicePolicy, service: ServiceState, now: number) =>
    `waiting for ${cause.displayName}, which is ${service.status === "healthy" ? "still starting" : service.status}${service.outage ? ` (failing for ${span(now - service.outage.startedAt)})` : ""}`,

  released: (policy: ServicePolicy, kind: HoldKind) =>
    `${policy.displayName} ${RELEASED[kind] ?? "has a container that runs"}: its failures are counted from 0 again`,

  brakeCorrelated: (fallen: number, total: number, rule: BrakeRule) =>
    `${fallen} of ${total} services went down within ${span(rule.windowMs)}, which points to one cause outside them`,

  brakeEngine: (fault: string) => `the container engine does not answer (${fault})`,

  brakeNetwork: (fault: string) => `the watchdog's own network seems to be down (sentinel: ${fault})`,

  brakeClosed: (reason: string, fallen: readonly string[]) =>
    `All restarts are held: ${reason}. Down: ${list(fallen)}. Checks continue.`,

  brakeOpened: (brake: Brake, now: number) =>
    `Restarts are made again after ${span(now - brake.sinceAt)}; failures are counted from 0 again. The cause was: ${brake.reason}`,

  restartAlong: (policy: ServicePolicy, parent: ServicePolicy) =>
    `restarting ${policy.container} along with ${parent.container}`,

  notAlong: (policy: ServicePolicy, parent: ServicePolicy, hold: string) =>
    `${policy.container} is not restarted along with ${parent.container}: ${hold}`,

  rebuilt: (policy: ServicePolicy) =>
    `${policy.container} has a new image or configuration: backoff and budget start again`,

  operatorPaused: (who: string, pause: Pause) =>
    `${who} paused by ${pause.origin}${until(pause.untilAt, ', until "resume"')}`,
  operatorResumed: (who: string, origin: string) =>
    `${who} resumed by ${origin}: pause ended, backoff and budget start again`,
  operatorRestart: (policy: ServicePolicy, origin: string, forced: boolean) =>
    `restarting ${policy.container}: requested by ${origin}${forced ? " (forced)" : ""}`,
  operatorRefused: (policy: ServicePolicy, why: string) => `${policy.displayName} is not restarted: ${why}`,
  alreadyRestarting: "a restart is under way",
  nothingToRestartHere: "it has no container to restart",
  unknownService: (name: string) => `there is no service "${name.slice(0, 80)}"`,

  holdBackoff: (waitMs: number, restarts: number) =>
    `backoff: ${counted(restarts, "restart")} since it was last stable, the next is possible in ${span(waitMs)}`,

  holdBudget: ({ restarts, windowMs }: Budget, stableMs: number) =>
    `budget spent: ${counted(restarts, "restart")} in ${span(windowMs)} did not keep it healthy; this hold ends when the service has been healthy for ${span(stableMs)}, or with "resume"`,

  holdDryRun: (policy: ServicePolicy) => `dry run: ${policy.container} would be restarted now`,

  gaveUp: (policy: ServicePolicy, outage: Outage, hold: string) =>
    `Gave up restarting ${policy.displayName}: ${hold}. Find out why ${policy.container} does not stay up. The last failure was: ${failureOf(outage)}`,

  stable: (policy: ServicePolicy) =>
    `${policy.displayName} has been healthy for ${span(policy.stableMs)}: backoff and budget are reset`,

  dropped: (message: string, sink: string) =>
    `the outbox is full; an alert for ${sink} is a dead letter now (GET /outbox): ${message}`,
  sinkFails: (sink: string, reason: string) => `the sink ${sink} does not accept alerts: ${reason}`,
  died: (message: string, sink: string, reason: string) =>
    `an alert for ${sink} will not be tried again (${reason}); GET /outbox shows it: ${message}`,

  shuttingDown: "the watchdog is shutting down",

  troubleBegan: (reason: string) => `The watchdog cannot do all of its job: ${reason}`,
  troubleEnded: (reason: string, sinceAt: number, now: number) =>
    `The watchdog can do its job again after ${span(now - sinceAt)}. The cause was: ${reason}`,
};
