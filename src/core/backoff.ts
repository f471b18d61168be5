import { draw } from "./draw.ts";
import type { Backoff } from "./policy.ts";

/**
 * How long the restart after `level` restarts has to wait, ms: none for the first, then
 * `min(base * 2^(level-1), cap)`, varied by the jitter (kubelet CrashLoopBackOff: 10 s doubling to 300 s).
 */
export function backoffMs(backoff: Backoff, level: number, seed: string): number {
  if (level < 1) return 0;
  const plain = Math.min(backoff.baseMs * 2 ** Math.min(level - 1, 30), backoff.capMs);
  return Math.round(plain * (1 + backoff.jitter * (2 * draw(seed) - 1)));
}
