import type { Clock } from "../../src/plugin.ts";

/** Many alarms on one timer, so that a thousand checks cost one timer. */
export interface Alarms {
  /** Calls `ring` once, in `ms` or a little later. Returns a function that cancels it. */
  after(ms: number, ring: (lateMs: number) => void): () => void;
}

interface Alarm {
  due: number;
  ring(lateMs: number): void;
}

/**
 * Alarms of the same length are kept together, in the order in which they ring. So the next alarm of each length is
 * its first one, and setting or cancelling one costs the same however many there are. Without alarms, no timer keeps
 * the process alive.
 */
export function createAlarms(clock: Clock): Alarms {
  const byLength = new Map<number, Set<Alarm>>();
  let sleep = new AbortController();
  let wakeAt = Number.POSITIVE_INFINITY;

  function arm(): void {
    let due = Number.POSITIVE_INFINITY;
    for (const alarms of byLength.values()) {
      for (const first of alarms) {
        due = Math.min(due, first.due);
        break;
      }
    }
    if (due === wakeAt) return;
    // Waking too early is harmless. Only when the last alarm ends must the timer go, so that the process can end.
    if (due > wakeAt && due !== Number.POSITIVE_INFINITY) return;
    if (wakeAt !== Number.POSITIVE_INFINITY) sleep.abort();
    wakeAt = due;
    if (due === Number.POSITIVE_INFINITY) return;
    sleep = new AbortController();
    const { signal } = sleep;
    clock.wait(Math.max(1, Math.ceil(due - clock.monotonicMs())), signal).then(() => {
      if (!signal.aborted) wake();
    });
  }

  function wake(): void {
    wakeAt = Number.POSITIVE_INFINITY;
    const now = clock.monotonicMs();
    const ringing: Alarm[] = [];
    for (const [length, alarms] of byLength) {
      for (const alarm of alarms) {
        if (alarm.due > now) break;
        alarms.delete(alarm);
        ringing.push(alarm);
      }
      if (alarms.size === 0) byLength.delete(length);
    }
    for (const alarm of ringing) alarm.ring(now - alarm.due);
    arm();
  }

  return {
    after(ms, ring) {
      const alarm = { due: clock.monotonicMs() + ms, ring };
      const alarms = byLength.get(ms) ?? new Set<Alarm>();
      byLength.set(ms, alarms);
      alarms.add(alarm);
      if (alarm.due < wakeAt) arm();
      return () => {
        const set = byLength.get(ms);
        if (!set?.delete(alarm) || set.size > 0) return;
        byLength.delete(ms);
        if (byLength.size === 0) arm();
      };
    },
  };
}
