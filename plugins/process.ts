/**
 * Heals processes of this host, for services without a container: starts them, ends them and starts them
 * anew. They are the watchdog's own children: they end with it (a restart of a process that is not there
 * starts it). A watchdog that is killed with SIGKILL cannot end them; under systemd the unit's cgroup does.
 */
import process from "node:process";
import * as v from "valibot";
import { definePlugin, duration, type Ports, type Restarter, type RestartResult } from "../src/plugin.ts";
import { type Child, endChild, type ProcessSettings, signalGroup, startChild } from "./process/child.ts";

/** What a child gets of the watchdog's environment, whose secrets are not for it. */
const HANDED_ON = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR"];
/** `docker stop` kills after 10 s, and the watchdog has a state to save: its children get less. */
const LONGEST_GOODBYE_MS = 5000;

const text = (accepted: string) => v.pipe(v.string(accepted), v.minLength(1, accepted));
const command = "a program: a path, or a name found in PATH (no shell reads it; arguments go into args)";
const value = v.pipe(v.string("a text"), v.metadata({ secret: true }));

const serviceOptions = v.strictObject({
  command: text(command),
  args: v.optional(v.array(v.string("a text")), []),
  cwd: v.optional(text("a folder")),
  env: v.optional(v.record(v.string(), value), {}),
  stopTimeout: v.optional(duration(0, 3_600_000), "10s"),
  logFile: v.optional(text("a file to append the process's output to")),
}) satisfies v.GenericSchema<unknown, ProcessSettings>;

export default definePlugin(
  () => ({
    name: "process",
    setup(watchdog) {
      const family = createFamily(watchdog);
      watchdog.restarter(family.restarter as Restarter);
      // No caller of ticks: the one port that is told when the watchdog ends, and waited for.
      watchdog.trigger({
        name: "process",
        async run(_tick, signal) {
          if (!signal.aborted) await new Promise((end) => signal.addEventListener("abort", end));
          await family.end();
          process.off("exit", family.kill);
        },
      });
      // For an end without a goodbye.
      process.once("exit", family.kill);
    },
  }),
  { options: v.strictObject({}), serviceOptions },
);

/** All processes by service, at most one for each. */
function createFamily({ clock, env }: Ports) {
  const children = new Map<string, { child: Child; stopTimeoutMs: number }>();
  const busy = new Map<string, number>();
  let ending = false;
  const inherited: Record<string, string> = {};
  for (const name of HANDED_ON) if (env[name] !== undefined) inherited[name] = env[name];

  async function replace(
    name: string,
    settings: ProcessSettings,
    anew: boolean,
    signal: AbortSignal,
  ): Promise<RestartResult> {
    const begunMs = clock.monotonicMs();
    const old = children.get(name)?.child;
    const crashed = old?.ended;
    if (old) {
      const { end } = await endChild(old, settings.stopTimeout, clock, signal);
      if (end === "aborted") return unknown(`called off while the process ${old.pid} was ending`);
      if (end === "stuck") return failed(`the process ${old.pid} did not end by SIGKILL either`);
      if (crashed === undefined && end === "killed") old.ended = `killed after ${show(settings.stopTimeout)}`;
    }
    const before = old && `process ${old.pid} ${crashed ? `had ended: ${crashed}` : `ended: ${old.ended}`}`;
    if (!anew) return { ok: true, reason: before ? `stopped (${before})` : "it was not running" };
    if (ending) return unknown("the watchdog is shutting down: nothing was started");
    const started = await startChild(settings, { ...inherited, ...settings.env });
    if (!started.ok) return failed(`could not be started: ${started.reason}`);
    children.set(name, { child: started.child, stopTimeoutMs: settings.stopTimeout });
    if (ending) signalGroup(started.child.pid, "SIGKILL");
    const { pid } = started.child;
    if (!before) return { ok: true, reason: `started as process ${pid}` };
    const took = show(clock.monotonicMs() - begunMs);
    return { ok: true, reason: `restarted in ${took} as process ${pid} (${before})` };
  }

  /** Never two at once for one service: the second would start a process beside the first one's. */
  async function alone(name: string, work: () => Promise<RestartResult>): Promise<RestartResult> {
    const since = busy.get(name);
    if (since !== undefined) {
      const ago = show(clock.monotonicMs() - since);
      return unknown(`an earlier restart, begun ${ago} ago, has not ended: no second one was made`);
    }
    busy.set(name, clock.monotonicMs());
    return work().finally(() => busy.delete(name));
  }

  const restarter: Restarter<ProcessSettings> = {
    name: "process",
    restart: ({ name, options }, signal) => alone(name, () => replace(name, options, true, signal)),
    stop: ({ name, options }, signal) => alone(name, () => replace(name, options, false, signal)),
  };
  return {
    restarter,
    /** Ends them all politely; none is started after this. */
    async end() {
      ending = true;
      const ends = [...children.values()].map(({ child, stopTimeoutMs }) =>
        endChild(child, Math.min(stopTimeoutMs, LONGEST_GOODBYE_MS), clock),
      );
      await Promise.all(ends);
    },
    kill() {
      for (const { child } of children.values()) if (!child.ended) signalGroup(child.pid, "SIGKILL");
    },
  };
}

const show = (ms: number) => (ms < 1000 ? `${Math.round(ms)} ms` : `${Number((ms / 1000).toFixed(1))} s`);
const failed = (reason: string): RestartResult => ({ ok: false, reason, fault: "other" });
const unknown = (reason: string): RestartResult => ({ ok: false, reason, unknown: true });
