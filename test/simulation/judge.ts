/** Watches a world from outside and holds the invariants; a breach throws with what happened. */
import assert from "node:assert/strict";
import type { Policies } from "../../src/core/policy.ts";
import type { WatchdogState } from "../../src/core/state.ts";
import type { Alert } from "../../src/plugin.ts";

export interface Judge {
  checked(service: string, ok: boolean): void;
  restartBegan(service: string): void;
  restartEnded(service: string): void;
  told(sink: string, alert: Alert): void;
  died(): void;
  loaded(state: WatchdogState): void;
  over(state: WatchdogState, policies: Policies): void;
}

export interface Tally {
  restarts: number;
  crashes: number;
  alerts: number;
  repeats: number;
  outages: number;
}

interface Seen {
  /** Failed checks in a row that anybody can have seen since the last pass or restart. */
  failures: number;
  lastOk: boolean | undefined;
  restarting: boolean;
  everRestarted: boolean;
}

export function createJudge(
  thresholdOf: (service: string) => number,
): Judge & { tally: Tally; breaches: string[] } {
  const tally: Tally = { restarts: 0, crashes: 0, alerts: 0, repeats: 0, outages: 0 };
  const breaches: string[] = [];
  const services = new Map<string, Seen>();
  const told = new Map<string, Map<string, Alert>>();

  const seen = (service: string): Seen => {
    const known = services.get(service);
    if (known) return known;
    const fresh = { failures: 0, lastOk: undefined, restarting: false, everRestarted: false };
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
    if (last) hold(last.timestamp <= alert.timestamp, `${sink}: ${name}'s news came out of order`);
  }

  return {
    tally,
    breaches,
    checked(service, ok) {
      const state = seen(service);
      state.lastOk = ok;
      state.failures = ok ? 0 : state.failures + 1;
    },
    restartBegan(service) {
      tally.restarts++;
      const state = seen(service);
      const needed = thresholdOf(service);
      hold(
        state.failures >= needed,
        `${service} was restarted after ${state.failures} of ${needed} failures`,
      );
      hold(!state.restarting, `${service} was restarted while a restart was under way`);
      state.restarting = true;
      state.everRestarted = true;
    },
    restartEnded(service) {
      seen(service).restarting = false;
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
    loaded(state) {
      for (const [service, { restart }] of Object.entries(state.services)) {
        // What was written down must not be made again before it failed anew up to the threshold.
        if (restart !== null) seen(service).failures = 0;
      }
    },
    over(state, policies) {
      for (const name of policies.keys()) {
        assert.ok(state.services[name], `${name} has no record`);
        const { status } = state.services[name];
        hold(status === "healthy", `${name} is ${status} long after all faults stopped`);
      }
      hold(
        state.outbox.entries.length === 0,
        `${state.outbox.entries.length} alerts are still in the outbox`,
      );
      hold(state.outbox.dead.length === 0, `${state.outbox.dead.length} alerts are dead`);
      for (const [sink, alerts] of told) judgeResolved(sink, [...alerts.values()]);
    },
  };

  function judgeResolved(sink: string, alerts: Alert[]): void {
    const of = (type: string) =>
      alerts.filter((one) => one.event_type === type).map((one) => one.params.incident_id);
    const resolved = of("COMPONENT_RECOVERED");
    for (const incident of of("COMPONENT_DOWN")) {
      hold(resolved.includes(incident), `${sink}: ${incident} was told and never told resolved`);
    }
  }
}
