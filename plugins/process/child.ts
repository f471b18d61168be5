/** One process and its own children: how they are started and ended. */
import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import process from "node:process";
import type { Clock } from "../../src/plugin.ts";
import type { Proc } from "./proc.ts";

/** The settings that a service has for its process. */
export interface ProcessSettings {
  command: string;
  args: string[];
  /** Absent: the watchdog's working directory. */
  cwd?: string | undefined;
  env: Record<string, string>;
  /** The time between SIGTERM and SIGKILL. */
  stopTimeout: number;
  /** Its output is appended to this file. Absent: the output is dropped. */
  logFile?: string | undefined;
}

export interface Child {
  pid: number;
  /** The start time: together with the pid, it tells the process from a later one. Empty if unknown. */
  start: string;
  /** Resolves when the process has ended. Absent if an earlier watchdog started it; then /proc is read instead. */
  end?: Promise<void>;
  /** `exit status 3` or `SIGKILL`; `undefined` while the process is known to run. */
  ended?: string;
}

export type Started = { ok: true; child: Child } | { ok: false; reason: string };
export type Ended = { end: "ended" | "killed" | "aborted" | "stuck" };

/** After SIGKILL, only a process that waits in the kernel (broken disk, dead NFS) is still there. */
const KILL_WAIT_MS = 5000;
const LOOK_MS = 20;

/**
 * Resolves when the process runs. Whether it answers is for the checks to say. `onPid` is called in the same turn of
 * the event loop in which the process starts. Never rejects.
 */
export function startChild(
  settings: ProcessSettings,
  env: Record<string, string>,
  proc: Proc,
  onPid: (child: Child) => void,
): Promise<Started> {
  const { command, args, cwd, logFile } = settings;
  if (cwd !== undefined && !existsSync(cwd)) return failed(`its folder ${cwd} does not exist`);
  let output: number | "ignore" = "ignore";
  try {
    if (logFile !== undefined) output = openSync(logFile, "a", 0o600);
    // A process group of its own: the process ends together with its children, and Ctrl-C in the watchdog's terminal
    // does not reach it.
    const spawned = spawn(command, args, { cwd, env, detached: true, stdio: ["ignore", output, output] });
    const { pid } = spawned;
    const child: Child | undefined = pid === undefined ? pid : { pid, start: proc.find(pid)?.start ?? "" };
    if (child) {
      child.end = new Promise((done) => {
        spawned.once("exit", (status, signal) => {
          child.ended = signal ?? `exit status ${status}`;
          // A worker that is left behind would keep the port that the next process needs.
          signalGroup(child, "SIGKILL", proc);
          done();
        });
      });
      onPid(child);
    }
    return new Promise((resolve) => {
      spawned.once("error", (error) => resolve({ ok: false, reason: whyNot(command, error) }));
      spawned.once("spawn", () => resolve({ ok: true, child: child! }));
    });
  } catch (error) {
    return failed(whyNot(command, error as Error));
  } finally {
    if (typeof output === "number") closeSync(output);
  }
}

/** Whether the process has ended, and how. */
export function endOf(child: Child, proc: Proc): string | undefined {
  if (child.end === undefined && !isThere(child, proc)) child.ended ??= "nobody saw how";
  return child.ended;
}

/**
 * Sends SIGTERM, and SIGKILL if the process does not end in time. An abort leaves the process as it is. Never
 * rejects.
 */
export async function endChild(
  child: Child,
  stopTimeoutMs: number,
  world: { clock: Clock; proc: Proc },
  signal?: AbortSignal,
): Promise<Ended> {
  const { proc } = world;
  if (endOf(child, proc) !== undefined) return { end: "ended" };
  signalGroup(child, "SIGTERM", proc);
  if (await endsWithin(child, stopTimeoutMs, world, signal)) return { end: "ended" };
  if (signal?.aborted) return { end: "aborted" };
  signalGroup(child, "SIGKILL", proc);
  return { end: (await endsWithin(child, KILL_WAIT_MS, world)) ? "killed" : "stuck" };
}

/**
 * Call this only while the process runs or has just ended: its group keeps the number until its last process has
 * ended. After that, the number may belong to another group.
 */
export function signalGroup(child: Child, name: "SIGTERM" | "SIGKILL", proc: Proc): void {
  const found = proc.find(child.pid);
  if (found !== undefined && child.start !== "" && found.start !== child.start) return;
  // -1 would signal every process, and 0 our own group.
  if (!Number.isSafeInteger(child.pid) || child.pid < 2) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    // The process has already ended.
  }
}

export function endOne(one: Pick<Child, "pid" | "start">, proc: Proc): void {
  try {
    if (isThere(one, proc)) process.kill(one.pid, "SIGKILL");
  } catch {
    // The process has already ended.
  }
}

function isThere({ pid, start }: Pick<Child, "pid" | "start">, proc: Proc): boolean {
  const found = proc.find(pid);
  return found !== undefined && found.start === start && !found.isOver;
}

async function endsWithin(
  child: Child,
  ms: number,
  { clock, proc }: { clock: Clock; proc: Proc },
  signal?: AbortSignal,
): Promise<boolean> {
  if (child.end === undefined) return isGoneWithin(child, ms, { clock, proc }, signal);
  const over = new AbortController();
  const both = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
  await Promise.race([child.end, clock.wait(ms, both)]);
  over.abort();
  return child.ended !== undefined;
}

/** Only the parent of a process learns how it ended. */
async function isGoneWithin(
  child: Child,
  ms: number,
  { clock, proc }: { clock: Clock; proc: Proc },
  signal?: AbortSignal,
): Promise<boolean> {
  const untilMs = clock.monotonicMs() + ms;
  while (isThere(child, proc)) {
    const leftMs = untilMs - clock.monotonicMs();
    if (leftMs <= 0 || signal?.aborted) return false;
    await clock.wait(Math.min(LOOK_MS, leftMs), signal);
  }
  child.ended = "SIGTERM";
  signalGroup(child, "SIGKILL", proc);
  return true;
}

async function failed(reason: string): Promise<Started> {
  return { ok: false, reason };
}

function whyNot(command: string, error: NodeJS.ErrnoException): string {
  if (error.code === "ENOENT" && error.syscall !== "open") {
    return `there is no program "${command}": correct process.command (a path, or a name found in PATH)`;
  }
  if (error.code === "EACCES" && error.syscall !== "open")
    return `"${command}" cannot be run: make it executable (chmod +x)`;
  return error.message;
}
