import type { ConsolaInstance, ConsolaReporter, LogObject } from "consola";
import type { Log } from "../plugin.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";
export type LogFormat = "pretty" | "json";

const LEVELS: Record<LogLevel, number> = { silent: -999, error: 0, warn: 1, info: 3, debug: 4 };

export interface LogSettings {
  level: LogLevel;
  format: LogFormat;
  /** Replaces what must not be shown, in every line. */
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

/**
 * Readable lines on a terminal, or one JSON object a line: `{"time","level","message",…fields}`. consola is
 * loaded with the first line: a quiet one-shot tick says nothing, and does not pay for it.
 */
export function createLog(settings: LogSettings): LazyLog {
  let consola: ConsolaInstance | undefined;
  let loading: Promise<void> | undefined;
  const waiting: Line[] = [];

  async function load(): Promise<void> {
    const { createConsola } = await import("consola");
    const reporter = settings.format === "json" ? jsonReporter(settings) : prettyReporter(settings);
    consola = createConsola({ level: LEVELS[settings.level], reporters: [reporter], throttle: 0 });
    for (const line of waiting.splice(0)) write(consola, line);
  }

  const at =
    (level: Level) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      if (LEVELS[level] > LEVELS[settings.level]) return;
      if (consola) return write(consola, [level, message, fields]);
      waiting.push([level, message, fields]);
      loading ??= load();
    };

  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    flush: async () => loading,
  };
}

function write(consola: ConsolaInstance, [level, message, fields]: Line): void {
  consola[level]({ message, args: [fields] });
}

function parts(entry: LogObject): { message: string; fields: Record<string, unknown> } {
  const [first, second] = entry.args;
  if (typeof first === "string") return { message: first, fields: (second ?? {}) as Record<string, unknown> };
  return { message: String(entry.message ?? ""), fields: (first ?? {}) as Record<string, unknown> };
}

function jsonReporter({ redact, stream }: LogSettings): ConsolaReporter {
  return {
    log(entry) {
      const { message, fields } = parts(entry);
      const object = { time: entry.date.toISOString(), level: entry.type, message, ...fields };
      stream.write(`${redact(JSON.stringify(object))}\n`);
    },
  };
}

const MARKS: Record<string, string> = { debug: "·", info: "ℹ", warn: "⚠", error: "✖" };

/** Texts of receivers and containers come into lines: none may begin a line of its own, or colour a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/** The fields are for machines: a reader of lines has the same facts in the sentence. */
function prettyReporter({ redact, stream }: LogSettings): ConsolaReporter {
  return {
    log(entry) {
      const message = parts(entry).message.replace(CONTROL, " ");
      const time = entry.date.toTimeString().slice(0, 8);
      stream.write(`${redact(`${time} ${MARKS[entry.type] ?? " "} ${message}`)}\n`);
    },
  };
}
