/**
 * The state as text for people, and back. A number under a key that is `at` or ends in `At` is a time in ms
 * since the epoch: it is written as UTC, ISO 8601, and read back as ms. 0 ("never") and null stay as they are.
 */

const DAY_MS = 86_400_000;
/** 9999-12-31T23:59:59.999Z: later times have another form, and stay numbers. */
const LAST_MS = 253_402_300_799_999;
/** Marks a text under a time's key that would else be read back as a time. */
const TEXT_MARK = "text:";
/** Milliseconds may be missing: a person may have edited the file. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/;

const padded = (count: number, width: number) =>
  Array.from({ length: count }, (_, i) => String(i).padStart(width, "0"));
const TWO_DIGITS = padded(60, 2);
const THREE_DIGITS = padded(1000, 3);

/** JSON with two spaces of indent and a final newline; `version` comes first. Throws what JSON.stringify throws. */
export function encodeState(version: number, value: object): string {
  const toIso = isoFormatter();
  const replace = (key: string, field: unknown): unknown => {
    if (typeof field === "object" || !isTimeKey(key)) return field;
    if (typeof field === "number") return isTime(field) ? toIso(field) : field;
    if (typeof field === "string") return readsAsOther(field) ? TEXT_MARK + field : field;
    return field;
  };
  const versioned = Object.assign({ version }, value, { version });
  return `${JSON.stringify(versioned, replace, 2)}\n`;
}

/** Turns the times of a freshly parsed value back to ms, in place. */
export function reviveTimes(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  const fields = value as Record<string, unknown>;
  for (const key of Object.keys(fields)) {
    const field = fields[key];
    if (typeof field === "object") reviveTimes(field);
    else if (typeof field === "string" && isTimeKey(key)) fields[key] = revive(field);
  }
}

function revive(text: string): string | number {
  if (text.startsWith(TEXT_MARK)) return text.slice(TEXT_MARK.length);
  const ms = TIME.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? text : ms;
}

function readsAsOther(text: string): boolean {
  return text.startsWith(TEXT_MARK) || TIME.test(text);
}

function isTimeKey(key: string): boolean {
  return key.endsWith("At") || key === "at";
}

function isTime(ms: number): boolean {
  return ms > 0 && ms <= LAST_MS && Number.isInteger(ms);
}

/** `new Date(ms).toISOString()`, with the day computed once: a state holds thousands of times of one day. */
function isoFormatter(): (ms: number) => string {
  let day = Number.NaN;
  let dayText = "";
  return (ms) => {
    const ofMs = Math.floor(ms / DAY_MS);
    if (ofMs !== day) {
      day = ofMs;
      dayText = new Date(day * DAY_MS).toISOString().slice(0, 11);
    }
    const rest = ms - day * DAY_MS;
    const hours = TWO_DIGITS[Math.floor(rest / 3_600_000)];
    const minutes = TWO_DIGITS[Math.floor(rest / 60_000) % 60];
    const seconds = TWO_DIGITS[Math.floor(rest / 1000) % 60];
    return `${dayText}${hours}:${minutes}:${seconds}.${THREE_DIGITS[rest % 1000]}Z`;
  };
}
