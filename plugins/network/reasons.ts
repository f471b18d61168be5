import type { CheckFault } from "../../src/plugin.ts";

/**
 * Why a check came to nothing. `unknown`: the fault is on our side, and says nothing about the service.
 * `fault`: it ended before it came to the service.
 */
export interface Fault {
  reason: string;
  unknown?: true;
  fault?: CheckFault;
}

/** Text of the other side, fit for a log and a chat: no control characters, no bidi tricks, cut. */
export function foreign(text: string, maxLength = 120): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, " ").trim();
  return clean.length > maxLength ? `${clean.slice(0, maxLength)}…` : clean;
}

/** `300 ms`, `5 s`, `1.5 s` */
export function showMs(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Number((ms / 1000).toFixed(1))} s`;
}

const NO_SOCKET = "no socket for this check";
const MORE_FILES = "raise the limit of open files (ulimit -n) or lower http.maxInFlight";

/** `host`: the name or address that was asked. */
export type Say = (host: string) => Fault;

export const fails =
  (reason: string, fault?: CheckFault): Say =>
  () => ({ reason, ...(fault ? { fault } : {}) });
export const ours =
  (reason: string): Say =>
  () => ({ reason, unknown: true });
const unknownHost: Say = (host) => ({ reason: `unknown host ${host}`, fault: "unresolved" });
const resolverSilent: Say = (host) => ({
  reason: `unknown host ${host}: the name server did not answer`,
  fault: "unresolved",
});

/** What keeps a connection from being made, whatever is to be said over it. By Node's `error.code`. */
export const CONNECTION_FAULTS: Readonly<Record<string, Say>> = {
  EMFILE: ours(`${NO_SOCKET}: too many open files; ${MORE_FILES}`),
  ENFILE: ours(`${NO_SOCKET}: too many open files on this machine`),
  ENOBUFS: ours(`${NO_SOCKET}: the system has no buffer left`),
  ENOMEM: ours(`${NO_SOCKET}: the system has no memory left`),
  EADDRNOTAVAIL: ours(`${NO_SOCKET}: no local address or port is free for it`),
  EAI_MEMORY: ours("the name could not be looked up: the system has no memory left"),
  EAI_SYSTEM: ours("the name could not be looked up: the system refused"),
  ENOTFOUND: unknownHost,
  EAI_NODATA: unknownHost,
  EAI_AGAIN: resolverSilent,
  ECONNREFUSED: fails("connection refused"),
  ETIMEDOUT: fails("connection timed out", "unconnected"),
  EHOSTUNREACH: fails("host unreachable", "unrouted"),
  ENETUNREACH: fails("network unreachable", "unrouted"),
};

export interface Root {
  code?: string;
  message: string;
}

/** The error that the others were wrapped around (ofetch's FetchError, Deno's "fetch failed"). */
export function rootOf(error: unknown): Root {
  let root = error as Error & { code?: unknown };
  for (let depth = 0; depth < 5 && root?.cause instanceof Error; depth++) root = root.cause as typeof root;
  if (root instanceof AggregateError) return decisive(root.errors as Root[]);
  const code = typeof root?.code === "string" ? root.code : undefined;
  return { code, message: String(root?.message ?? root) };
}

/**
 * A name with several addresses fails with an error of each. Want of files decides: the last address may
 * have been fine. Want of an address does not: it is how a machine without IPv6 answers for `::1`.
 */
function decisive(errors: readonly Root[]): Root {
  const shortage = errors.find(({ code }) => code === "EMFILE" || code === "ENFILE" || code === "ENOBUFS");
  const reached = errors.find(({ code }) => code !== "EADDRNOTAVAIL" && code !== "ENETUNREACH");
  return shortage ?? reached ?? errors[0] ?? { message: "no address answered" };
}
