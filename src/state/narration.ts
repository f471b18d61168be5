/**
 * Log lines for the effects of an event. Ten thousand services may fail in one tick, so at most 20 lines of one
 * kind are written, followed by a count; the rest is written at debug.
 */
import type { Alert } from "../core/alert.ts";
import type { Effect } from "../core/event.ts";
import type { DeadLetter } from "../core/outbox.ts";
import { words } from "../core/words.ts";
import type { Log } from "../plugin/contract.ts";

const MOST_LINES = 20;

interface Line {
  level: "info" | "warn" | "error";
  /** Lines of one kind are counted together. */
  kind: string;
  text: string;
  fields: Record<string, unknown>;
}

/** Logs the notes and alerts of an event, and the alerts for which the outbox had no room. */
export function narrate(log: Log, effects: readonly Effect[], dropped: readonly DeadLetter[]): void {
  const kinds = new Map<string, { count: number; level: Line["level"] }>();
  const write = ({ level, kind, text, fields }: Line) => {
    const known = kinds.get(kind) ?? { count: 0, level };
    kinds.set(kind, known);
    known.count++;
    log[known.count > MOST_LINES ? "debug" : level](text, fields);
  };
  for (const effect of effects) {
    if (effect.type === "note") write(noteLine(effect));
    if (effect.type === "alert") write(alertLine(effect.alert));
  }
  for (const letter of dropped) write(dropLine(letter));
  for (const [kind, { count, level }] of kinds) {
    const left_out = count - MOST_LINES;
    if (left_out > 0) log[level](words.andMore(left_out, kind), { kind, left_out });
  }
}

function noteLine({ level, text, service, topic }: Extract<Effect, { type: "note" }>): Line {
  return { level, kind: topic ?? level, text, fields: { service, ...(topic && { topic }) } };
}

function alertLine({ severity, event_type, message, id, params }: Alert): Line {
  const level = severity === "INFO" ? "info" : severity === "WARNING" ? "warn" : "error";
  const fields = { event_type, service: params.component_name, alert_id: id, reason: params.reason };
  return { level, kind: event_type, text: message, fields };
}

function dropLine({ alert, sink }: DeadLetter): Line {
  return { level: "error", kind: "dropped", text: words.dropped(alert.message, sink), fields: {} };
}
