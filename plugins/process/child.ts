/** One process: how it is started and ended, together with whatever it has started itself. */
import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import process from "node:process";
import type { Clock } from "../../src/plugin.ts";

/** What a service says of its process. */
export interface ProcessSettings {
  command: string;
  args: string[];
  /** Absent: the watchdog's own. */
  cwd?: string | undefined;
  env: Record<string, string>;
  /** From SIGTERM to SIGKILL. */
  stopTimeout: number;
  /** Where its output is appended to. Absent: it is dropped. */
  logFile?: string | undefined;
}

export interface Child {
  pid: number;
  /** Resolves when it has ended. */
  end: Promise<void>;
  /** `exit status 3` or `SIGKILL`; `undefined` while it runs. */
  ended?: string;
}

export type Started = { ok: true; child: Child } | { ok: false; reason: string };
export type Ended = { end: "ended" | "killed" | "aborted" | "stuck" };

/** After SIGKILL only a process in the kernel's hands (a dead disk, a dead NFS) is still there. */
const KILL_WAIT_MS = 5000;

/** Resolves once the process runs, not once it answers: that is the checks' to say. Never rejects. */
export function startChild(settings: ProcessSettings, env: Record<string, string>): Promise<Started> {
  const { command, args, cwd, logFile } = settings;
  if (cwd !== undefined && !existsSync(cwd)) return failed(`its folder ${cwd} does not exist`);
  let output: number | "ignore" = "ignore";
  try {
    if (logFile !== undefined) output = openSync(logFile, "a", 0o600);
    // A group of its own: what it starts ends with it, and Ctrl-C on the watchdog's terminal is not its business.
    const spawned = spawn(command, args, { cwd, env, detached: true, stdio: ["ignore", output, output] });
    return new Promise((resolve) => {
      spawned.once("error", (error) => resolve({ ok: false, reason: whyNot(command, error) }));
      spawned.once("spawn", () => {
        const child: Child = { pid: spawned.pid!, end: Promise.resolve() };
        child.end = new Promise((done) => {
          spawned.once("exit", (status, signal) => {
            child.ended = signal ?? `exit status ${status}`;
            // A worker that is left behind would keep the port from the next process.
            signalGroup(child.pid, "SIGKILL");
            done();
          });
        });
        resolve({ ok: true, child });
      });
    });
  } catch (error) {
    return failed(whyNot(command, error as Error));
  } finally {
    if (typeof output === "number") closeSync(output);
  }
}

/** SIGTERM, and SIGKILL when that did not help in time. An abort leaves it as it is by then. Never rejects. */
export async function endChild(
  child: Child,
  stopTimeoutMs: number,
  clock: Clock,
  signal?: AbortSignal,
): Promise<Ended> {
  if (child.ended !== undefined) return { end: "ended" };
  signalGroup(child.pid, "SIGTERM");
  if (await endsWithin(child, stopTimeoutMs, clock, signal)) return { end: "ended" };
  if (signal?.aborted) return { end: "aborted" };
  signalGroup(child.pid, "SIGKILL");
  return { end: (await endsWithin(child, KILL_WAIT_MS, clock)) ? "killed" : "stuck" };
}

export function signalGroup(pid: number, name: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(-pid, name);
  } catch {
    // It has ended already.
  }
}

async function endsWithin(child: Child, ms: number, clock: Clock, signal?: AbortSignal): Promise<boolean> {
  const over = new AbortController();
  const both = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
  await Promise.race([child.end, clock.wait(ms, both)]);
  over.abort();
  return child.ended !== undefined;
}

async function failed(reason: string): Promise<Started> {
  return { ok: false, reason };
}

function whyNot(command: string, error: NodeJS.ErrnoException): string {
  if (error.code === "ENOENT" && error.syscall !== "open") {
    return `there is no program "${command}": correct process.command (a path, or a name found in PATH)`;
  }
  if (error.code === "EACCES" && error.syscall !== "open") return `"${command}" may not be run: chmod +x it`;
  return error.message;
}
