/** The vocabulary of settings, for the runner's schema and for those of plugins. A message says what is accepted. */
import * as v from "valibot";

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/;

/** A field by its test: `accepted` is what a fault says when the test fails. */
function field<T>(
  accepted: string,
  test: (value: unknown) => boolean,
  read = (value: unknown) => value as T,
) {
  return v.pipe(v.unknown(), v.check(test, accepted), v.transform(read));
}

/**
 * Reads `15` (seconds), `"15s"`, `"500ms"`, `"2m"`, `"1h"`, `"1d"` as whole ms; `undefined` for anything else.
 * Text without a unit is refused: nobody can say whether "500" was meant as seconds or as ms.
 */
export function parseDurationMs(value: unknown): number | undefined {
  if (typeof value === "number") {
    return Number.isFinite(value) && value >= 0 ? Math.round(value * 1000) : undefined;
  }
  if (typeof value !== "string") return undefined;
  const match = DURATION.exec(value.trim());
  return match ? Math.round(Number(match[1]) * UNITS[match[2]!]!) : undefined;
}

/** A duration from `minMs` to `maxMs`, as ms. */
export function duration(minMs = 1, maxMs = 365 * 86_400_000) {
  return field<number>(
    `a duration from ${showDuration(minMs)} to ${showDuration(maxMs)}: seconds as a number, or text such as "500ms", "15s", "2m"`,
    (value) => {
      const ms = parseDurationMs(value);
      return ms !== undefined && ms >= minMs && ms <= maxMs;
    },
    (value) => parseDurationMs(value)!,
  );
}

/** An absolute http or https URL, without a user name or password in it. */
export function httpUrl() {
  return field<string>(
    'an absolute URL such as "http://executor:8080/health" (http or https, no user name or password in it)',
    (value) => typeof value === "string" && /^https?:\/\/[^\s/]/i.test(value) && isCleanUrl(value),
  );
}

/** An absolute URL of any scheme (`tcp://redis:6379`), without a user name or password in it. */
export function anyUrl() {
  return field<string>(
    'an absolute URL such as "tcp://redis:6379" (no user name or password in it)',
    (value) => typeof value === "string" && isCleanUrl(value),
  );
}

function isCleanUrl(text: string): boolean {
  // The URL parser drops spaces and line breaks in silence.
  if (text.length > 2048 || /[\s\p{Cc}]/u.test(text) || !URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username === "" && password === "";
}

/** Docker's own grammar of names: anything else could be read by a shell as more than a name. */
export const CONTAINER_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

export function containerName() {
  return field<string>(
    'a container name: letters, digits, "_", "." and "-", beginning with a letter or digit',
    (value) => typeof value === "string" && value.length <= 255 && CONTAINER_NAME.test(value),
  );
}

/** Text that is never shown. Faults hide what was found by the name of the setting and by this schema. */
export function secret(accepted = "a text of at least 1 character") {
  return v.pipe(
    v.unknown(),
    v.check((value) => typeof value === "string" && value.length > 0, accepted),
    v.transform((value) => value as string),
    v.metadata({ secret: true }),
  );
}

/** Text on one line, without control characters. */
export function line(maxLength = 200) {
  return field<string>(
    `a text of 1 to ${maxLength} characters on one line`,
    (value) =>
      typeof value === "string" &&
      value.trim() !== "" &&
      value.length <= maxLength &&
      !/[\p{Cc}\u2028\u2029]/u.test(value),
  );
}

export function wholeNumber(min: number, max: number, hint = "") {
  return field<number>(
    `a whole number from ${min} to ${max}${hint}`,
    (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
  );
}

/** A number from 0 (or just above it) to 1. */
export function share({ zero }: { zero: boolean }) {
  return field<number>(
    zero ? "a number from 0 to 1" : "a number above 0, at most 1",
    (value) => typeof value === "number" && value <= 1 && (zero ? value >= 0 : value > 0),
  );
}

export function flag() {
  return field<boolean>("true or false", (value) => typeof value === "boolean");
}

export function oneOf<const T extends string>(...words: readonly T[]) {
  return v.picklist(words, `one of ${words.map((word) => `"${word}"`).join(", ")}`);
}

/** `"500ms"`, `"15s"`, `"10m"`: the largest unit that gives a whole number. */
export function showDuration(ms: number): string {
  for (const [unit, size] of [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1000],
  ] as const) {
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}
