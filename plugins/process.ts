/**
 * Runs processes on this host for services without a container: starts, stops and restarts them. A restart of a
 * process that does not run starts it. The processes end with the serving watchdog. If the watchdog is killed with
 * SIGKILL, they go on, and the next watchdog takes them over.
 */
import { existsSync } from "node:fs";
import process from "node:process";
import * as v from "valibot";
import { definePlugin, duration, help, type Restarter } from "../src/plugin.ts";
import type { ProcessSettings } from "./process/child.ts";
import type { Family } from "./process/family.ts";

const text = (accepted: string) => v.pipe(v.string(accepted), v.minLength(1, accepted));
const command = "a program: a path, or a name found in PATH (no shell reads it; arguments go into args)";
const value = v.pipe(v.string("a text"), v.metadata({ secret: true }));

const serviceOptions = v.strictObject({
  command: help("The program; no shell reads it.", text(command)),
  args: help("Its arguments.", v.optional(v.array(v.string("a text")), [])),
  cwd: help("The folder in which it runs.", v.optional(text("a folder"))),
  env: help("Further variables of its environment.", v.optional(v.record(v.string(), value), {})),
  stopTimeout: help(
    "How long it may take to end before it is killed.",
    v.optional(duration(0, 3_600_000), "10s"),
  ),
  logFile: help(
    "The file to which its output is appended.",
    v.optional(text("a file to append the process's output to")),
  ),
}) satisfies v.GenericSchema<unknown, ProcessSettings>;

export default definePlugin(
  () => ({
    name: "process",
    setup(watchdog) {
      let loading: Promise<Family> | undefined;
      /** Absent until there is a service with a process. */
      let family: Family | undefined;
      let isOver = false;
      const load = () => {
        loading ??= import("./process/family.ts").then(async ({ createFamily }) => {
          family = createFamily(watchdog);
          // Nothing is started any more.
          if (isOver) await family.end();
          return family;
        });
        loading.catch(() => (loading = undefined));
        return loading;
      };
      let serves = false;
      /** For an abrupt end. A command that makes a single tick leaves the processes to the next one. */
      const kill = () => {
        if (serves || !family?.isKept()) family?.kill();
      };
      process.once("exit", kill);
      const restarter: Restarter<ProcessSettings> = {
        name: "process",
        prepare: load,
        restart: async (...asked) => (await load()).restarter.restart(...asked),
        stop: async (...asked) => (await load()).restarter.stop(...asked),
        async takeOver(services, file) {
          // Only processes that are written down can belong to a service that no longer exists.
          if (services.length === 0 && family === undefined && !existsSync(file)) return;
          const its = await load();
          await its.restarter.takeOver(services, file);
          // The watchdog may have ended meanwhile, and what was taken over ends with it.
          if (isOver) await its.end();
        },
      };
      watchdog.restarter(restarter as Restarter);
      // A trigger that never ticks: of all ports, only a trigger learns that the watchdog ends, and is waited for.
      watchdog.trigger({
        name: "process",
        async run(_tick, signal) {
          serves = true;
          if (!signal.aborted) await new Promise((end) => signal.addEventListener("abort", end));
          isOver = true;
          await (await loading?.catch(() => undefined))?.end();
          process.off("exit", kill);
        },
      });
    },
  }),
  { options: v.strictObject({}), serviceOptions },
);
