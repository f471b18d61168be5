/** Reads the values of labels: each reader takes exactly what it says it accepts. Pure. */
import { oneLine } from "../fault.ts";

export interface Reader<T> {
  accepted: string;
  /** `undefined` for anything that is not accepted. */
  read(text: string): T | undefined;
}

/** Text only: what an object has under `constructor` is none. */
export function labelOf(labels: Readonly<Record<string, string>>, name: string): string | undefined {
  const value: unknown = labels[name];
  return typeof value === "string" ? value : undefined;
}

const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ...["true", "1", "yes", "on"].map((word) => [word, true] as const),
  ...["false", "0", "no", "off"].map((word) => [word, false] as const),
]);

/** In any letter case. */
export const flag: Reader<boolean> = {
  accepted: "true or false (also 1, 0, yes, no, on, off)",
  read: (text) => FLAGS.get(text.trim().toLowerCase()),
};

/** One of these words, in any letter case. */
export function oneOf<const T extends string>(...words: readonly T[]): Reader<T> {
  return {
    accepted: `one of ${words.join(", ")}`,
    read: (text) => words.find((word) => word === text.trim().toLowerCase()),
  };
}

export function wholeNumber(min: number, max: number): Reader<number> {
  return {
    accepted: `a whole number from ${min} to ${max}`,
    read: (text) => {
      const value = /^\d{1,9}$/.test(text.trim()) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? value : undefined;
    },
  };
}

export const port = wholeNumber(1, 65_535);

/** Text on one line, as a person wrote it. */
export function line(maxLength: number): Reader<string> {
  return {
    accepted: `a text of 1 to ${maxLength} characters on one line`,
    read: (text) => {
      const value = text.trim();
      const fits = value !== "" && value.length <= maxLength && !/[\p{Cc}\u2028\u2029]/u.test(value);
      return fits ? value : undefined;
    },
  };
}

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const PARTS = /^(?:\d{1,9}(?:\.\d{1,9})?(?:ms|s|m|h|d)){1,5}$/;
const PART = /([\d.]+)(ms|s|m|h|d)/g;

/** Seconds, or the durations of Compose and Go (`1m30s`); given in the form of a configuration file. */
export function duration(minMs: number, maxMs: number, range: string): Reader<string> {
  return {
    accepted: `a duration from ${range}: seconds, or a text such as 500ms, 15s, 1m30s`,
    read: (text) => {
      const value = text.trim();
      const ms = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : partsMs(value);
      if (ms === undefined || ms < minMs || ms > maxMs) return undefined;
      return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
    },
  };
}

function partsMs(text: string): number | undefined {
  if (!PARTS.test(text)) return undefined;
  let sum = 0;
  for (const [, size, unit] of text.matchAll(PART)) sum += Number(size) * UNITS_MS[unit!]!;
  return Math.round(sum);
}

const SERVICE_NAME = /^[a-z0-9][a-z0-9_.-]{0,63}$/i;

/** The grammar of services' names in a configuration file. */
export const serviceName: Reader<string> = {
  accepted: 'a name of 1 to 64 letters, digits, "_", "." and "-", beginning with a letter or digit',
  read: (text) => (SERVICE_NAME.test(text.trim()) ? text.trim() : undefined),
};

const MAX_NAMES = 100;

/** Names of services or containers with commas between; an empty text is an empty list. */
export const names: Reader<string[]> = {
  accepted: `at most ${MAX_NAMES} names of services or containers, with commas between them`,
  read: (text) => {
    if (text.length > MAX_NAMES * 256) return undefined;
    const all = text.split(",").map((name) => name.trim());
    const said = all.filter((name) => name !== "");
    const fits = said.length <= MAX_NAMES && said.every((name) => /^[a-z0-9][a-z0-9_.-]{0,254}$/i.test(name));
    return fits ? [...new Set(said)] : undefined;
  },
};

/** A path of a URL; one that begins without a slash gets it. */
export const path: Reader<string> = {
  accepted:
    "a path such as /health, of at most 1000 printable ASCII characters, without spaces and backslashes",
  read: (text) => {
    const value = text.trim();
    const fits = value !== "" && value.length <= 1000 && /^[\x21-\x22\x24-\x5b\x5d-\x7e]+$/.test(value);
    return fits ? `/${value.replace(/^\//, "")}` : undefined;
  },
};

// Direction characters could rewrite what a terminal shows of the line.
const UNPRINTABLE = /[\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A value as a fault shows it: on one line, cut, without what may be a password. */
export function shown(value: string): string {
  if (value.includes("@")) return `(hidden, ${value.length} characters)`;
  const text = oneLine(value.slice(0, 200).replace(/\?.*$/s, "?[redacted]"), 80);
  return JSON.stringify(text).replace(
    UNPRINTABLE,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
