import { setImmediate } from "node:timers";
import type { CheckResult, Clock } from "../../src/plugin.ts";
import { type Alarms, createAlarms } from "./alarms.ts";
import { aborted } from "./deadline.ts";
import type { Lookup } from "./lookup.ts";
import { openFileLimit, withinOpenFiles } from "./open-files.ts";
import { createPlaces, QUIET_FACTOR } from "./places.ts";

/** How often a check is made when we lacked a socket for it. */
const TRIES = 3;
const MOST_IN_FLIGHT = 256;

/** What all checks of one process share, whatever they speak: open files, and the threads that look names up. */
export interface Network {
  alarms: Alarms;
  lookup(): Promise<Lookup>;
  /** Makes a check when there is a place for it, and makes it again where there was no socket. */
  inPlace(signal: AbortSignal, check: () => Promise<CheckResult>): Promise<CheckResult>;
}

/** A process has one clock, which every plugin of it gets. */
const networks = new WeakMap<Clock, Network>();

/** The first that asks decides how many checks may be in flight. */
export function networkOf(clock: Clock, maxInFlight = MOST_IN_FLIGHT): Network {
  const network = networks.get(clock) ?? createNetwork(clock, maxInFlight);
  networks.set(clock, network);
  return network;
}

function createNetwork(clock: Clock, maxInFlight: number): Network {
  const alarms = createAlarms(clock);
  const most = { places: maxInFlight, quiet: maxInFlight * QUIET_FACTOR };
  const { places: count, quiet } = withinOpenFiles(most, openFileLimit());
  const places = createPlaces(count, alarms, () => clock.monotonicMs(), setImmediate, quiet);
  const pause = (ms: number) => new Promise<void>((resolve) => alarms.after(ms, () => resolve()));
  let lookup: Promise<Lookup> | undefined;
  return {
    alarms,
    lookup() {
      lookup ??= import("./lookup.ts").then(({ createLookup }) => createLookup(alarms));
      return lookup;
    },
    async inPlace(signal, check) {
      for (let attempt = 1; ; attempt++) {
        const leave = await places.take(signal);
        if (!leave) return aborted(signal);
        let couldNot = false;
        try {
          const result = await check();
          couldNot = !result.ok && result.unknown === true && !signal.aborted;
          if (!couldNot || attempt === TRIES) return result;
        } finally {
          leave(couldNot);
        }
        await pause(100 * attempt);
      }
    },
  };
}
