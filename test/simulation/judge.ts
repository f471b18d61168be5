/** Watches a world from outside and holds the invariants; a breach throws with what happened. */
import type { HoldKind, WatchdogState } from "../../src/core/state.ts";
import type { Alert } from "../../src/plugin.ts";
import type { Town } from "./town.ts";

export interface Judge {
  begin(town: Town, monotonicMs: () => number, now: () => number, clockJumps: boolean): void;
  /** A restart is about to be made, and the watchdog thinks this. */
  restartAllowed(service: string, state: WatchdogState): void;
  /** A person paused or resumed; an empty service means all. */
  meddled(action: "pause" | "resume", service: string, untilAt: number): void;
  /** A person asked to resume: budgets begin anew. */
  forgave(service: string): void;
  /** The state between two ticks. */
  looked(state: WatchdogState): void;
  checked(service: string, ok: boolean): void;
  restartBegan(service: string): void;
  /** The watchdog is told that its time is up; the engine goes on. */
  restartUnseen(service: string): void;
  restartEnded(service: string): void;
  /** It turns out that nothing could be done: no budget is spent. */
  restartUntried(service: string): void;
  told(sink: string, alert: Alert): void;
  died(): void;
  slept(): void;
  reloaded(): void;
  /** Another process took the state over. */
  superseded(): void;
  /** A restart command is about to be given, by the owner of the state or by another process. */
  restartOrdered(service: string, byOwner: boolean): void;
  loaded(state: WatchdogState): void;
  over(state: WatchdogState): void;
}

/** What happened in a world, counted. */
const NOTHING_HAPPENED = {
  restarts: 0,
  crashes: 0,
  sleeps: 0,
  takeovers: 0,
  alerts: 0,
  repeats: 0,
  outages: 0,
  holds: 0,
  reloads: 0,
  crashLoops: 0,
  recreations: 0,
  backups: 0,
  fullDisks: 0,
};

export type Tally = typeof NOTHING_HAPPENED;

export const emptyTally = (): Tally => ({ ...NOTHING_HAPPENED });

interface Seen {
  /** Failed checks in a row that anybody can have seen since the last pass or restart. */
  failures: number;
  lastOk: boolean | undefined;
  restarting: boolean;
  /** The process that began it died, or its time was up: nobody can know how far the engine is. */
  orphaned: boolean;
  everRestarted: boolean;
  /** When restarts began, since the budget was last given anew. */
  restarts: number[];
  pausedUntilAt: number;
  lastPassMs: number;
}

/** Holds that end when something else does, which their reason names. */
const ENDLESS = new Set(["dependency", "brake", "missing", "crash-loop", "budget", "dry-run"]);

const LOOKED: Partial<Record<HoldKind, keyof Tally>> = {
  "crash-loop": "crashLoops",
  recreating: "recreations",
  missing: "recreations",
  backup: "backups",
};

export function createJudge(): Judge & { tally: Tally; breaches: string[] } {
  const tally = emptyTally();
  const breaches: string[] = [];
  let town: Town;
  let nowMs = () => 0;
  let wallNow = () => 0;
  let jumps = false;
  let allPausedUntilAt = 0;
  let sleptAt = 0;
  const services = new Map<string, Seen>();
  const told = new Map<string, Map<string, Alert>>();

  const seen = (service: string): Seen => {
    const known = services.get(service);
    if (known) return known;
    const fresh: Seen = {
      failures: 0,
      lastOk: undefined,
      restarting: false,
      orphaned: false,
      everRestarted: false,
      restarts: [],
      pausedUntilAt: 0,
      lastPassMs: Number.NEGATIVE_INFINITY,
    };
    services.set(service, fresh);
    return fresh;
  };
  const hold = (holds: boolean, breach: string) => {
    if (!holds) breaches.push(breach);
  };

  function judgeAlert(sink: string, alert: Alert): void {
    const name = alert.params.component_name;
    const earlier = [...told.get(sink)!.values()].filter((one) => one.params.component_name === name);
    const incident = alert.params.incident_id;
    if (alert.event_type !== "WATCHDOG_FAILURE") judgeWords(sink, alert, earlier);
    else if (incident?.startsWith("trouble_")) {
      const { success } = alert.params;
      const twice = earlier.some(
        ({ params }) => params.incident_id === incident && params.success === success,
      );
      hold(!twice, `${sink}: ${incident} was told twice`);
    }
    if (alert.event_type === "COMPONENT_DOWN") {
      const twice = earlier.some(
        (one) => one.event_type === "COMPONENT_DOWN" && one.params.incident_id === incident,
      );
      hold(!twice, `${sink}: ${name} was told down twice in ${incident}`);
      tally.outages++;
    }
    if (alert.event_type === "COMPONENT_RECOVERED") {
      const twice = earlier.some(
        (one) => one.event_type === "COMPONENT_RECOVERED" && one.params.incident_id === incident,
      );
      hold(!twice, `${sink}: ${name} was told recovered twice in ${incident}`);
      if (alert.params.action === "restart") {
        hold(seen(name).everRestarted, `${sink}: ${name} was told restarted, and never was`);
      }
    }
    const last = earlier.at(-1);
    if (last && !jumps) hold(last.timestamp <= alert.timestamp, `${sink}: ${name}'s news came out of order`);
  }

  /** News of a service says what failed, and follows what was told of the same outage. */
  function judgeWords(sink: string, { message, params, severity, follows }: Alert, earlier: Alert[]): void {
    const { component_name: name, incident_id, reason = "" } = params;
    hold(
      reason !== "" && message.includes(reason),
      `${sink}: ${name}'s news does not say what failed: ${message}`,
    );
    hold(
      params.severity === severity,
      `${sink}: ${name}'s params are ${params.severity}, and it is ${severity}`,
    );
    const down = earlier.find(
      (one) => one.event_type === "COMPONENT_DOWN" && one.params.incident_id === incident_id,
    );
    hold(follows?.id === down?.id, `${sink}: ${name}'s news follows ${follows?.id} and not ${down?.id}`);
  }

  return {
    tally,
    breaches,
    begin(itsTown, monotonicMs, now, clockJumps) {
      jumps = clockJumps;
      town = itsTown;
      nowMs = monotonicMs;
      wallNow = now;
    },
    checked(service, ok) {
      const state = seen(service);
      state.lastOk = ok;
      state.failures = ok ? 0 : state.failures + 1;
      if (ok) state.lastPassMs = nowMs();
    },
    restartAllowed(service, state) {
      judgeStanding(service, state);
      const intent = state.services[service]?.restart;
      if ((intent?.orderedAt ?? 0) > sleptAt) judgeLook(service, intent?.along !== "");
      const asked = intent?.askedBy !== undefined;
      if (intent?.along !== "") return;
      if (!asked) judgeFailures(service);
      // A person in the middle of a tick is answered from what was known before its checks; and a process that
      // slept acts on what it knew, while the checks that waited for it to wake are only made.
      const known = asked || (intent?.orderedAt ?? 0) <= sleptAt;
      judgeCauses(service, (cause) =>
        known ? state.services[cause]?.lastCheck?.ok !== false : seen(cause).lastOk !== false,
      );
    },
    restartBegan(service) {
      tally.restarts++;
      const state = seen(service);
      hold(!state.restarting, `${service} was restarted while a restart was under way`);
      state.restarting = true;
      state.everRestarted = true;
      state.restarts.push(nowMs());
      const { budget } = town.policies.get(service)!;
      if (budget === null) return;
      const recent = state.restarts.filter((at) => at > nowMs() - budget.windowMs);
      hold(recent.length <= budget.restarts, `${service} was restarted ${recent.length} times in its window`);
    },
    restartUnseen(service) {
      seen(service).orphaned = true;
    },
    restartEnded(service) {
      Object.assign(seen(service), { restarting: false, orphaned: false });
    },
    restartUntried(service) {
      seen(service).restarts.pop();
    },
    forgave(service) {
      for (const name of service === "" ? town.policies.keys() : [service]) seen(name).restarts = [];
    },
    meddled(action, service, untilAt) {
      for (const name of service === "" ? town.policies.keys() : [service]) {
        const state = seen(name);
        // A pause of all and one of the service stand beside each other; ending the one leaves the other.
        if (action === "pause") state.pausedUntilAt = service === "" ? state.pausedUntilAt : untilAt;
        else state.pausedUntilAt = 0;
      }
      if (service === "") allPausedUntilAt = action === "pause" ? untilAt : 0;
    },
    looked(state) {
      if (state.brake?.kind === "disk") tally.fullDisks++;
      for (const [name, service] of Object.entries(state.services)) {
        if (service.hold === null) continue;
        tally.holds++;
        const looked = LOOKED[service.hold.kind];
        if (looked) tally[looked]++;
        hold(service.hold.reason.length > 10, `${name} is held (${service.hold.kind}) and nobody says why`);
        const ends = service.hold.untilAt !== undefined;
        hold(ends || ENDLESS.has(service.hold.kind), `${name} is held (${service.hold.kind}) without an end`);
      }
    },
    told(sink, alert) {
      const known = told.get(sink) ?? new Map<string, Alert>();
      told.set(sink, known);
      if (known.has(alert.id)) {
        tally.repeats++;
        return;
      }
      judgeAlert(sink, alert);
      known.set(alert.id, alert);
      tally.alerts++;
    },
    died() {
      tally.crashes++;
    },
    reloaded() {
      tally.reloads++;
    },
    slept() {
      tally.sleeps++;
      sleptAt = wallNow();
    },
    restartOrdered(service, byOwner) {
      hold(byOwner, `${service} was restarted by a process that does not own the state`);
    },
    superseded() {
      tally.takeovers++;
      // What a process saw in its last tick may have died with it.
      for (const state of services.values()) {
        state.lastOk = undefined;
        state.orphaned = state.restarting;
      }
    },
    loaded(state) {
      for (const [service, { restart }] of Object.entries(state.services)) {
        // What was written down must not be made again before it failed anew up to the threshold.
        if (restart !== null) seen(service).failures = 0;
      }
    },
    over(state) {
      for (const name of town.policies.keys()) {
        const service = state.services[name];
        hold(service?.status === "healthy", `${name} is ${service?.status} long after all faults stopped`);
        hold(
          service?.hold === null,
          `${name} is held by ${service?.hold?.kind} long after all faults stopped`,
        );
      }
      hold(state.brake === null, "the brake is closed long after all faults stopped");
      hold(
        state.outbox.entries.length === 0,
        `${state.outbox.entries.length} alerts are still in the outbox`,
      );
      hold(state.outbox.dead.length === 0, `${state.outbox.dead.length} alerts are dead`);
      for (const [sink, alerts] of told) judgeResolved(sink, [...alerts.values()]);
    },
  };

  /** Nothing is restarted under a closed brake, a pause, a window or a dry run. */
  function judgeStanding(service: string, state: WatchdogState): void {
    const now = wallNow();
    const paused = Math.max(seen(service).pausedUntilAt, allPausedUntilAt) > now;
    hold(!paused, `${service} was restarted while it was paused`);
    hold(state.brake === null, `${service} was restarted under the brake`);
    hold(town.maintenance(now)[service] === undefined, `${service} was restarted in a window`);
    hold(!town.policies.get(service)!.dryRun, `${service} was restarted in a dry run`);
  }

  /** Nothing is restarted where the last look showed that a restart cannot mend it. */
  function judgeLook(service: string, isAlong: boolean): void {
    const { shown } = town.services.get(service)!;
    hold(shown === "there" || (isAlong && shown === "due"), `${service} was restarted, and is ${shown}`);
  }

  /** No restart before the threshold, and none of a container that is still starting. */
  function judgeFailures(service: string): void {
    const { failureThreshold, startPeriodMs = 0 } = town.policies.get(service)!;
    const { failures, lastPassMs } = seen(service);
    hold(
      failures >= failureThreshold,
      `${service} was restarted after ${failures} of ${failureThreshold} failures`,
    );
    const { startedAt, startIsBlurred } = town.services.get(service)!;
    if (startIsBlurred !== false) return;
    const starting = lastPassMs < startedAt && nowMs() < startedAt + startPeriodMs;
    hold(!starting, `${service} was restarted ${nowMs() - startedAt} ms after its start`);
  }

  /** No dependent is restarted while its cause is not healthy. */
  function judgeCauses(service: string, isHealthy: (cause: string) => boolean): void {
    const { policy, parent } = town.services.get(service)!;
    for (const cause of [...policy.dependsOn, ...(parent === undefined ? [] : [parent])]) {
      hold(isHealthy(cause), `${service} was restarted while its cause ${cause} was not healthy`);
      const restarting = seen(cause).restarting && !seen(cause).orphaned;
      hold(!restarting, `${service} was restarted while its cause ${cause} was restarting`);
    }
  }

  function judgeResolved(sink: string, alerts: Alert[]): void {
    const of = (type: string) =>
      alerts.filter((one) => one.event_type === type).map((one) => one.params.incident_id);
    // A service that left is not watched any more.
    const left = alerts.filter(
      ({ event_type, params }) => event_type === "WATCHDOG_FAILURE" && params.success,
    );
    const resolved = [...of("COMPONENT_RECOVERED"), ...left.map(({ params }) => params.incident_id)];
    for (const incident of of("COMPONENT_DOWN")) {
      hold(resolved.includes(incident), `${sink}: ${incident} was told and never told resolved`);
    }
  }
}
