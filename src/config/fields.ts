/** The vocabulary of settings, for the runner's schema and for those of plugins. */
import * as v from "valibot";

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)$/;

/** Reads `15` (seconds), `"15s"`, `"500ms"`, `"2m"`, `"1h"`, `"1d"` as ms; `undefined` for anything else. */
export function parseDurationMs(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? value * 1000 : undefined;
  if (typeof value !== "string") return undefined;
  const match = DURATION.exec(value.trim());
  if (!match) return undefined;
  return Number(match[1]) * UNITS[match[2]!]!;
}

/** A duration from `minMs` to `maxMs`, as ms. */
export function duration(minMs = 1, maxMs = 365 * 86_400_000) {
  const accepted = `a duration from ${showDuration(minMs)} to ${showDuration(maxMs)}: seconds as a number, or text such as "500ms", "15s", "2m"`;
  return v.pipe(
    v.unknown(),
    v.check((value) => {
      const ms = parseDurationMs(value);
      return ms !== undefined && ms >= minMs && ms <= maxMs;
    }, accepted),
    v.transform((value) => parseDurationMs(value)!),
  );
}

/** An absolute http or https URL, without a user name or password in it. */
export function httpUrl() {
  return v.pipe(
    v.unknown(),
    v.check((value) => {
      if (typeof value !== "string" || !URL.canParse(value)) return false;
      const { protocol, username, password } = new URL(value);
      return /^https?:$/.test(protocol) && username === "" && password === "";
    }, 'an absolute URL such as "http://executor:8080/health" (http or https, no user name or password in it)'),
    v.transform((value) => value as string),
  );
}

/** Docker's own grammar of names: anything else could be read by a shell as more than a name. */
export const CONTAINER_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

export function containerName() {
  return v.pipe(
    v.unknown(),
    v.check(
      (value) => typeof value === "string" && value.length <= 255 && CONTAINER_NAME.test(value),
      'a container name: letters, digits, "_", "." and "-", beginning with a letter or digit',
    ),
    v.transform((value) => value as string),
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
