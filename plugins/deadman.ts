import * as v from "valibot";
import {
  type Address,
  type Clock,
  definePlugin,
  help,
  type Log,
  receiverUrl,
  type TickHook,
} from "../src/plugin.ts";

interface DeadmanOptions {
  url: string;
}

const EVERY_MS = 60_000;
/** healthchecks.io accepts five pings a minute. Below this number, a failure or its end is reported at once. */
const MOST_A_MINUTE = 4;
/** Ticks come a little early or late. Without a tolerance, a tick that is 5 ms early would delay the ping to 75 s. */
const TOLERANCE_MS = 1000;
const TIMEOUT_MS = 10_000;
const ANSWER_LIMIT_BYTES = 200;

/**
 * Pings a dead-man switch (healthchecks.io and similar) after a tick, once a minute. After a failed tick it pings
 * `/fail` below the address. A change between the two is reported at once. When the pings stop, the switch alerts
 * people: no program on this host can report that the host is dead.
 */
export default definePlugin<DeadmanOptions>(
  ({ url }) => ({
    name: "deadman",
    setup({ hook, clock, log }) {
      hook(deadmanHook(url, { clock, log }));
    },
  }),
  {
    options: v.strictObject({
      url: help(
        "The address that is pinged after a tick, at most once a minute; with /fail at its end if the tick failed.",
        receiverUrl(),
      ),
    }),
    env: { url: "DEADMAN_URL" },
  },
);

/** Logs only changes, not every ping. `timeoutMs` is for one ping. */
export function deadmanHook(
  url: string,
  { clock, log }: { clock: Clock; log: Log },
  timeoutMs = TIMEOUT_MS,
): TickHook {
  const failUrl = new URL(url);
  failUrl.pathname = `${failUrl.pathname.replace(/\/$/, "")}/fail`;
  /** The pings of the last minute, oldest first. */
  let pingsMs: number[] = [];
  /** The last state that the switch accepted. */
  let told: boolean | undefined;
  let lost = false;
  return {
    name: "deadman",
    addresses: [addressOf(new URL(url))],
    async ticked({ ok }, signal) {
      const nowMs = clock.monotonicMs();
      pingsMs = pingsMs.filter((atMs) => nowMs - atMs < EVERY_MS - TOLERANCE_MS);
      const isNews = told !== undefined && told !== ok;
      if (pingsMs.length >= (isNews ? MOST_A_MINUTE : 1)) return;
      pingsMs.push(nowMs);
      const fault = await ping(ok ? url : failUrl.href, clock, signal, timeoutMs);
      if (fault === undefined) told = ok;
      // A ping that our own shutdown aborted says nothing about the receiver.
      if (signal.aborted || (fault !== undefined) === lost) return;
      lost = fault !== undefined;
      const target = new URL(url).origin;
      if (lost) log.warn(`the dead-man switch at ${target} is not pinged: ${fault}`);
      else log.info(`the dead-man switch at ${target} is pinged again`);
    },
  };
}

function addressOf({ hostname, port, protocol }: URL): Address {
  const tls = protocol === "https:";
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return { host, port: Number(port || (tls ? 443 : 80)), tls, isHttp: true };
}

/** Resolves to what went wrong, without the URL; `undefined` if the ping was accepted. */
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
    // healthchecks.io also answers 200 to pings that it drops: "OK (not found)", "OK (rate limited)".
    return /^OK (\(.*\))/.exec(await startOf(response))?.[1];
  } catch (fault) {
    if (late) return `no answer in ${timeoutMs / 1000} s`;
    // The messages of fetch contain the address.
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
