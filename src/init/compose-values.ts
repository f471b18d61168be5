/** Reads values as Compose writes them. Pure. */
import { isRecord } from "../core/record.ts";

const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const DURATION = /^(?:\d{1,9}(?:\.\d{1,9})?(?:ns|us|µs|ms|s|m|h)){1,6}$/;
const PART = /([\d.]+)(ns|us|µs|ms|s|m|h)/g;

/** `1m30s`; `undefined` for anything else. */
export function durationMs(text: string | undefined): number | undefined {
  if (text === undefined || text.length > 60 || !DURATION.test(text)) return undefined;
  let sum = 0;
  for (const [, size, unit] of text.matchAll(PART)) sum += Number(size) * UNITS_MS[unit!]!;
  return Math.round(sum);
}

/** A whole number that is not negative, also as text. */
export function numberOf(value: unknown): number | undefined {
  const number = typeof value === "string" && /^\d{1,9}$/.test(value.trim()) ? Number(value) : value;
  return typeof number === "number" && Number.isInteger(number) && number >= 0 ? number : undefined;
}

const TCP = /^tcp$/i;
/** More of a range are not asked for. */
const MOST_PORTS = 20;

/** The container's TCP ports: those that are published first, in the order of the file. */
export function portsOf(
  { ports, expose }: Readonly<Record<string, unknown>>,
  fill: (value: unknown) => string | undefined,
): number[] {
  const listed = (value: unknown) => (Array.isArray(value) ? value.slice(0, MOST_PORTS) : []);
  const all = [...listed(ports), ...listed(expose)].flatMap((one) => {
    if (!isRecord(one)) return fromText(typeof one === "number" ? String(one) : fill(one));
    const isTcp = one.protocol === undefined || TCP.test(String(one.protocol));
    return isTcp ? fromText(typeof one.target === "number" ? String(one.target) : fill(one.target)) : [];
  });
  return [...new Set(all)].slice(0, MOST_PORTS);
}

/** `80`, `8080:80`, `127.0.0.1:8080:80/tcp`, `3000-3005`: the container's side is the last. */
function fromText(text: string | undefined): number[] {
  const [, first, last = first] = /(?:^|:)(\d{1,5})(?:-(\d{1,5}))?(?:\/tcp)?$/.exec(text ?? "") ?? [];
  if (first === undefined) return [];
  const [from, to] = [Number(first), Number(last)];
  const count = Math.min(Math.max(0, to - from + 1), MOST_PORTS);
  return Array.from({ length: count }, (_, at) => from + at).filter((port) => port >= 1 && port <= 65_535);
}
