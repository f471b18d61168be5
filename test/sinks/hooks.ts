/** What a tick hook is given: a world whose time stands still until it is moved, and summaries. */
import type { Clock, ServiceSummary, TickSummary } from "../../src/plugin.ts";
import { realClock } from "./contract.ts";

export interface HookWorld {
  clock: Clock;
  log: { debug(m: string): void; info(m: string): void; warn(m: string): void; error(m: string): void };
  /** Every line of the log, as `level: message`. */
  lines: string[];
  pass(ms: number): void;
}

export const START = Date.parse("2026-11-23T18:30:00.000Z");

export function hookWorld(): HookWorld {
  let passedMs = 0;
  const lines: string[] = [];
  const level = (name: string) => (message: string) => void lines.push(`${name}: ${message}`);
  return {
    clock: { ...realClock, now: () => START + passedMs, monotonicMs: () => passedMs },
    log: { debug: level("debug"), info: level("info"), warn: level("warn"), error: level("error") },
    lines,
    pass(ms) {
      passedMs += ms;
    },
  };
}

export const EXECUTOR: ServiceSummary = {
  name: "executor",
  displayName: "Executor",
  container: "spreadpilot-executor",
  status: "down",
  incident: {
    id: "inc_executor_1",
    startedAt: Date.parse("2026-11-23T18:19:13.000Z"),
    message: "Executor is down: the restart did not help (HTTP 503 in 12 ms)",
  },
};

export function summary(services: ServiceSummary[] = [], ok = true, gapMs = 0): TickSummary {
  return { ok, startedAt: START, gapMs, services };
}
