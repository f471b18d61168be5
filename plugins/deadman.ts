import * as v from "valibot";
import { type Clock, definePlugin, type Log, receiverUrl, type TickHook } from "../src/plugin.ts";

export interface DeadmanOptions {
  url: string;
}

const EVERY_MS = 60_000;
/** Ticks come a little early or late; a slot that is missed for 5 ms would make it 75 s. */
const TOLERANCE_MS = 1000;
const TIMEOUT_MS = 10_000;
const ANSWER_LIMIT_BYTES = 200;

/**
 * Pings a dead-man switch (healthchecks.io and its like) after a completed tick, at most once a minute, and
 * `/fail` under it after a tick that failed. It is the switch that tells people when the pings stop: nothing
 * on this host can tell of its own death.
 */
export default definePlugin<DeadmanOptions>(
  ({ url }) => ({
    name: "deadman",
    setup({ hook, clock, log }) {
      hook(deadmanHook(url, { clock, log }));
    },
  }),
  {
    options: v.strictObject({ url: receiverUrl() }),
    fromEnv: (env) => (env.DEADMAN_URL ? { url: env.DEADMAN_URL } : undefined),
  },
);

/** The last state is told once in the log, not every minute. `timeoutMs` is of one ping. */
export function deadmanHook(
  url: string,
  { clock, log }: { clock: Clock; log: Log },
  timeoutMs = TIMEOUT_MS,
): TickHook {
  const failUrl = new URL(url);
  failUrl.pathname = `${failUrl.pathname.replace(/\/$/, "")}/fail`;
  let pingedAtMs = Number.NEGATIVE_INFINITY;
  let lost = false;
  return {
    name: "deadman",
    async ticked({ ok }, signal) {
      const nowMs = clock.monotonicMs();
      if (nowMs - pingedAtMs < EVERY_MS - TOLERANCE_MS) return;
      pingedAtMs = nowMs;
      const fault = await ping(ok ? url : failUrl.href, clock, signal, timeoutMs);
      // A ping that our own stop cut off says nothing about the receiver.
      if (signal.aborted || (fault !== undefined) === lost) return;
      lost = fault !== undefined;
      const target = new URL(url).origin;
      if (lost) log.warn(`the dead-man switch at ${target} is not pinged: ${fault}`);
      else log.info(`the dead-man switch at ${target} is pinged again`);
    },
  };
}

/** Resolves to what went wrong, in words without the URL; `undefined` when the ping was taken. */
async function ping(
  url: string,
  clock: Clock,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<string | undefined> {
  const over = new AbortController();
  let late = false;
  void clock.wait(timeoutMs, over.signal).then(() => {
    late = !over.signal.aborted;
    over.abort();
  });
  signal.addEventListener("abort", () => over.abort(), { once: true, signal: over.signal });
  if (signal.aborted) over.abort();
  try {
    const headers = { "user-agent": "spreadpilot-watchdog" };
    const response = await fetch(url, { headers, redirect: "manual", signal: over.signal });
    if (response.status !== 200) {
      await response.body?.cancel();
      return `HTTP ${response.status}`;
    }
    // healthchecks.io answers 200 to what it drops, too: "OK (not found)", "OK (rate limited)".
    return /^OK (\(.*\))/.exec(await startOf(response))?.[1];
  } catch (fault) {
    if (late) return `no answer in ${timeoutMs / 1000} s`;
    // The messages of fetch carry the address.
    const code = fault instanceof Error && (fault.cause as { code?: unknown } | undefined)?.code;
    return typeof code === "string" ? `connection failed (${code})` : "connection failed";
  } finally {
    over.abort();
  }
}

async function startOf(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const { value } = (await reader?.read()) ?? {};
  reader?.cancel().catch(() => {});
  return new TextDecoder().decode(value?.subarray(0, ANSWER_LIMIT_BYTES));
}
