/**
 * All processes by service, at most one for each: those that this watchdog started, and those that an earlier one
 * left.
 */
import type { MayAct, Ports, Restarter, RestartResult, ServiceTarget } from "../../src/plugin.ts";
import { endChild, endOf, type ProcessSettings, signalGroup, startChild } from "./child.ts";
import { digestOf, endWorkers, type Household, inherit, LONGEST_GOODBYE_MS } from "./inherit.ts";
import { MARK, type Memory, openMemory } from "./memory.ts";
import { openProc, type Proc } from "./proc.ts";

/** The variables that a child inherits. The rest of the watchdog's environment may hold secrets. */
const HANDED_ON = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR"];

const TAKEN_OVER = "another watchdog has taken over the processes: nothing was done";

export function createFamily(
  { clock, env, log }: Pick<Ports, "clock" | "env" | "log">,
  proc: Proc = openProc(),
) {
  const house: Household = { members: new Map(), clock, log, proc };
  const { members } = house;
  const busy = new Map<string, number>();
  /** Absent until this process owns the state. */
  let memory: Memory | undefined;
  let starts = 0;
  let ending = false;
  const inherited: Record<string, string> = {};
  for (const name of HANDED_ON) if (env[name] !== undefined) inherited[name] = env[name];

  async function replace(
    { name, options }: ServiceTarget<ProcessSettings>,
    anew: boolean,
    signal: AbortSignal,
    mayAct: MayAct,
  ): Promise<RestartResult> {
    if (memory?.isOurs() === false) return unknown(TAKEN_OVER);
    if (!(await mayAct())) return failed("nothing was done");
    const begunMs = clock.monotonicMs();
    const old = members.get(name)?.child;
    const crashed = old && endOf(old, proc);
    if (crashed !== undefined && memory) await endWorkers(house, memory, name);
    if (old) {
      const { end } = await endChild(old, options.stopTimeout, house, signal);
      if (end === "aborted") return unknown(`aborted while the process ${old.pid} was ending`);
      if (end === "stuck") return failed(`the process ${old.pid} could not be ended, not even by SIGKILL`);
      if (crashed === undefined && end === "killed") old.ended = `killed after ${show(options.stopTimeout)}`;
    }
    const before = old && `process ${old.pid} ${crashed ? `had ended: ${crashed}` : `ended: ${old.ended}`}`;
    if (!anew) return { ok: true, reason: before ? `stopped (${before})` : "it was not running" };
    const started = await start(name, options);
    if (!started.ok) return started;
    if (!before) return { ok: true, reason: `started as process ${started.pid}` };
    const took = show(clock.monotonicMs() - begunMs);
    return { ok: true, reason: `restarted in ${took} as process ${started.pid} (${before})` };
  }

  async function start(name: string, options: ProcessSettings) {
    const settings = await digestOf(options);
    if (ending) return unknown("the watchdog is shutting down: nothing was started");
    const word = `${clock.now().toString(36)}x${(starts++).toString(36)}`;
    const mark = memory && { [MARK]: memory.markOf(name, word) };
    const started = await startChild(options, { ...inherited, ...options.env, ...mark }, proc, (child) => {
      members.set(name, { child, word, settings, stopTimeoutMs: options.stopTimeout });
      memory?.keep(members);
    });
    if (!started.ok) return failed(`could not be started: ${started.reason}`);
    if (ending) signalGroup(started.child, "SIGKILL", proc);
    return { ok: true as const, pid: started.child.pid };
  }

  /** One restart at a time for each service: a second one would start a second process. */
  async function alone(name: string, work: () => Promise<RestartResult>): Promise<RestartResult> {
    const since = busy.get(name);
    if (since !== undefined) {
      const ago = show(clock.monotonicMs() - since);
      return unknown(`an earlier restart, begun ${ago} ago, has not ended: no second one was begun`);
    }
    busy.set(name, clock.monotonicMs());
    return work().finally(() => busy.delete(name));
  }

  const restarter: Required<Pick<Restarter<ProcessSettings>, "name" | "restart" | "stop" | "takeOver">> = {
    name: "process",
    restart: (service, signal, mayAct) => alone(service.name, () => replace(service, true, signal, mayAct)),
    stop: (service, signal, mayAct) => alone(service.name, () => replace(service, false, signal, mayAct)),
    takeOver(services, file) {
      memory = openMemory(file, proc, log);
      return inherit(house, memory, services);
    },
  };
  return {
    restarter,
    /** Whether a later watchdog would find these processes. */
    isKept: () => memory !== undefined && proc.world !== "",
    /** Ends all processes with SIGTERM first. None is started afterwards. */
    async end(): Promise<void> {
      ending = true;
      if (memory?.isOurs() === false) return;
      const ends = [...members.values()].map(({ child, stopTimeoutMs }) =>
        endChild(child, Math.min(stopTimeoutMs, LONGEST_GOODBYE_MS), house),
      );
      await Promise.all(ends);
      for (const [name, { child }] of members) if (child.ended !== undefined) members.delete(name);
      memory?.keep(members);
    },
    kill(): void {
      if (memory?.isOurs() === false) return;
      for (const { child } of members.values()) {
        if (endOf(child, proc) === undefined) signalGroup(child, "SIGKILL", proc);
      }
    },
  };
}

export type Family = ReturnType<typeof createFamily>;

const show = (ms: number) => (ms < 1000 ? `${Math.round(ms)} ms` : `${Number((ms / 1000).toFixed(1))} s`);
const failed = (reason: string) => ({ ok: false, reason, fault: "other" }) as const;
const unknown = (reason: string) => ({ ok: false, reason, unknown: true }) as const;
