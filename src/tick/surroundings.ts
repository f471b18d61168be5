/** Looks around when something fails: at containers, at the engine, at the watchdog's own network. */
import type { Outcome, Surroundings } from "../core/event.ts";
import type { Policies } from "../core/policy.ts";
import type { KnownContainer, WatchdogState } from "../core/state.ts";
import type { Ports } from "../plugin.ts";
import { within } from "../shell/within.ts";
import { createInspector } from "./containers.ts";
import type { WiredService } from "./tick.ts";

/** A look that takes longer is left: what it would have said is asked again at the next tick. */
const LOOK_MS = 2000;
/** How often all containers are looked at while something fails: who lives in whose network may change. */
const FULL_LOOK_MS = 60_000;

export interface Lookout {
  /** `failing`: services whose check has just failed. */
  look(failing: readonly string[], state: WatchdogState): Promise<Surroundings>;
  /** What became of restarts that a process began and did not see end, as their containers tell. */
  ends(state: WatchdogState): Promise<Record<string, Outcome>>;
}

export function createLookout(world: {
  services: ReadonlyMap<string, WiredService>;
  policies: Policies;
  /** Asks the sentinel; resolves to why it does not answer, or `null`. Absent when there is none. */
  sentinel?: (signal: AbortSignal) => Promise<string | null>;
  ports: Ports;
}): Lookout {
  const { services, policies, ports, sentinel } = world;
  const { inspect, known } = createInspector(services, policies);
  let fullLookMs = Number.NEGATIVE_INFINITY;

  async function lookAtContainers(names: readonly string[], around: Surroundings, signal: AbortSignal) {
    const { facts, fault } = await inspect(names, signal);
    if (signal.aborted) return;
    const looked = await Promise.all(
      [...facts].map(async ([name, one]) => [name, await known(name, one, signal)] as const),
    );
    const containers: Record<string, KnownContainer> = Object.fromEntries(looked);
    Object.assign(around, { containers, ...(fault === undefined ? {} : { engineFault: fault }) });
  }

  async function lookAtNetwork(around: Surroundings, signal: AbortSignal) {
    if (sentinel) around.networkFault = await sentinel(signal);
  }

  async function look(failing: readonly string[], state: WatchdogState): Promise<Surroundings> {
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
    const looks = Promise.all([
      lookAtContainers(full ? [...services.keys()] : names, around, over.signal),
      lookAtNetwork(around, over.signal),
    ]);
    const inTime = await within(ports.clock, LOOK_MS, looks);
    over.abort("looked long enough");
    // A copy: what a late look adds must not change what was decided upon.
    return inTime ? { ...around } : { ...around, late: true };
  }

  async function ends(state: WatchdogState): Promise<Record<string, Outcome>> {
    const begun = Object.entries(state.services).filter(([, { restart }]) => restart?.action === "restart");
    if (begun.length === 0) return {};
    const over = new AbortController();
    const found: Record<string, Outcome> = {};
    const looked = inspect(
      begun.map(([name]) => name),
      over.signal,
    ).then(({ facts }) => {
      for (const [name, { restart }] of begun) {
        const startedAt = facts.get(name)?.startedAt ?? 0;
        if (startedAt <= restart!.orderedAt) continue;
        const at = new Date(startedAt).toISOString();
        found[name] = { outcome: "restarted", reason: `restarted (its container says: started at ${at})` };
      }
    });
    await within(ports.clock, LOOK_MS, looked);
    over.abort("looked long enough");
    return { ...found };
  }

  return { look, ends };
}
