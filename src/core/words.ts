/** Every sentence that people read, once: the same in the log, in alerts, in `/status` and on the command line. */

import type { BrakeRule } from "./event.ts";
import type { ServicePolicy } from "./policy.ts";
import type { Brake, Outage, Pause, ServiceState } from "./state.ts";

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
] as const;

/** A time span for people, at most two units: `1 min 2 s`, `3 h`, `450 ms`. */
export function span(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  let rest = Math.round(ms / 1000) * 1000;
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    if (rest >= size && parts.length < 2) {
      parts.push(`${Math.floor(rest / size)} ${unit}`);
      rest %= size;
    } else if (parts.length > 0) break;
  }
  return parts.join(" ");
}

export const counted = (n: number, one: string, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

const until = (at: number | undefined, otherwise: string) =>
  at === undefined ? otherwise : ` until ${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;

const list = (names: readonly string[]) =>
  names.length === 0
    ? "none"
    : names.length <= 6
      ? names.join(", ")
      : `${names.slice(0, 5).join(", ")} and ${names.length - 5} more`;

/** The first fact of every explanation: what failed, how often, since when. */
function failing(outage: Outage, failures: number, now: number, reason: string): string {
  return `${counted(failures, "failed check")} in a row, failing for ${span(now - outage.startedAt)}, last: ${reason}`;
}

/** The first line on a lock screen. */
export const titles = {
  down: (policy: ServicePolicy) => `${policy.displayName} is down`,
  recovered: (policy: ServicePolicy) => `${policy.displayName} recovered`,
  gaveUp: (policy: ServicePolicy) => `${policy.displayName} stays down`,
  brakeClosed: "All restarts are held",
  brakeOpened: "Restarts are made again",
  troubleBegan: "The watchdog needs help",
  troubleEnded: "The watchdog works again",
};

export const words = {
  restartOrdered: (policy: ServicePolicy, service: ServiceState, reason: string, now: number) =>
    `${policy.action === "stop" ? "stopping" : "restarting"} ${policy.container}: ${failing(service.outage!, service.failures, now, reason)}`,

  restartFailed: (policy: ServicePolicy, action: string, reason: string) =>
    `${policy.displayName} is down: the ${action} of ${policy.container} failed: ${reason}`,

  restartDidNotHelp: (policy: ServicePolicy, service: ServiceState, reason: string) =>
    `${policy.displayName} is down: ${policy.container} was restarted, and ${counted(service.failures, "check")} failed since: ${reason}`,

  restartNotSeen: (policy: ServicePolicy, service: ServiceState, reason: string) =>
    `${policy.displayName} is down: a restart of ${policy.container} was begun, its end was not seen, and ${counted(service.failures, "check")} failed since: ${reason}`,

  nothingToRestart: (policy: ServicePolicy, service: ServiceState, reason: string, now: number) =>
    `${policy.displayName} is down and ${policy.container === "" ? "has no container to restart" : `is only watched (action ${policy.action})`}: ${failing(service.outage!, service.failures, now, reason)}`,

  downAndHeld: (policy: ServicePolicy, service: ServiceState, hold: string, reason: string, now: number) =>
    `${policy.displayName} is down and is not restarted (${hold}): ${failing(service.outage!, service.failures, now, reason)}`,

  stillDown: (policy: ServicePolicy, outage: Outage, reason: string, now: number) =>
    `${policy.displayName} is still down after ${span(now - outage.startedAt)}, ${counted(outage.restarts, "restart")} tried, last check: ${reason}`,

  stopped: (policy: ServicePolicy, service: ServiceState, reason: string) =>
    `${policy.displayName} is down: ${policy.container} was stopped after ${counted(service.outage?.failures ?? 0, "failed check")} (action stop): ${reason}`,

  recovered: (policy: ServicePolicy, outage: Outage, now: number) => {
    const how =
      outage.restarted === "yes"
        ? `after ${outage.restarts === 1 ? "a restart" : `${outage.restarts} restarts`}`
        : outage.restarted === "unknown"
          ? "by itself, or by a restart whose end was not seen"
          : outage.cause !== undefined
            ? `with ${outage.cause}`
            : outage.restarts > 0
              ? `by itself, after ${counted(outage.restarts, "failed restart")}`
              : `by itself after ${counted(outage.failures, "failed check")}`;
    return `${policy.displayName} recovered ${how} (down for ${span(now - outage.startedAt)})`;
  },

  verifying: (policy: ServicePolicy, reason: string) =>
    `${policy.container}: ${reason}; waiting for ${policy.displayName}'s checks to say that it helped`,

  firstFailure: (reason: string) => `the first check failed: ${reason}`,

  inGrace: (policy: ServicePolicy, leftMs: number, reason: string) =>
    `${policy.displayName} is still starting (failures count in ${span(leftMs)}): ${reason}`,

  notConfigured: (name: string) => `${name} is no longer in the configuration: its record is dropped`,

  interrupted: "the watchdog stopped in the middle of it, so nobody saw its end",

  whyUnknown: (policy: ServicePolicy, reason: string) =>
    `${policy.displayName} has not been checked yet${reason === "" ? "" : `: ${reason}`}`,

  whyHealthy: (policy: ServicePolicy, service: ServiceState, now: number) => {
    const since = `${policy.displayName} has been healthy for ${span(now - service.healthySinceAt)}`;
    if (service.budgetSpentAt > 0) return `${since}, and would not be restarted: ${words.holdBudget(policy)}`;
    return `${since}: there is nothing to do`;
  },

  whyFailing: (policy: ServicePolicy, service: ServiceState, reason: string) =>
    `${policy.displayName} failed ${counted(service.failures, "check")} in a row; at ${policy.failureThreshold} it is acted upon: ${reason}`,

  whyRestarting: (policy: ServicePolicy, service: ServiceState, now: number) =>
    `${policy.container} is being ${service.restart?.action === "stop" ? "stopped" : "restarted"} since ${span(now - (service.restart?.orderedAt ?? now))}: ${service.restart?.reason ?? ""}`,

  whyVerifying: (policy: ServicePolicy, service: ServiceState, reason: string, now: number) =>
    `${policy.container} was restarted ${span(now - service.statusSinceAt)} ago, and ${policy.displayName} must pass ${counted(policy.successThreshold, "check")} to count as healed; last check: ${reason}`,

  whyDown: (policy: ServicePolicy, service: ServiceState, reason: string, now: number) => {
    if (service.outage === null) return `${policy.displayName} is down: ${reason}`;
    const facts = failing(service.outage, service.failures, now, reason);
    if (service.outage.stopped)
      return `${policy.displayName} is down: ${policy.container} was stopped (action stop) and is left so; ${facts}`;
    if (service.hold)
      return `${policy.displayName} is down and is not restarted (${service.hold.reason}): ${facts}`;
    if (policy.container === "" || policy.action !== "restart")
      return words.nothingToRestart(policy, service, reason, now);
    return `${policy.displayName} is down, and is restarted at its next failed check: ${facts}`;
  },

  holdPaused: (pause: Pause) => `paused by ${pause.origin}${until(pause.untilAt, ', until "resume"')}`,

  holdMaintenance: (untilAt: number) => `in a maintenance window${until(untilAt, "")}`,

  holdByHand: (policy: ServicePolicy, how: string) =>
    `${how}, and respectManualStop is on: start ${policy.container} to have it watched again`,

  holdUnseen: (policy: ServicePolicy) =>
    `respectManualStop is on, and the engine took too long to say whether a person stopped ${policy.container}`,

  holdBrake: (brake: Brake) => `the brake holds all restarts: ${brake.reason}`,

  holdDependency: (cause: ServicePolicy, service: ServiceState, now: number) =>
    `waits for ${cause.displayName}, which is ${service.status === "healthy" ? "still starting" : service.status}${service.outage ? ` (failing for ${span(now - service.outage.startedAt)})` : ""}`,

  released: (policy: ServicePolicy) =>
    `${policy.displayName} no longer waits for a cause: its failures count afresh`,

  brakeCorrelated: (fallen: number, total: number, rule: BrakeRule) =>
    `${fallen} of ${total} services fell within ${span(rule.windowMs)}, which looks like one cause outside them`,

  brakeEngine: (fault: string) => `the engine that makes restarts does not answer (${fault})`,

  brakeNetwork: (fault: string) => `the watchdog's own network seems to be down (sentinel: ${fault})`,

  brakeClosed: (reason: string, fallen: readonly string[]) =>
    `All restarts are held: ${reason}. Down: ${list(fallen)}. Checks go on.`,

  brakeOpened: (brake: Brake, now: number) =>
    `Restarts are made again after ${span(now - brake.sinceAt)}; failures count afresh. It was: ${brake.reason}`,

  restartAlong: (policy: ServicePolicy, parent: ServicePolicy) =>
    `restarting ${policy.container} along with ${parent.container}`,

  notAlong: (policy: ServicePolicy, parent: ServicePolicy, hold: string) =>
    `${policy.container} is not restarted along with ${parent.container}: ${hold}`,

  rebuilt: (policy: ServicePolicy) =>
    `${policy.container} has a new image or configuration: backoff and budget begin anew`,

  operatorPaused: (who: string, pause: Pause) =>
    `${who} paused by ${pause.origin}${until(pause.untilAt, ', until "resume"')}`,
  operatorResumed: (who: string, origin: string) =>
    `${who} resumed by ${origin}: pause ended, backoff and budget begin anew`,
  operatorRestart: (policy: ServicePolicy, origin: string, forced: boolean) =>
    `restarting ${policy.container}: asked for by ${origin}${forced ? " (forced)" : ""}`,
  operatorRefused: (policy: ServicePolicy, why: string) => `${policy.displayName} is not restarted: ${why}`,
  alreadyRestarting: "a restart is under way",
  nothingToRestartHere: "it has no container to restart",
  unknownService: (name: string) => `there is no service "${name.slice(0, 80)}"`,

  holdBackoff: (waitMs: number, restarts: number) =>
    `backoff: ${counted(restarts, "restart")} since it was last stable, the next may be in ${span(waitMs)}`,

  holdBudget: (policy: ServicePolicy) =>
    `budget spent: ${counted(policy.budget!.restarts, "restart")} in ${span(policy.budget!.windowMs)} did not keep it healthy; it ends when the service has been healthy for ${span(policy.stableMs)}, or by "resume"`,

  holdDryRun: (policy: ServicePolicy) => `dry run: ${policy.container} would be restarted now`,

  gaveUp: (policy: ServicePolicy) =>
    `Gave up restarting ${policy.displayName}: ${words.holdBudget(policy)}. Look at why ${policy.container} does not stay up.`,

  stable: (policy: ServicePolicy) =>
    `${policy.displayName} has been healthy for ${span(policy.stableMs)}: backoff and budget are forgotten`,

  dropped: (message: string, sink: string) =>
    `the outbox is full; an alert for ${sink} is a dead letter now (GET /outbox): ${message}`,
  sinkFails: (sink: string, reason: string) => `the sink ${sink} does not take alerts: ${reason}`,
  died: (message: string, sink: string, reason: string) =>
    `an alert for ${sink} will not be tried again (${reason}); GET /outbox shows it: ${message}`,

  troubleBegan: (reason: string) => `The watchdog cannot do all of its job: ${reason}`,
  troubleEnded: (reason: string, sinceAt: number, now: number) =>
    `The watchdog can do its job again after ${span(now - sinceAt)}. It was: ${reason}`,
};
