import { onAbort } from "./aborts.ts";
import type { Alarms } from "./alarms.ts";

/** How long a check may hold a place that another waits for. A healthy service has answered by then. */
export const QUIET_MS = 100;
/** Checks that gave up their place and still wait for their answer, as a multiple of the places. */
const QUIET_FACTOR = 8;

/** Bounds the checks in flight. A check that waits here has not begun: its timeout runs from its own start. */
export interface Places {
  /** A place, given back by calling it; `undefined` when the signal aborts first. */
  take(signal: AbortSignal): Promise<Leave | undefined>;
}

/** `short`: there was no socket for the check, so there are fewer places than we thought. */
export type Leave = (short?: boolean) => void;

interface Place {
  since: number;
}

/**
 * `count` checks at once. One that has had no answer for `QUIET_MS` while others wait hangs, most likely:
 * it goes on without a place, so that fifty that hang delay nobody. At most 8 x `count` go on so, which
 * bounds sockets and memory when everything hangs; from then on, places are held to the end. When sockets
 * run short, so do the places, until nobody holds one any more.
 */
export function createPlaces(
  count: number,
  alarms: Alarms,
  nowMs: () => number,
  soon: (call: () => void) => void,
): Places {
  const held = new Set<Place>();
  const waiting = new Set<(place: Place) => void>();
  let limit = count;
  let quiet = 0;
  let watched = false;
  let admitting = false;

  function begin(): Place {
    const place = { since: nowMs() };
    held.add(place);
    return place;
  }

  function leave(place: Place, short: boolean): void {
    if (short) limit = Math.max(1, Math.min(limit, held.size) - 1);
    if (!held.delete(place)) quiet--;
    if (held.size === 0 && waiting.size === 0) limit = count;
    if (waiting.size === 0 || admitting) return;
    // Once a turn of the event loop: filled one by one, the places keep it turning for single answers.
    admitting = true;
    soon(() => {
      admitting = false;
      admit();
    });
  }

  function admit(): void {
    for (const enter of waiting) {
      if (held.size >= limit) break;
      waiting.delete(enter);
      enter(begin());
    }
    if (waiting.size > 0 && !watched && quiet < count * QUIET_FACTOR) watchOldest();
  }

  function watchOldest(): void {
    for (const oldest of held) {
      watched = true;
      alarms.after(Math.max(1, Math.ceil(oldest.since + QUIET_MS - nowMs())), moveQuiet);
      break;
    }
  }

  function moveQuiet(): void {
    watched = false;
    const now = nowMs();
    if (waiting.size === 0) return;
    for (const place of held) {
      if (now - place.since < QUIET_MS || quiet >= count * QUIET_FACTOR) break;
      held.delete(place);
      quiet++;
    }
    admit();
  }

  return {
    take(signal) {
      if (signal.aborted) return Promise.resolve(undefined);
      if (held.size < limit && waiting.size === 0) {
        const place = begin();
        return Promise.resolve((short = false) => leave(place, short));
      }
      return new Promise((resolve) => {
        const enter = (place: Place) => {
          stopListening();
          resolve((short = false) => leave(place, short));
        };
        const stopListening = onAbort(signal, () => {
          waiting.delete(enter);
          resolve(undefined);
        });
        waiting.add(enter);
        admit();
      });
    },
  };
}
