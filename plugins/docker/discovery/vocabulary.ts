/** One label that says one thing, and what a container's labels say altogether. Pure. */
import type { Action, Check, LabelFault, Scheme } from "./contract.ts";
import { duration, labelOf, type Reader, shown } from "./values.ts";

/** What labels can say of a container. */
export interface Vocabulary {
  name: string;
  url: string;
  scheme: Scheme;
  port: number;
  path: string;
  check: Check;
  interval: string;
  timeout: string;
  startPeriod: string;
  failureThreshold: number;
  dependsOn: string[];
  group: string;
  displayName: string;
  action: Action;
  stopTimeout: string;
}

type Key = keyof Vocabulary;

/** A value, and the label that said it. */
export interface Saying<T> {
  value: T;
  by: string;
}

export type Sayings = { [K in Key]?: Saying<Vocabulary[K]> };

/** One row of a dialect. `undefined` from `read` is a wrong value, `null` a right one that says nothing. */
export interface Word {
  label: string;
  key: Key;
  accepted: string;
  read(text: string): unknown;
}

export function word<K extends Key>(label: string, key: K, reader: Reader<Vocabulary[K]>): Word {
  return { label, key, ...reader };
}

/** A label whose values are other than ours. `null` says nothing. */
export function translated<K extends Key, T>(
  label: string,
  key: K,
  reader: Reader<T>,
  mean: (value: T) => Vocabulary[K] | null,
): Word {
  const read = (text: string) => {
    const value = reader.read(text);
    return value === undefined ? undefined : mean(value);
  };
  return { label, key, accepted: reader.accepted, read };
}

/** The ranges of a service's settings, which the configuration checks once more. */
export const interval = duration(100, 86_400_000, "100ms to 1d");
export const timeout = duration(10, 600_000, "10ms to 10m");
export const startPeriod = duration(0, 86_400_000, "0s to 1d");
export const stopTimeout = duration(0, 3_600_000, "0s to 1h");

/**
 * Goes through the words in their order: for each key, the first label that says something wins, and those
 * behind it are not even read. A wrong value of a label that is not `strict` is passed over.
 */
export function listen(
  labels: Readonly<Record<string, string>>,
  dialects: readonly { words: readonly Word[]; strict: boolean }[],
): { said: Sayings; faults: LabelFault[] } {
  const said: Record<string, Saying<unknown>> = {};
  const faults: LabelFault[] = [];
  for (const { words, strict } of dialects) {
    for (const { label, key, accepted, read } of words) {
      const text = said[key] === undefined ? labelOf(labels, label) : undefined;
      if (text === undefined) continue;
      const value = read(text);
      if (value === undefined && strict) faults.push({ label, found: shown(text), accepted });
      else if (value !== undefined && value !== null) said[key] = { value, by: label };
    }
  }
  return { said: said as Sayings, faults };
}
