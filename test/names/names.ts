/** Names that mean something to JavaScript, or to our own records, and may be anybody's name for a service. */
import { SERVICE_NAME } from "../../src/config/service-settings.ts";

const OWNERS = [
  Object,
  Object.prototype,
  Array.prototype,
  Function.prototype,
  Promise,
  Promise.prototype,
  Map.prototype,
  String.prototype,
  Error.prototype,
];

/** Keys of the state, some of which are read in a way of their own. */
const OURS = ["services", "troubles", "sinks", "outbox", "alert", "pause", "at", "startedAt", "version"];

export const NAMES = [
  ...new Set([...OWNERS.flatMap((owner) => Object.getOwnPropertyNames(owner)), ...OURS, "toJSON", "default"]),
];

export const SERVICE_NAMES = NAMES.filter((name) => SERVICE_NAME.test(name));
export const REFUSED_NAMES = NAMES.filter((name) => !SERVICE_NAME.test(name));

/** An object with each name as a key of its own, `__proto__` too. */
export function keyed<T>(names: readonly string[], value: (name: string) => T): Record<string, T> {
  return Object.fromEntries(names.map((name) => [name, value(name)]));
}
