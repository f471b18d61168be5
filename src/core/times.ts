/** Which fields of the state are times: who moves them, and who writes them as text, reads it here. */
import type { KnownContainer } from "./container.ts";
import type { DeadLetter, OutboxEntry } from "./outbox.ts";
import type { Pause, WatchdogState } from "./state.ts";

export const TIME = "time";

/** The times in a value: of one field, of an object by field, or (in brackets) of each item of a list or record. */
export type Times = typeof TIME | readonly [Times] | { readonly [field: string]: Times };

/** The table that a type needs. The compiler asks for every number that is called `at` or `…At`. */
export type TimesOf<V> = V extends readonly (infer Item)[]
  ? EachOf<TimesOf<Item>>
  : V extends object
    ? string extends keyof V
      ? EachOf<TimesOf<V[keyof V]>>
      : FieldsOf<V>
    : never;
type EachOf<T> = [T] extends [never] ? never : readonly [T];
type FieldsOf<V> = OrNever<{
  [K in keyof V as [FieldOf<V[K], K>] extends [never] ? never : K]-?: FieldOf<V[K], K>;
}>;
type FieldOf<V, K> =
  NonNullable<V> extends number
    ? K extends "at" | `${string}At`
      ? typeof TIME
      : never
    : TimesOf<NonNullable<V>>;
type OrNever<T> = [keyof T] extends [never] ? never : T;

const container: TimesOf<KnownContainer> = {
  startedAt: TIME,
  restartSeries: { sinceAt: TIME, grewAt: TIME, seenAt: TIME },
};
const pause: TimesOf<Pause> = { sinceAt: TIME, untilAt: TIME };
export const entryTimes: TimesOf<OutboxEntry> = { createdAt: TIME, nextAt: TIME };
export const letterTimes: TimesOf<DeadLetter> = { ...entryTimes, diedAt: TIME };

/** An alert's own time is part of what receivers get, and text: it is not in the table. */
export const stateTimes: TimesOf<WatchdogState> = {
  clockAt: TIME,
  lastTick: { startedAt: TIME, completedAt: TIME },
  services: [
    {
      statusSinceAt: TIME,
      addedAt: TIME,
      lastCheck: { at: TIME },
      lastPassAt: TIME,
      lastFailAt: TIME,
      healthySinceAt: TIME,
      graceUntilAt: TIME,
      outage: { startedAt: TIME, toldAt: TIME, remindedAt: TIME, log: [{ at: TIME }] },
      restart: { orderedAt: TIME },
      restarts: [{ at: TIME }],
      notBeforeAt: TIME,
      budgetSpentAt: TIME,
      budgetFromAt: TIME,
      hold: { sinceAt: TIME, untilAt: TIME },
      pause,
      container,
    },
  ],
  absent: [
    {
      sinceAt: TIME,
      restarts: [{ at: TIME }],
      notBeforeAt: TIME,
      budgetSpentAt: TIME,
      budgetFromAt: TIME,
      pause,
      container,
    },
  ],
  troubles: [{ sinceAt: TIME }],
  brake: { sinceAt: TIME },
  pause,
  actions: [{ at: TIME, untilAt: TIME }],
  outbox: { entries: [entryTimes], dead: [letterTimes], sinks: [{ heldUntilAt: TIME }] },
};

export function isEach(times: Times): times is readonly [Times] {
  return Array.isArray(times);
}
