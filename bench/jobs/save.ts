/** Saves a state of healthy services as after a tick, each time with later times in it. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Ports } from "../../src/plugin.ts";
import { watchdogFormat } from "../../src/state/codec.ts";
import { openStateFile } from "../../src/state/store.ts";
import { systemClock } from "../../src/system/clock.ts";
import type { Job } from "../worker.ts";
import { spend } from "./spent.ts";
import { policiesOf, stateAfter } from "./world.ts";

export const silentLog: Ports["log"] = { debug() {}, info() {}, warn() {}, error() {} };

const save: Job<{ folder: string; services: number }, { rounds: number }> = async (settings) => {
  const path = join(settings.folder, "state.json");
  const opened = await openStateFile({
    path,
    format: watchdogFormat,
    clock: systemClock,
    log: silentLog,
  });
  if (!opened.ok) throw new Error(opened.reason);
  const policies = policiesOf(settings.services, () => []);
  return {
    async answer({ rounds }) {
      const wallMs: number[] = [];
      const cpuMs: number[] = [];
      for (let i = 0; i < rounds + 5; i++) {
        const state = stateAfter(policies, Date.now() + i * 15_000);
        const spent = await spend(async () => {
          const saved = await opened.store.save(state);
          if (!saved.ok) throw new Error(saved.reason);
        });
        if (i < 5) continue;
        wallMs.push(spent.wallMs);
        cpuMs.push(spent.cpuMs);
      }
      return { wallMs, cpuMs, bytes: (await stat(path)).size };
    },
  };
};

export default save;
