/** Parts of sentences for people: time spans, counts, lists of names. */

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
] as const;

/** A time span for people, at most two units: `1 min 2 s`, `3 h`, `450 ms`. */
export function span(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  let rest = Math.round(ms / 1000) * 1000;
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    if (rest >= size && parts.length < 2) {
      parts.push(`${Math.floor(rest / size)} ${unit}`);
      rest %= size;
    } else if (parts.length > 0) break;
  }
  return parts.join(" ");
}

export const counted = (n: number, one: string, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

export const until = (at: number | undefined, otherwise: string) =>
  at === undefined ? otherwise : ` until ${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;

export const list = (names: readonly string[]) =>
  names.length === 0
    ? "none"
    : names.length <= 6
      ? names.join(", ")
      : `${names.slice(0, 5).join(", ")} and ${names.length - 5} more`;

export const together = (names: readonly string[]) =>
  names.length > 1 && names.length <= 6
    ? `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`
    : list(names);
