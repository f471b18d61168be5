import type { Delivery } from "../../src/plugin.ts";

/**
 * Answers of Redis that are final, by their beginning. All others may be temporary (LOADING, OOM, READONLY, MISCONF).
 */
const FINAL: readonly (readonly [RegExp, string])[] = [
  [
    /^(WRONGPASS|NOAUTH|ERR AUTH|ERR invalid password)/i,
    "Redis refused the login: check the user name and the password in REDIS_URL",
  ],
  [/^NOPERM/, "Redis does not let this user add to the stream (XADD)"],
  [/^WRONGTYPE/, "the key is not a stream: something else in Redis has this name"],
  [/^ERR (invalid DB index|DB index is out of range)/i, "Redis has no database of that number"],
];

const CODES: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection closed by Redis",
  EPIPE: "connection closed by Redis",
  ENOTFOUND: "unknown host",
  EAI_AGAIN: "unknown host",
  EHOSTUNREACH: "host unreachable",
  ETIMEDOUT: "no connection in time",
};

/** Errors of the client itself, by their whole message. */
const MESSAGES = new Map([
  ["Connection timeout", "no connection in time"],
  ["Socket closed unexpectedly", "connection closed by Redis"],
  ["The client is closed", "connection closed by Redis"],
  ["Disconnects client", "stopped before Redis took it"],
]);

/** What an error of the client means. The reason has no address, because an address may contain the password. */
export function classifyFault(fault: unknown): Delivery {
  const { message = "", code = "" } = (fault ?? {}) as { message?: string; code?: string };
  const final = FINAL.find(([pattern]) => pattern.test(message));
  if (final) return { outcome: "rejected", reason: final[1] };
  // A reply begins with its kind in capital letters, and that word contains nothing of ours.
  const kind = /^[A-Z]{3,}(?= )/.exec(message)?.[0];
  const known =
    CODES[code] ?? MESSAGES.get(message) ?? (kind ? `Redis said ${kind}` : "the connection to Redis failed");
  return { outcome: "retry", reason: known };
}
