/** What is called after each tick, and what it is told. */
import type { Address } from "./examination.ts";

/** A service after a completed tick. `incident` is the outage that was reported to people. */
export interface ServiceSummary {
  name: string;
  displayName: string;
  container: string;
  status: string;
  incident: { id: string; startedAt: number; message: string } | null;
}

export interface TickSummary {
  /** Whether the cycle ran and its state was saved. */
  ok: boolean;
  startedAt: number;
  /** The longest of the last few intervals between ticks, in ms; 0 before the second tick. */
  gapMs: number;
  services: ServiceSummary[];
}

/** Called after each completed tick. A hook that throws or runs longer than 15 s is named in the log. */
export interface TickHook {
  name: string;
  /** Where it connects to. */
  addresses?: readonly Address[];
  ticked(summary: TickSummary, signal: AbortSignal): Promise<void>;
}
