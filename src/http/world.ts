/** Where HTTP meets the watchdog: everything that the routes can see and do. */
import type { Config, ConfigurationReport, Reloaded } from "../config/config.ts";
import { describe } from "../config/describe.ts";
import type { OperatorAnswer, OperatorRequest } from "../core/event.ts";
import { emptyState } from "../core/state.ts";
import type { Ports } from "../plugin/contract.ts";
import { shortestIntervalMs } from "../tick/intervals.ts";
import type { TickResult } from "../tick/report.ts";
import type { Configured } from "../tick/roster.ts";
import type { Watchdog } from "../watchdog.ts";
import { incidentDetail, incidentList } from "./incident-views.ts";
import { createRefusalLog, type RefusedRequest } from "./refusal-log.ts";
import { outboxReport, serviceDetail, statusReport } from "./views.ts";

export interface HttpWorld {
  readonly tokens: readonly string[];
  tick(): Promise<TickResult>;
  /** `false` while shutting down. */
  accepting(): boolean;
  readiness(): { ok: boolean; reason: string };
  status(): object;
  /** Reads the configuration again. `origin`: who asks for it. */
  reload(origin: string): Promise<Reloaded>;
  /** The running configuration, secrets hidden. */
  config(): object;
  service(name: string): Promise<object | undefined>;
  incidents(): Promise<object>;
  incident(id: string): Promise<object | undefined>;
  operate(request: OperatorRequest): Promise<OperatorAnswer>;
  outbox(): object;
  /** Tries a dead letter again; `false` when there is none with this id. */
  replay(id: string): Promise<boolean>;
  /** Called for every request that the gate turned away. */
  refused(request: RefusedRequest): void;
  now(): number;
}

const INCIDENTS_OF_SERVICE = 5;
const INCIDENTS_OF_ALL = 50;
/** kubelet, too, calls a container unhealthy after three missed probes. */
const INTERVALS_UNTIL_STALE = 3;

/** `ending` aborts when the process starts to shut down. */
export function createHttpWorld(
  current: () => Configured,
  ports: Ports,
  watchdog: Watchdog,
  reloads: { reload(why: string): Promise<Reloaded>; report(): ConfigurationReport },
  ending: AbortSignal,
): HttpWorld {
  const { clock } = ports;
  const state = () => watchdog.ledger()?.state ?? emptyState();
  const config = () => current().config;
  const targets = () => new Map([...current().registry.sinks].map(([name, { target }]) => [name, target]));
  return {
    get tokens() {
      return config().tokens;
    },
    tick: watchdog.tick,
    accepting: () => !ending.aborted,
    readiness: createReadiness(config, ports, watchdog, ending),
    status: () => statusReport(state(), config(), reloads.report(), clock.now()),
    reload: (origin) => reloads.reload(`reload asked for by ${origin}`),
    config: () => describe(config()).value,
    async service(name) {
      const incidents = await watchdog.incidents.last(name, INCIDENTS_OF_SERVICE);
      return serviceDetail(state(), config(), name, incidents, clock.now());
    },
    incidents: async () => incidentList(state(), await watchdog.incidents.last(undefined, INCIDENTS_OF_ALL)),
    async incident(id) {
      const file = await watchdog.incidents.read(id);
      return incidentDetail(state(), config().services, id, file);
    },
    operate: watchdog.operate,
    outbox: () => outboxReport(state(), targets()),
    replay: watchdog.replay,
    refused: createRefusalLog(ports),
    now: clock.now,
  };
}

/** Ready means: ticks complete, and the state can be saved. */
function createReadiness(
  config: () => Config,
  { clock }: Ports,
  watchdog: Watchdog,
  ending: AbortSignal,
): HttpWorld["readiness"] {
  const startedMs = clock.monotonicMs() + config().startDelayMs;
  return () => {
    if (ending.aborted) return { ok: false, reason: "shutting down" };
    if (watchdog.ledger()?.unsaved() !== undefined) return { ok: false, reason: "the state cannot be saved" };
    const lastMs = watchdog.lastTickMs();
    const ageMs = clock.monotonicMs() - (lastMs ?? startedMs);
    const seconds = Math.round(ageMs / 1000);
    if (ageMs < INTERVALS_UNTIL_STALE * shortestIntervalMs(config()))
      return { ok: true, reason: lastMs === undefined ? "starting" : "ticking" };
    if (lastMs === undefined) return { ok: false, reason: `no tick has completed in ${seconds} s` };
    return { ok: false, reason: `the last tick completed ${seconds} s ago` };
  };
}
