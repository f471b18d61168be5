/**
 * The values whose files lie in `fixtures/`: every field that a state or an incident can have. The types are
 * `Required`, so that the compiler asks for a new field here.
 */
import type { Alert } from "../../src/core/alert.ts";
import type { KnownContainer } from "../../src/core/container.ts";
import type { Incident } from "../../src/core/event.ts";
import type { OutboxEntry } from "../../src/core/outbox.ts";
import type { Outage, Pause, RestartIntent, ServiceState, WatchdogState } from "../../src/core/state.ts";
import { newService } from "../../src/core/state.ts";
import type { Evidence } from "../../src/plugin.ts";

const T0 = Date.UTC(2026, 10, 23, 18, 20, 15, 7);
const at = (seconds: number) => T0 + seconds * 1000;

/** `cause` names another service; `silent` and `stopped` are marks that only `true` sets. */
const outage: Required<Outage> = {
  id: "inc_mi9x0a1",
  startedAt: at(-600),
  failures: 3,
  firstReason: "HTTP 503 in 12 ms, at “noon”\n2026-11-23T18:20:15.007Z",
  lastReason: "2026-11-23T18:20:15.007Z",
  restarts: 2,
  restarted: "unknown",
  stopped: true,
  toldAt: at(-590),
  toldAs: "evt_mi9x0a1",
  remindedAt: at(-60),
  cause: "database",
  silent: true,
  hint: "OOMKilled: raise the memory limit",
  log: [
    { at: at(-600), text: "failed: HTTP 503 in 12 ms" },
    { at: at(-590), text: "2026-11-23T18:10:25.007Z" },
  ],
};

const restart: Required<RestartIntent> = {
  id: "rst_mi9x0a1",
  orderedAt: at(-2),
  along: "database",
  action: "restart",
  reason: "3 failed checks in a row",
  failures: 3,
  askedBy: "anna",
  forced: true,
};

const pause: Required<Pause> = { sinceAt: at(-30), untilAt: at(3600), origin: "anna" };

const container: Required<KnownContainer> = {
  id: "3f1c",
  build: "executor:1.2 8d7a",
  startedAt: at(-7200),
  engineStart: at(-7201),
  startPeriodMs: 30_000,
  networkParent: "77aa",
  runs: true,
  stoppedByHand: "stopped by docker stop at 18:20",
  outOfReach: { cause: "backend", reason: "join the network: docker network connect backend watchdog" },
  absence: "created",
  error: "port is already allocated",
  remedy: "docker compose up -d executor",
  stoppedFor: "stopped by a person, probably for a backup",
  engineRestarts: { policy: "always", count: 7, isDue: true, ended: "exit code 3", advice: "read its log" },
  restartSeries: {
    fromCount: 4,
    count: 7,
    sinceAt: at(-40),
    grewAt: at(-10),
    seenAt: at(-3),
    ended: "exit code 3",
  },
};

/** In every one of its parts at once, which no service ever is. */
const executor: Required<ServiceState> = {
  status: "restarting",
  statusSinceAt: at(-2),
  addedAt: at(-86_400),
  failures: 3,
  successes: 1,
  lastCheck: { at: at(-3), ok: false, reason: "connection refused", fault: "unconnected" },
  lastPassAt: at(-601),
  lastFailAt: at(-3),
  healthySinceAt: at(-50_000),
  graceUntilAt: at(28),
  outage,
  restart,
  restarts: [
    { at: at(-500), startBefore: at(-7201), outcome: "failed", untried: true, reason: "no such container" },
    { at: at(-2), outcome: "pending", reason: "" },
  ],
  backoffLevel: 2,
  notBeforeAt: at(120),
  budgetSpentAt: at(-1),
  budgetFromAt: at(-4000),
  hold: { kind: "unreachable", reason: "out of reach", sinceAt: at(-3), untilAt: at(60) },
  pause,
  container,
};

const alert: Required<Alert> = {
  id: "evt_mi9x0a1",
  event_type: "COMPONENT_DOWN",
  timestamp: "2026-11-23T18:20:15.007Z",
  severity: "CRITICAL",
  title: "Executor is down",
  message: "Executor is down: HTTP 503 in 12 ms",
  params: {
    component_name: "executor",
    container_name: "executor-1",
    action: "restart",
    success: false,
    consecutive_failures: 3,
    incident_id: "inc_mi9x0a1",
    reason: "2026-11-23T18:20:15.007Z",
    health_url: "http://executor:8080/health",
    severity: "CRITICAL",
    hint: "OOMKilled: raise the memory limit",
    down_seconds: 600,
    test: true,
  },
  follows: { id: "evt_mi9x000", title: "Database is down" },
};

const entry = (id: string, sink: string): OutboxEntry => ({
  id: `${id}:${sink}`,
  sink,
  service: "executor",
  alert: { ...alert, id },
  createdAt: at(-590),
  attempts: 4,
  nextAt: at(300),
  lastReason: "2026-11-23T18:20:15.007Z",
});

export const state: Required<WatchdogState> = {
  clockAt: T0,
  lastTick: {
    id: "tick_mi9x0a1",
    startedAt: at(-1),
    completedAt: T0,
    durationMs: 1000,
    gapsMs: [15_000, 15_007],
  },
  services: Object.assign(Object.create(null), {
    executor,
    at: newService(at(-5)),
    lookAt: { ...newService(0), lastCheck: { at: at(-5), ok: null, reason: "no socket" } },
    pause: { ...newService(at(-7)), hold: { kind: "budget", reason: "spent", sinceAt: at(-6) } },
    constructor: newService(253_402_300_800_000),
  }),
  absent: Object.assign(Object.create(null), {
    at: {
      sinceAt: at(-3000),
      restarts: [{ at: at(-3100), outcome: "unknown", reason: "2026-11-23T18:20:15.007Z" }],
      backoffLevel: 1,
      notBeforeAt: at(-3050),
      budgetSpentAt: 0,
      budgetFromAt: at(-4000),
      pause,
      container,
    },
  }),
  troubles: Object.assign(Object.create(null), {
    state: { sinceAt: at(-20), reason: "no space left", toldAs: "evt_mi9x002" },
    "sink:at": { sinceAt: at(-21), reason: "HTTP 410" },
  }),
  brake: { kind: "correlated", sinceAt: at(-40), reason: "3 of 4 services fell", toldAs: "evt_mi9x003" },
  pause: { sinceAt: at(-50), origin: "ben" },
  actions: [
    { at: at(-50), action: "pause", service: "", origin: "ben", answer: "paused" },
    {
      at: at(-30),
      action: "pause",
      service: "executor",
      origin: "anna",
      untilAt: at(3600),
      forced: true,
      answer: "paused for 1 h",
    },
  ],
  outbox: {
    entries: [
      entry("evt_mi9x0a1", "at"),
      { ...entry("evt_mi9x0a1", "webhook"), attempts: 0, lastReason: "" },
    ],
    dead: [{ ...entry("evt_mi9x000", "webhook"), diedAt: at(-10) }],
    sinks: Object.assign(Object.create(null), {
      at: { failures: 5, heldUntilAt: at(299) },
      webhook: { failures: 0, heldUntilAt: 0 },
    }),
    sent: 1234,
  },
};

export const incident: Required<Incident> = {
  id: "inc_mi9x0a1",
  service: "executor",
  displayName: "Executor",
  container: "executor-1",
  startedAt: at(-600),
  endedAt: T0,
  durationMs: 600_007,
  firstReason: "2026-11-23T18:20:15.007Z",
  outcome: "recovered after 2 restarts",
  restarts: 2,
  cause: "database",
  hint: "OOMKilled: raise the memory limit",
  log: outage.log,
};

/** Taken twice: at the first restart and at the second. */
export const evidence: Required<Evidence> = {
  facts: {
    id: "3f1c",
    image: "executor:1.2",
    configHash: "8d7a",
    status: "exited",
    startedAt: at(-7200),
    finishedAt: at(-601),
    exitCode: 137,
    oomKilled: true,
    error: "",
    restartCount: 0,
    startPeriodMs: 30_000,
    stopTimeoutMs: 10_000,
    networkParent: "77aa",
    outOfReach: { cause: "backend", reason: "join the network" },
  },
  healthLog: ["2026-11-23T18:20:15.007Z curl: (7)"],
  logLines: ["2026-11-23T18:20:15.007Z", "at: out of memory"],
  hint: "OOMKilled: raise the memory limit",
  missing: "docker logs took longer than 2 s",
};

/** Saved before `state`, so that the journal has a row that changed and a row that is gone. */
export const earlier: WatchdogState = {
  ...state,
  outbox: {
    ...state.outbox,
    entries: [
      entry("evt_mi9x001", "gone"),
      { ...state.outbox.entries[0]!, attempts: 3, nextAt: at(-1), lastReason: "HTTP 503" },
    ],
    dead: [],
  },
};

/** When `evidence` was taken, both times. */
export const takenAt = [at(-595), at(-2)] as const;

type Json = Record<string, unknown>;

/** What 0.1.0 knew of `state`, as it stood in memory. */
export function stateOf010(): Json {
  const known = JSON.parse(JSON.stringify(state));
  for (const service of Object.values<Json>(known.services)) {
    drop(service.outage, "lastReason", "toldAs");
    drop(service.restart, "askedBy", "forced");
    drop(service.container, "engineStart", "runs", "outOfReach", "absence", "error", "remedy", "stoppedFor");
    drop(service.container, "engineRestarts", "restartSeries");
    for (const one of service.restarts as Json[]) drop(one, "startBefore", "untried");
    drop(service.lastCheck, "fault");
    if ((service.hold as Json | null)?.kind === "unreachable")
      Object.assign(service.hold!, { kind: "backoff" });
  }
  for (const trouble of Object.values<Json>(known.troubles)) drop(trouble, "toldAs");
  drop(known, "absent");
  drop(known.brake, "toldAs");
  drop(known.lastTick, "gapsMs");
  for (const { alert } of [...known.outbox.entries, ...known.outbox.dead]) {
    drop(alert, "follows");
    drop(alert.params, "reason", "health_url", "severity");
  }
  return known;
}

function drop(from: unknown, ...keys: string[]): void {
  for (const key of keys) if (from) delete (from as Json)[key];
}
