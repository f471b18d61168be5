/** The form of the state in its files: a JSON document whose times are text, and lists of rows in the journal. */
import { STATE_VERSION, type WatchdogState } from "../core/state.ts";
import { entryTimes, letterTimes, stateTimes, type Times } from "../core/times.ts";
import { encodeJson, timesFromText } from "./times.ts";

/** A row of a list in the journal. */
export interface Row {
  id: string;
}

/** By the name of the list, in order. A row is never changed in place: a changed row is a new object. */
export type Lists = Readonly<Record<string, readonly Row[]>>;

/** Where the lists of a state are stored. */
export interface Pointer {
  /** The name of a file in the folder of the state file. */
  file: string;
  /** How many bytes of the file are valid. */
  bytes: number;
}

/** How a type of state is stored. */
export interface StateFormat {
  /** The version that is written. Older versions are read; newer ones are refused. */
  version: number;
  times?: Times;
  /** The lists in the journal. Absent: everything is in the state file. */
  journal?: {
    /** The times in the rows of each list, by its name. */
    times: Readonly<Record<string, Times>>;
    /** Takes the lists out of a value, so that a save writes only what changed in them. */
    take(value: object): { document: object; lists: Lists };
    /** Puts the lists back. */
    put(document: object, lists: Lists): object;
  };
}

/** There may be thousands of waiting alerts and dead letters, so they are in the journal. */
export const watchdogFormat: StateFormat = {
  version: STATE_VERSION,
  // Includes the lists of the outbox, which versions up to 0.1.0 keep in the state file.
  times: stateTimes,
  journal: {
    times: { waiting: entryTimes, dead: letterTimes },
    take(value) {
      const { outbox, ...state } = value as WatchdogState;
      const { entries, dead, ...rest } = outbox;
      return { document: { ...state, outbox: rest }, lists: { waiting: entries, dead } };
    },
    /** If 0.1.0 ran after this version, some alerts are in the journal and others in the state file. */
    put(document, { waiting = [], dead = [] }) {
      const outbox = objectOf((document as { outbox?: unknown }).outbox);
      const entries = joined(waiting, outbox.entries);
      return { ...document, outbox: { ...outbox, entries, dead: joined(dead, outbox.dead) } };
    },
  },
};

function joined(rows: readonly Row[], inline: unknown): unknown[] {
  const known = new Set(rows.map(({ id }) => id));
  const others = Array.isArray(inline) ? inline.filter((one) => !known.has(objectOf(one).id as string)) : [];
  return [...rows, ...others];
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** JSON with an indent of two spaces and a final newline; the version comes first. Throws what JSON.stringify throws. */
export function encodeState({ version, times }: StateFormat, document: object): string {
  const value = Object.assign({ version }, document, { version });
  return `${encodeJson(value, times ?? {}, 2)}\n`;
}

export type Decoded =
  | { kind: "state"; value: object; version: number; pointer?: Pointer }
  | { kind: "broken" | "newer"; reason: string };

/** The content of the file at `path`, or what is wrong with it. */
export function decodeState(format: StateFormat, bytes: Uint8Array, path: string): Decoded {
  const broken = (what: string): Decoded => ({ kind: "broken", reason: `${path} ${what}` });
  const { version } = format;
  if (bytes.length === 0) return broken("is empty");
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    // The parser's message quotes the file, which may contain secrets.
    return broken(`is not complete JSON (${bytes.length} bytes): it was cut off or overwritten`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    return broken("does not contain a JSON object");
  }
  const { version: found, journal, ...value } = parsed as Record<string, unknown>;
  if (typeof found !== "number" || !Number.isInteger(found) || found < 1) {
    return broken(`has no version (found ${describeVersion(found)}, accepted 1 to ${version})`);
  }
  if (found > version) {
    return {
      kind: "newer",
      reason: `${path} has version ${found} of the format, and this watchdog reads versions up to ${version}: start the newer watchdog that wrote it, or move the file away (this one then starts with an empty state), or set STATE_FILE to another file`,
    };
  }
  if (format.times !== undefined) timesFromText(value, format.times);
  return { kind: "state", value, version: found, ...(isPointer(journal) ? { pointer: journal } : {}) };
}

function isPointer(value: unknown): value is Pointer {
  const { file, bytes } = objectOf(value) as Partial<Pointer>;
  return typeof file === "string" && Number.isInteger(bytes) && bytes! > 0;
}

function describeVersion(found: unknown): string {
  if (found === undefined) return "none";
  return typeof found === "number" ? String(found) : `a ${found === null ? "null" : typeof found}`;
}
