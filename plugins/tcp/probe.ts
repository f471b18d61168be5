import { connect, type Socket } from "node:net";
import type { CheckResult, Clock, ServiceTarget } from "../../src/plugin.ts";
import type { Alarms } from "../network/alarms.ts";
import { type Attempt, withinDeadline } from "../network/deadline.ts";
import type { Lookup } from "../network/lookup.ts";
import { CONNECTION_FAULTS, foreign, rootOf, showMs } from "../network/reasons.ts";
import { createAnswer, MAX_ANSWER_BYTES } from "./answer.ts";
import { takeLeave } from "./leave.ts";
import type { TcpServiceOptions } from "./settings.ts";

/**
 * A connection stands when it is still there after this time. Docker's proxy takes every connection to a
 * published port, and closes it at once when nothing listens inside the container.
 */
const STANDS_AFTER_MS = 50;

export interface ProbeWorld {
  clock: Clock;
  alarms: Alarms;
  lookup: Lookup;
}

/** What is known of a connection while it lasts. */
interface Progress {
  connectedInMs?: number;
  /** Why the answer so far is not the wanted one; absent where none is wanted, or none has come. */
  unmet?(ending: string): string;
}

/** One check. Its one deadline covers the look-up, the connection and the answer. Never rejects. */
export function probe(
  service: ServiceTarget,
  options: TcpServiceOptions,
  signal: AbortSignal,
  world: ProbeWorld,
): Promise<CheckResult> {
  const { timeoutMs } = service;
  const { hostname, port } = new URL(service.url);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const progress: Progress = {};
  const begin = () => converse({ host, port: Number(port), timeoutMs }, options, world, progress);
  const overdue = () => tooLate(host, timeoutMs, options, world, progress);
  return withinDeadline(begin, { timeoutMs, signal, alarms: world.alarms, overdue });
}

interface Peer {
  host: string;
  port: number;
  timeoutMs: number;
}

function converse(peer: Peer, options: TcpServiceOptions, world: ProbeWorld, progress: Progress): Attempt {
  const { send, expect } = options;
  const { clock, alarms } = world;
  const startedMs = clock.monotonicMs();
  const answer = expect === undefined ? undefined : createAnswer(expect, options);
  const socket = open(peer, world.lookup);
  let heard = 0;
  let isOver = false;
  const result = new Promise<CheckResult>((resolve) => {
    let callOff = () => {};
    const end = (verdict: CheckResult) => {
      if (isOver) return;
      isOver = true;
      callOff();
      resolve(verdict);
      takeLeave(socket, alarms);
    };
    const fail = (reason: string) => end({ ok: false, reason });
    const stands = () => end(connected(progress));
    socket.on("connect", () => {
      progress.connectedInMs = clock.monotonicMs() - startedMs;
      if (send !== undefined) socket.write(send);
      if (!answer) callOff = alarms.after(STANDS_AFTER_MS, stands);
    });
    socket.on("data", (chunk: Buffer) => {
      heard += chunk.length;
      if (isOver && heard > MAX_ANSWER_BYTES) socket.destroy();
      if (isOver) return;
      if (!answer) return stands();
      if (answer.take(chunk)) return end(answered(clock.monotonicMs() - startedMs));
      progress.unmet = answer.fault;
      if (answer.isFull()) fail(answer.fault(" in its first 64 KiB"));
    });
    // Also after the verdict: an "error" that nobody hears ends the process.
    socket.on("error", (error) => end(faultOf(error, peer.host, progress)));
    socket.on("close", () => fail(progress.unmet?.("") ?? closed(expect)));
    socket.on("end", () => fail(progress.unmet?.("") ?? closed(expect)));
  });
  const cut = () => {
    isOver = true;
    socket.destroy();
  };
  return { result, cut };
}

/** A connection of its own for every check: a pool would hide that nobody listens any more. */
function open({ host, port, timeoutMs }: Peer, { lookup }: Lookup): Socket {
  return connect({
    host,
    port,
    lookup: lookup as never,
    autoSelectFamily: true,
    // How long one address of a name may hold up the next one.
    autoSelectFamilyAttemptTimeout: Math.max(250, Math.round(timeoutMs / 4)),
  });
}

function connected({ connectedInMs = 0 }: Progress): CheckResult {
  return { ok: true, reason: `connected in ${showMs(connectedInMs)}` };
}

function answered(tookMs: number): CheckResult {
  return { ok: true, reason: `answered as expected in ${showMs(tookMs)}` };
}

const closed = (expect: string | undefined) =>
  expect === undefined
    ? "connection closed at once: does anything listen behind this port?"
    : "connection closed before an answer";

function faultOf(error: unknown, host: string, { unmet }: Progress): CheckResult {
  const { code = "", message } = rootOf(error);
  const known = Object.hasOwn(CONNECTION_FAULTS, code) ? CONNECTION_FAULTS[code]!(host) : undefined;
  if (known) return { ok: false, ...known };
  const isReset = code === "ECONNRESET" || code === "EPIPE";
  if (isReset) {
    return {
      ok: false,
      reason: unmet?.(", and the connection was reset") ?? "connection reset before an answer",
    };
  }
  return {
    ok: false,
    reason: `connection failed: ${foreign(message)}${code && !message.includes(code) ? ` (${code})` : ""}`,
  };
}

function tooLate(
  host: string,
  timeoutMs: number,
  { expect }: TcpServiceOptions,
  { lookup }: ProbeWorld,
  progress: Progress,
): CheckResult {
  const within = `in ${showMs(timeoutMs)}`;
  if (progress.connectedInMs !== undefined) {
    if (expect === undefined) return connected(progress);
    return { ok: false, reason: progress.unmet?.(` ${within}`) ?? `no answer ${within}` };
  }
  if (lookup.isPending(host)) {
    return { ok: false, fault: "unresolved", reason: `host ${host} not resolved ${within}` };
  }
  return { ok: false, fault: "unconnected", reason: `no connection ${within}` };
}
