import type { OutboxEntry, OutboxState } from "../core/outbox.ts";
import { dueLanes, laneOf } from "../core/outbox.ts";

/** One (sink, service): its entries in order. */
export type Lane = readonly OutboxEntry[];

export interface Lanes {
  /** Looks the outbox through for what is due now. */
  look(outbox: OutboxState, now: number, isStored: (entryId: string) => boolean): void;
  /** Sinks that had something due at the last look. */
  sinks(): Iterable<string>;
  /** Up to `most` lanes of a sink, oldest first; they are in hand until they are released. */
  take(sink: string, most: number): Lane[];
  /** Whether the last look left something for a sink. */
  hasReady(sink: string): boolean;
  release(lanes: readonly Lane[]): void;
  inHand: ReadonlySet<string>;
}

/** What is due, by sink. An outbox of thousands is looked through once, not once for each delivery. */
export function createLanes(): Lanes {
  const inHand = new Set<string>();
  /** The first to go stands last: taking is cheap then. */
  let ready = new Map<string, Lane[]>();

  return {
    inHand,
    look(outbox, now, isStored) {
      ready = new Map();
      for (const lane of dueLanes(outbox, now).reverse()) {
        if (inHand.has(laneOf(lane[0]!)) || !isStored(lane[0]!.id)) continue;
        const lanes = ready.get(lane[0]!.sink);
        if (lanes) lanes.push(lane);
        else ready.set(lane[0]!.sink, [lane]);
      }
    },
    sinks: () => ready.keys(),
    hasReady: (sink) => (ready.get(sink)?.length ?? 0) > 0,
    take(sink, most) {
      const taken = (ready.get(sink) ?? []).splice(-most).reverse();
      for (const lane of taken) inHand.add(laneOf(lane[0]!));
      return taken;
    },
    release(lanes) {
      for (const lane of lanes) inHand.delete(laneOf(lane[0]!));
    },
  };
}
