/** Looks around when something fails: at containers, at the engine, at the watchdog's own network. */

import type { Absence, CheckFault, SeenContainer } from "../core/container.ts";
import { isLaterStart } from "../core/container.ts";
import type { Outcome, Surroundings, Verdict } from "../core/event.ts";
import type { Policies, ServicePolicy } from "../core/policy.ts";
import { own } from "../core/record.ts";
import type { ServiceState, WatchdogState } from "../core/state.ts";
import type { ContainerFacts, FailedCheck } from "../plugin/container-facts.ts";
import type { Ports, Restarter } from "../plugin/contract.ts";
import { withDeadline } from "../system/clock.ts";
import { errorText } from "../system/log.ts";
import type { WiredService } from "./services.ts";

/** A restart of ours signals the container as `docker stop` does, and must not be taken for a stop by hand. */
const isRestarting = (service: ServiceState | undefined) =>
  service !== undefined && (service.restart !== null || service.outage?.restarted === "unknown");

/** A look that takes longer is dropped, and the next tick looks again. */
const LOOK_MS = 2000;
/** While something fails, how often all containers are looked at: network parents may change. */
const FULL_LOOK_MS = 60_000;

export interface Lookout {
  /** `failing`: services whose check has just failed. */
  look(
    failing: readonly string[],
    state: WatchdogState,
    verdicts?: Readonly<Record<string, Verdict>>,
  ): Promise<Surroundings>;
  /** The outcomes of restarts that an earlier process began and did not see end, as far as containers show them. */
  ends(state: WatchdogState): Promise<Record<string, Outcome>>;
}

/** Whom the lookout looks at, and through what. */
interface Watched {
  services: ReadonlyMap<string, WiredService>;
  policies: Policies;
  /** Asks the sentinel; resolves to why it does not answer, or to `null`. Absent when none is configured. */
  sentinel?: (signal: AbortSignal) => Promise<string | null>;
}

export function createLookout(roster: () => Watched, ports: Ports): Lookout {
  let fullLookMs = Number.NEGATIVE_INFINITY;

  async function lookAtContainers(
    names: readonly string[],
    faults: ReadonlyMap<string, CheckFault>,
    stopping: ReadonlySet<string>,
    around: Surroundings,
    signal: AbortSignal,
  ) {
    const { inspect, known } = createInspector(roster());
    const { facts, gone, fault } = await inspect(names, signal, faults);
    if (signal.aborted) return;
    const looked = await Promise.all(
      [...facts].map(
        async ([name, one]) => [name, await known(name, one, stopping.has(name), signal)] as const,
      ),
    );
    const containers: Record<string, SeenContainer> = Object.fromEntries(looked);
    Object.assign(around, { containers, gone, ...(fault === undefined ? {} : { engineFault: fault }) });
  }

  async function lookAtNetwork(around: Surroundings, signal: AbortSignal) {
    const { sentinel } = roster();
    if (sentinel) around.networkFault = await sentinel(signal);
  }

  async function lookAtDisk(
    failing: readonly string[],
    state: WatchdogState,
    around: Surroundings,
    signal: AbortSignal,
  ) {
    const { services, policies } = roster();
    const wasFull = state.brake?.kind === "disk";
    const due = wasFull
      ? [...services.keys()]
      : failing.filter((name) => isDue(state.services[name], policies.get(name)));
    const restarters = new Set(due.map((name) => services.get(name)?.restarter));
    for (const restarter of restarters) {
      const fault = await restarter?.diskFault?.(signal, wasFull).catch(() => undefined);
      if (fault !== undefined && !signal.aborted) around.diskFault = fault || around.diskFault || null;
    }
  }

  async function look(
    failing: readonly string[],
    state: WatchdogState,
    verdicts: Readonly<Record<string, Verdict>> = {},
  ): Promise<Surroundings> {
    const around: Surroundings = {};
    const unseen = Object.keys(state.services).filter(
      (name) => state.services[name]!.outage?.restarted === "unknown" && !failing.includes(name),
    );
    const names = [...failing, ...unseen];
    if (names.length === 0 && state.brake === null) return around;
    const nowMs = ports.clock.monotonicMs();
    const full = nowMs - fullLookMs >= FULL_LOOK_MS || state.brake !== null;
    if (full) fullLookMs = nowMs;
    const over = new AbortController();
    const seen = full ? [...roster().services.keys()] : names;
    const stopping = new Set(failing.filter((name) => !isRestarting(state.services[name])));
    const looks = Promise.all([
      lookAtContainers(seen, faultsOf(seen, state, verdicts), stopping, around, over.signal),
      lookAtNetwork(around, over.signal),
      lookAtDisk(failing, state, around, over.signal),
    ]);
    const inTime = await withDeadline(ports.clock, LOOK_MS, looks);
    over.abort("the look is over");
    // A copy, so that a late look cannot change what the decision is based on.
    return inTime ? { ...around } : { ...around, late: true };
  }

  /** From the check that was just made, or else from the last one. */
  function faultsOf(
    names: readonly string[],
    state: WatchdogState,
    verdicts: Readonly<Record<string, Verdict>>,
  ): Map<string, CheckFault> {
    const faults = new Map<string, CheckFault>();
    for (const name of names) {
      const verdict = own(verdicts, name);
      const made = verdict?.ok == null ? state.services[name]?.lastCheck : verdict;
      if (made?.fault !== undefined) faults.set(name, made.fault);
    }
    return faults;
  }

  async function ends(state: WatchdogState): Promise<Record<string, Outcome>> {
    const begun = Object.entries(state.services).filter(([, { restart }]) => restart?.action === "restart");
    if (begun.length === 0) return {};
    const over = new AbortController();
    const found: Record<string, Outcome> = {};
    const { inspect } = createInspector(roster());
    const looked = inspect(
      begun.map(([name]) => name),
      over.signal,
    ).then(({ facts }) => {
      for (const [name, { restart, restarts }] of begun) {
        const startedAt = facts.get(name)?.startedAt ?? 0;
        if (!isLaterStart(startedAt, restarts.at(-1) ?? { at: restart!.orderedAt })) continue;
        const at = new Date(startedAt).toISOString();
        found[name] = { outcome: "restarted", reason: `restarted (its container says: started at ${at})` };
      }
    });
    await withDeadline(ports.clock, LOOK_MS, looked);
    over.abort("the look is over");
    return { ...found };
  }

  return { look, ends };
}

/** A restart of the service may be ordered after this failed check. */
function isDue(service: ServiceState | undefined, policy: ServicePolicy | undefined): boolean {
  if (service === undefined || policy === undefined || service.restart !== null) return false;
  return policy.container !== "" && service.failures + 1 >= policy.failureThreshold;
}

function absenceOf({ status, replacedBy }: ContainerFacts): Absence | undefined {
  if (status === "created" || status === "removing") return status;
  return status !== "running" && replacedBy !== undefined ? "replaced" : undefined;
}

/** What was seen, by service. `gone`: services whose container does not exist. */
interface Seen {
  facts: Map<string, ContainerFacts>;
  gone: string[];
  /** Why an engine does not answer; `null` when it does; absent when none was asked. */
  fault?: string | null;
}

export interface Inspector {
  /** `faults`, by service: checks that failed before they reached the service. */
  inspect(
    names: readonly string[],
    signal: AbortSignal,
    faults?: ReadonlyMap<string, CheckFault>,
  ): Promise<Seen>;
  /** What the rules need of the facts. `stopping`: the service fails and no restart of ours is under way. */
  known(name: string, facts: ContainerFacts, stopping: boolean, signal: AbortSignal): Promise<SeenContainer>;
}

/** Asks the restarters about containers. Never rejects. */
export function createInspector({ services, policies }: Watched): Inspector {
  /** Groups the services by the restarter that knows their containers. */
  function byRestarter(names: readonly string[]): Map<Restarter, string[]> {
    const groups = new Map<Restarter, string[]>();
    for (const name of names) {
      const restarter = services.get(name)?.restarter;
      if (restarter?.inspect === undefined || policies.get(name)!.container === "") continue;
      const group = groups.get(restarter);
      if (group) group.push(name);
      else groups.set(restarter, [name]);
    }
    return groups;
  }

  /** By container, as restarters ask for them. */
  function failedChecks(group: readonly string[], faults: ReadonlyMap<string, CheckFault>) {
    const failed = new Map<string, FailedCheck>();
    for (const name of group) {
      const fault = faults.get(name);
      const { container, url } = services.get(name)!.target;
      if (fault) failed.set(container, { url, fault });
    }
    return failed;
  }

  async function inspect(
    names: readonly string[],
    signal: AbortSignal,
    faults: ReadonlyMap<string, CheckFault> = new Map(),
  ): Promise<Seen> {
    const seen: Seen = { facts: new Map(), gone: [] };
    for (const [restarter, group] of byRestarter(names)) {
      const containers = group.map((name) => policies.get(name)!.container);
      const failed = failedChecks(group, faults);
      const found = await restarter.inspect!(containers, signal, failed).catch((error) => ({
        ok: false as const,
        reason: errorText(error),
        fault: undefined,
      }));
      if (found.ok) {
        seen.fault ??= null;
        for (const name of group) {
          const one = own(found.containers, policies.get(name)!.container);
          if (one) seen.facts.set(name, one);
          else seen.gone.push(name);
        }
      } else if (found.fault === "engine_unreachable") seen.fault = found.reason;
    }
    return seen;
  }

  async function known(
    name: string,
    facts: ContainerFacts,
    stopping: boolean,
    signal: AbortSignal,
  ): Promise<SeenContainer> {
    const { id, image, configHash, startedAt, startPeriodMs, networkParent, outOfReach, remedy } = facts;
    const ends = facts.status === "running" ? stopping : true;
    const respects = policies.get(name)!.respectManualStop;
    const asks = ends && (respects || facts.stopsFor !== undefined);
    const byHand = asks ? await stoppedByHand(name, facts, signal) : undefined;
    const absence = absenceOf(facts);
    return {
      id,
      build: `${image} ${configHash}`.trim(),
      startedAt,
      ...(startPeriodMs === undefined ? {} : { startPeriodMs }),
      ...(networkParent === undefined ? {} : { networkParent }),
      ...(byHand === undefined || !respects ? {} : { stoppedByHand: byHand }),
      ...(byHand === undefined || !facts.stopsFor ? {} : { stoppedFor: `${byHand}, ${facts.stopsFor}` }),
      ...(absence === undefined ? {} : { absence }),
      ...(absence === "created" && facts.error !== "" ? { error: facts.error } : {}),
      ...(remedy === undefined ? {} : { remedy }),
      ...(facts.engineRestarts === undefined ? {} : { engineRestarts: facts.engineRestarts }),
      ...(facts.recentRestarts === undefined ? {} : { recentRestarts: facts.recentRestarts }),
      ...(facts.status === "running" ? { runs: true } : {}),
      ...(outOfReach === undefined ? {} : { outOfReach }),
    };
  }

  async function stoppedByHand(name: string, facts: ContainerFacts, signal: AbortSignal) {
    if (facts.status === "paused") return "paused by a person (`docker unpause` ends it)";
    if (facts.status !== "exited" && facts.status !== "running") return undefined;
    return services.get(name)!.restarter?.stoppedByHand?.(policies.get(name)!.container, signal);
  }

  return { inspect, known };
}
