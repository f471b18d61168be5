/** Which alerts of the outbox are due, by sink, and which of them are being delivered. */
import type { OutboxEntry, OutboxState } from "../core/outbox.ts";
import { dueLanes, laneOf } from "../core/outbox.ts";

/** The entries of one (sink, service), in order. */
export type Lane = readonly OutboxEntry[];

export interface Lanes {
  /** Searches the outbox for what is due now. */
  look(outbox: OutboxState, now: number, isStored: (entryId: string) => boolean): void;
  /** The sinks for which the last look found something. */
  sinks(): Iterable<string>;
  /** Takes up to `most` lanes of a sink, oldest first. They stay in hand until they are released. */
  take(sink: string, most: number): Lane[];
  /** Whether something of the last look is left for a sink. */
  hasReady(sink: string): boolean;
  release(lanes: readonly Lane[]): void;
  inHand: ReadonlySet<string>;
}

/** An outbox of thousands is searched once for many deliveries, not once for each of them. */
export function createLanes(): Lanes {
  const inHand = new Set<string>();
  /** In reverse order, so that taking from the end is cheap. */
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
