import type { CheckResult } from "../../src/plugin.ts";
import { onAbort } from "./aborts.ts";
import type { Alarms } from "./alarms.ts";
import { foreign, showMs } from "./reasons.ts";

/** A deadline that is noticed this late says something about us, not about the service: we stood still. */
const STALLED_MS = 1000;

/** A check that was begun. */
export interface Attempt {
  /** Never rejects, but may never end. */
  result: Promise<CheckResult>;
  /** Ends it. What it says afterwards is not heard. */
  cut(): void;
}

interface Frame {
  timeoutMs: number;
  signal: AbortSignal;
  alarms: Alarms;
  /** What it means that nothing has come of it in time. */
  overdue(): CheckResult;
}

/**
 * Gives an attempt one deadline, `timeoutMs` from now. Never rejects. The deadline and the signal decide by
 * themselves: they cut the attempt off and do not wait for it, so that no peer keeps a check alive.
 */
export function withinDeadline(begin: () => Attempt, frame: Frame): Promise<CheckResult> {
  const { timeoutMs, signal, alarms } = frame;
  if (signal.aborted) return Promise.resolve(aborted(signal));
  return new Promise((resolve) => {
    const { result, cut } = begin();
    const end = (verdict: CheckResult) => {
      callOff();
      stopListening();
      resolve(verdict);
    };
    const cutShort = (verdict: CheckResult) => {
      end(verdict);
      cut();
    };
    // What has arrived by the deadline counts, even if we were too busy to read it: hence one more turn.
    let callOff = alarms.after(timeoutMs, (lateMs) => {
      callOff = alarms.after(1, () => cutShort(lateMs > STALLED_MS ? stalled(lateMs) : frame.overdue()));
    });
    const stopListening = onAbort(signal, () => cutShort(aborted(signal)));
    result.then(end);
  });
}

function stalled(lateMs: number): CheckResult {
  const reason = `the watchdog stood still for ${showMs(lateMs)} during the check`;
  return { ok: false, unknown: true, reason };
}

/** We stop: that says nothing about the service. */
export function aborted(signal: AbortSignal): CheckResult {
  const why = signal.reason instanceof Error ? signal.reason.message : String(signal.reason);
  return { ok: false, unknown: true, reason: `check aborted: ${foreign(why)}` };
}
