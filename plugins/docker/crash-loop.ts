/** Sees by `RestartCount` that the engine's own restart policy restarts a container again and again. Pure. */
import type { ContainerFacts } from "../../src/plugin.ts";

/** A loop is at least this many restarts within the window. */
const LEAST_RESTARTS = 3;
const WINDOW_MS = 5 * 60_000;
/** A container that has run for this long has come out of its loop. */
const SETTLED_MS = 60_000;

interface Sighting {
  count: number;
  startedAt: number;
  monotonicMs: number;
}

/** How many times in how long. */
export interface Loop {
  restarts: number;
  withinMs: number;
}

export interface Loops {
  /** What the engine says of a container now, compared with what it said before. */
  see(
    name: string,
    facts: Pick<ContainerFacts, "id" | "restartCount" | "startedAt">,
    now: { at: number; monotonicMs: number },
  ): Loop | undefined;
  /** What it said last of this container. */
  last(name: string, id: string): Loop | undefined;
  forget(name: string): void;
}

export function createLoops(): Loops {
  const seen = new Map<string, { id: string; sightings: Sighting[]; loop?: Loop }>();
  return {
    last(name, id) {
      const known = seen.get(name);
      return known?.id === id ? known.loop : undefined;
    },
    forget: (name) => void seen.delete(name),
    see(name, { id, restartCount, startedAt }, { at, monotonicMs }) {
      const known = seen.get(name);
      const sightings = known?.id === id ? known.sightings : [];
      const last = sightings.at(-1);
      // A restart by a person, or by us, counts anew.
      if (last && restartCount < last.count) sightings.length = 0;
      sightings.push({ count: restartCount, startedAt, monotonicMs });
      // The first that is left is the newest of those before the window, or the first of all.
      while (sightings.length > 1 && monotonicMs - sightings[1]!.monotonicMs >= WINDOW_MS) sightings.shift();
      // A container that is not restarted costs two sightings, however often it is seen.
      if (sightings.length > 2 && sightings.every(({ count }) => count === restartCount)) {
        sightings.splice(1, sightings.length - 2);
      }
      seen.set(name, { id, sightings });
      // The last sighting before the first of these restarts.
      const first = sightings.findLast(({ count }) => count === sightings[0]!.count)!;
      const restarts = restartCount - first.count;
      if (restarts < LEAST_RESTARTS) return undefined;
      const withinMs = monotonicMs - first.monotonicMs;
      // It has run no longer than since it was last seen before this start, whatever the engine's clock says.
      const before = sightings.findLast((one) => one.startedAt !== startedAt)?.monotonicMs ?? 0;
      const uptimeMs = Math.min(at - startedAt, monotonicMs - before);
      const isSettled = uptimeMs >= Math.min(SETTLED_MS, (2 * withinMs) / restarts);
      if (isSettled) return undefined;
      const loop = { restarts, withinMs };
      seen.set(name, { id, sightings, loop });
      return loop;
    },
  };
}
