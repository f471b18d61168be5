import { onAbort } from "./aborts.ts";
import type { Alarms } from "./alarms.ts";

/** How long a check may keep a place that another check waits for. A healthy service answers faster. */
export const QUIET_MS = 100;
/** How many checks may wait for their answer without a place, as a multiple of the places. */
export const QUIET_FACTOR = 8;

/** Limits how many checks run at once. A waiting check has not begun: its timeout starts when it begins. */
export interface Places {
  /** Resolves to a place, which the caller gives back by calling it; `undefined` if the signal aborts first. */
  take(signal: AbortSignal): Promise<Leave | undefined>;
}

/** `short`: there was no socket for the check, so the number of places must shrink. */
export type Leave = (short?: boolean) => void;

interface Place {
  since: number;
}

/**
 * `count` checks run at once. A check without an answer for `QUIET_MS` probably hangs. If others wait, it goes on
 * without its place, so that fifty hanging checks delay nobody. At most `mostQuiet` checks go on like this, which
 * limits sockets and memory when everything hangs; beyond that, checks keep their places to the end. When sockets run
 * out, the number of places shrinks until nobody holds one any more.
 */
export function createPlaces(
  count: number,
  alarms: Alarms,
  nowMs: () => number,
  soon: (call: () => void) => void,
  mostQuiet = count * QUIET_FACTOR,
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
    // Once per turn of the event loop: filling places one by one would wake the loop for each answer.
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
    if (waiting.size > 0 && !watched && quiet < mostQuiet) watchOldest();
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
      if (now - place.since < QUIET_MS || quiet >= mostQuiet) break;
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
