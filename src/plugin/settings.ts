/**
 * The building blocks of settings, for the runner's schema and for those of plugins. Each message says what is
 * accepted.
 */
import * as v from "valibot";

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/;

/**
 * Reads `15` (seconds), `"15s"`, `"500ms"`, `"2m"`, `"1h"`, `"1d"` as whole ms; `undefined` for anything else. Text
 * without a unit is refused, because "500" could mean seconds or ms.
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
  const accepted = `a duration from ${showDuration(minMs)} to ${showDuration(maxMs)}: seconds as a number, or text such as "500ms", "15s", "2m"`;
  return v.pipe(
    v.union([v.number(accepted), v.pipe(v.string(accepted), v.regex(DURATION, accepted))], accepted),
    v.transform((value) => parseDurationMs(value) ?? Number.NaN),
    v.check((ms) => ms >= minMs && ms <= maxMs, accepted),
    v.metadata({ form: "duration" satisfies Form }),
  );
}

/** How a value is shown that may be written in several ways, or of which only a part may be shown. */
export type Form = "duration" | "list" | "address";

/** An absolute http or https URL, without a user name or password in it. It may be shown. */
export function httpUrl() {
  const accepted =
    'an absolute URL such as "http://executor:8080/health" (http or https, no user name or password in it)';
  return v.pipe(
    v.string(accepted),
    v.regex(/^https?:\/\/[^\s/]/i, accepted),
    v.check(isCleanUrl, accepted),
    v.metadata({ form: "address" satisfies Form }),
  );
}

/** `tcp://host:port`, and nothing else. */
export function tcpUrl() {
  const accepted = 'a URL such as "tcp://redis:6379": tcp, a host, a port from 1 to 65535, and nothing else';
  return v.pipe(
    v.string(accepted),
    v.regex(TCP_URL, accepted),
    v.check(isTcpUrl, accepted),
    v.metadata({ form: "address" satisfies Form }),
  );
}

const TCP_URL = /^tcp:\/\/(?:[a-z0-9_][a-z0-9._-]{0,252}|\[[0-9a-f:.]{2,45}\]):[1-9]\d{0,4}\/?$/i;

function isTcpUrl(text: string): boolean {
  return isCleanUrl(text) && new URL(text).port !== "";
}

/** An absolute URL of any scheme (`tcp://redis:6379`), without a user name or password in it. It may be shown. */
export function anyUrl() {
  const accepted = 'an absolute URL such as "tcp://redis:6379" (no user name or password in it)';
  return v.pipe(
    v.string(accepted),
    v.regex(/^[a-z][a-z0-9+.-]*:/i, accepted),
    v.check(isCleanUrl, accepted),
    v.metadata({ form: "address" satisfies Form }),
  );
}

function isCleanUrl(text: string): boolean {
  // The URL parser silently drops spaces and line breaks.
  if (text.length > 2048 || /[\s\p{Cc}]/u.test(text) || !URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username === "" && password === "";
}

/** Docker's own grammar of names. A shell could read anything else as more than a name. */
const CONTAINER_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

export function containerName() {
  const accepted = 'a container name: letters, digits, "_", "." and "-", beginning with a letter or digit';
  return v.pipe(v.string(accepted), v.maxLength(255, accepted), v.regex(CONTAINER_NAME, accepted));
}

/** A setting with a one-line description, which the documentation and the JSON Schema show. */
export function help<S extends v.GenericSchema>(text: string, schema: S): S {
  return v.pipe(schema, v.description(text)) as unknown as S;
}

/** Text that is never shown. Faults hide a value if its name or this schema says that it is a secret. */
export function secret(accepted = "a text of at least 1 character") {
  return v.pipe(v.string(accepted), v.minLength(1, accepted), v.metadata({ secret: true }));
}

/** The address of a receiver. It is never shown, because it often contains a password. */
export function receiverUrl(accepted = "an absolute http or https URL, without a user name and password") {
  return v.pipe(
    v.string(accepted),
    v.check((value) => {
      if (!URL.canParse(value)) return false;
      const { protocol, username, password } = new URL(value);
      return /^https?:$/.test(protocol) && username === "" && password === "";
    }, accepted),
    v.transform((value) => new URL(value).href),
    v.metadata({ secret: true }),
  );
}

/** Text on one line, without control characters. */
export function line(maxLength = 200) {
  const accepted = `a text of 1 to ${maxLength} characters on one line`;
  return v.pipe(
    v.string(accepted),
    v.maxLength(maxLength, accepted),
    v.regex(/\S/, accepted),
    v.check((value) => !/[\p{Cc}\u2028\u2029]/u.test(value), accepted),
  );
}

export function wholeNumber(min: number, max: number, hint = "") {
  const accepted = `a whole number from ${min} to ${max}${hint}`;
  return v.pipe(
    v.number(accepted),
    v.integer(accepted),
    v.minValue(min, accepted),
    v.maxValue(max, accepted),
  );
}

/** A number from 0 (or just above it) to 1. */
export function share({ zero }: { zero: boolean }) {
  const accepted = zero ? "a number from 0 to 1" : "a number above 0, at most 1";
  return v.pipe(
    v.number(accepted),
    v.minValue(0, accepted),
    v.maxValue(1, accepted),
    v.check((value) => zero || value > 0, accepted),
  );
}

export function flag() {
  return v.boolean("true or false");
}

/**
 * A value of one of several shapes. `pick` names the shape that was meant, so that a fault can describe that shape; a
 * union would only say that none of them fits. The published JSON Schema offers all shapes.
 */
export function choice<const S extends readonly v.GenericSchema[]>(
  shapes: S,
  pick: (input: unknown) => S[number],
) {
  return Object.assign(
    v.lazy((input): S[number] => pick(input)),
    { choices: shapes },
  );
}

/** One value, or a list of at least one; always read as a list. */
export function oneOrMany<S extends v.GenericSchema>(item: S, accepted: string) {
  const many = v.pipe(v.array(item, accepted), v.minLength(1, accepted));
  return v.pipe(
    choice([item, many], (input) => (Array.isArray(input) ? many : item)),
    v.transform((value) => [value].flat() as v.InferOutput<S>[]),
    v.metadata({ form: "list" satisfies Form }),
  );
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
