/**
 * Times in stored values: ms since the epoch in memory, and UTC in ISO 8601 on disk, for people who read the file.
 * `core/times.ts` names the fields that are times; an incident's are named beside its type.
 */
import { isEach, TIME, type Times } from "../core/times.ts";

/**
 * `value` as JSON with its times as text. 0 ("never"), null and numbers that are no time stay as they are. Throws what
 * JSON.stringify throws.
 */
export function encodeJson(value: object, times: Times, indent?: number): string {
  // JSON.stringify visits depth first: a stack of the objects on the way finds the table of each. Copying the value
  // instead takes twice the time.
  const holders: object[] = [];
  const tables: (Times | undefined)[] = [];
  let holder: object | undefined;
  let table: Times | undefined;
  let next: { value: object; times: Times | undefined } = { value, times };
  function replace(this: object, key: string, field: unknown): unknown {
    if (this !== holder) {
      if (this === next.value) {
        holders.push(next.value);
        tables.push(next.times);
      } else if (holders.length === 0) return field;
      while (holders.at(-1) !== this) {
        holders.pop();
        tables.pop();
      }
      holder = this;
      table = tables.at(-1);
    }
    if (typeof field === "object" && field !== null) next = { value: field, times: tableOf(table, key) };
    if (typeof field !== "number" || table === undefined) return field;
    return tableOf(table, key) === TIME && isTime(field) ? isoOf(field) : field;
  }
  return JSON.stringify(value, replace, indent);
}

function tableOf(times: Times | undefined, key: string): Times | undefined {
  if (times === undefined || times === TIME) return undefined;
  return isEach(times) ? times[0] : times[key];
}

/** Turns the times of a freshly parsed value back to ms, in place. A text that is no time stays as it is. */
export function timesFromText(value: unknown, times: Times): void {
  if (times === TIME || typeof value !== "object" || value === null) return;
  const fields = value as Record<string, unknown>;
  for (const field of Object.keys(isEach(times) ? fields : times)) {
    if (!Object.hasOwn(fields, field)) continue;
    const inner = isEach(times) ? times[0] : times[field]!;
    if (inner === TIME) fields[field] = msOf(fields[field]);
    else timesFromText(fields[field], inner);
  }
}

/** One time as text; `null` for 0 ("never"), for absent values and for invalid times. */
export function isoOrNull(ms: unknown): string | null {
  return typeof ms === "number" && isTime(ms) ? isoOf(ms) : null;
}

/** Milliseconds may be missing: a person may have edited the file. */
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/;

function msOf(text: unknown): unknown {
  const ms = typeof text === "string" && ISO.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? text : ms;
}

/** 9999-12-31T23:59:59.999Z. Later times have another form and stay numbers. */
const LAST_MS = 253_402_300_799_999;

function isTime(ms: number): boolean {
  return ms > 0 && ms <= LAST_MS && Number.isInteger(ms);
}

const DAY_MS = 86_400_000;
const padded = (count: number, width: number) =>
  Array.from({ length: count }, (_, i) => String(i).padStart(width, "0"));
const TWO_DIGITS = padded(60, 2);
const THREE_DIGITS = padded(1000, 3);
let lastDay = { day: Number.NaN, text: "" };

/** Like `new Date(ms).toISOString()`, but computes the day once: a state holds thousands of times of one day. */
function isoOf(ms: number): string {
  const day = Math.floor(ms / DAY_MS);
  if (day !== lastDay.day) lastDay = { day, text: new Date(day * DAY_MS).toISOString().slice(0, 11) };
  const rest = ms - day * DAY_MS;
  const hours = TWO_DIGITS[Math.floor(rest / 3_600_000)];
  const minutes = TWO_DIGITS[Math.floor(rest / 60_000) % 60];
  const seconds = TWO_DIGITS[Math.floor(rest / 1000) % 60];
  return `${lastDay.text}${hours}:${minutes}:${seconds}.${THREE_DIGITS[rest % 1000]}Z`;
}
