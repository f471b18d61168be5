import type { ConsolaReporter, LogObject } from "consola/core";
import type { Log } from "../plugin/contract.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";
export type LogFormat = "pretty" | "json";

const LEVELS: Record<LogLevel, number> = { silent: -999, error: 0, warn: 1, info: 3, debug: 4 };

/** Level and secrets may change while the log is in use. */
export interface LogSettings {
  level: LogLevel;
  format: LogFormat;
  /** Hides secrets, in every line. */
  redact(text: string): string;
  /** Where lines go; the one-shot command keeps stdout for its report. */
  stream: { write(line: string): unknown };
}

export interface LazyLog extends Log {
  /** Resolves when every line so far is written. */
  flush(): Promise<void>;
}

type Level = "debug" | "info" | "warn" | "error";
type Line = [level: Level, message: string, fields: Record<string, unknown>];
type Write = (line: Line) => void;

/**
 * Readable lines for a terminal, or one JSON object per line: `{"time","level","message",…fields}`. consola is loaded
 * with the first line, so that a quiet one-shot tick does not load it.
 */
export function createLog(settings: LogSettings): LazyLog {
  let write: Write | undefined;
  let loading: Promise<void> | undefined;
  const waiting: Line[] = [];

  async function load(): Promise<void> {
    const reporter = settings.format === "json" ? jsonReporter(settings) : prettyReporter(settings);
    write = await loadWriter(reporter);
    for (const line of waiting.splice(0)) write(line);
  }

  const at =
    (level: Level) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      if (LEVELS[level] > LEVELS[settings.level]) return;
      if (write) return write([level, message, fields]);
      waiting.push([level, message, fields]);
      loading ??= load();
    };

  return {
    get isDebug() {
      return settings.level === "debug";
    },
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    flush: async () => loading,
  };
}

/**
 * Its core alone: the rest of consola draws boxes and asks questions, and would cost each start 20 ms. If it cannot be
 * loaded when the first line is due, lines look the same without it.
 */
async function loadWriter(reporter: ConsolaReporter): Promise<Write> {
  try {
    const { createConsola } = await import("consola/core");
    const consola = createConsola({ level: LEVELS.debug, reporters: [reporter], throttle: 0 });
    return ([type, message, fields]) => consola[type]({ message, args: [fields] });
  } catch {
    return ([type, message, fields]) =>
      reporter.log({ type, date: new Date(), message, args: [fields] } as unknown as LogObject, {} as never);
  }
}

function parts(entry: LogObject): { message: string; fields: Record<string, unknown> } {
  const [first, second] = entry.args;
  if (typeof first === "string") return { message: first, fields: (second ?? {}) as Record<string, unknown> };
  return { message: String(entry.message ?? ""), fields: (first ?? {}) as Record<string, unknown> };
}

function jsonReporter(settings: LogSettings): ConsolaReporter {
  return {
    log(entry) {
      const { message, fields } = parts(entry);
      const object = { time: entry.date.toISOString(), level: entry.type, message, ...fields };
      // Text by text: what is cut out of the whole line could leave no JSON.
      const hide = (_: string, value: unknown) =>
        typeof value === "string" ? settings.redact(value) : value;
      settings.stream.write(`${JSON.stringify(object, hide)}\n`);
    },
  };
}

const MARKS: Record<string, string> = { debug: "·", info: "ℹ", warn: "⚠", error: "✖" };

/** Lines quote receivers and containers, whose text must not start lines of its own or colour a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the point.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/** The fields are for machines; the sentence has the same facts. */
function prettyReporter(settings: LogSettings): ConsolaReporter {
  return {
    log(entry) {
      // A secret may have line breaks, so it is hidden before they are replaced.
      const message = settings.redact(parts(entry).message).replace(CONTROL, " ");
      const time = entry.date.toTimeString().slice(0, 8);
      settings.stream.write(`${time} ${MARKS[entry.type] ?? " "} ${message}\n`);
    },
  };
}

/** The message of an error from a plugin or the system, as one line of at most 300 characters. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s+/g, " ").trim().slice(0, 300);
}
