import type { ConsolaInstance, ConsolaReporter, LogObject } from "consola";
import { createConsola } from "consola";
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

/** Readable lines on a terminal, or one JSON object a line: `{"time","level","message",…fields}`. */
export function createLog(settings: LogSettings): Log {
  const reporter = settings.format === "json" ? jsonReporter(settings) : prettyReporter(settings);
  const consola = createConsola({ level: LEVELS[settings.level], reporters: [reporter], throttle: 0 });
  return {
    debug: line(consola, "debug"),
    info: line(consola, "info"),
    warn: line(consola, "warn"),
    error: line(consola, "error"),
  };
}

function line(consola: ConsolaInstance, level: "debug" | "info" | "warn" | "error") {
  return (message: string, fields: Record<string, unknown> = {}) =>
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

/** The fields are for machines: a reader of lines has the same facts in the sentence. */
function prettyReporter({ redact, stream }: LogSettings): ConsolaReporter {
  return {
    log(entry) {
      const time = entry.date.toTimeString().slice(0, 8);
      stream.write(`${redact(`${time} ${MARKS[entry.type] ?? " "} ${parts(entry).message}`)}\n`);
    },
  };
}
