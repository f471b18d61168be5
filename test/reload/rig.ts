/** The real reading of a configuration and the real watch over its files, with time in the hands of the test. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { builtins } from "../../src/builtin-plugins.ts";
import type { Clock, Ports } from "../../src/plugin.ts";
import { createReloads, type ReloadWorld } from "../../src/reload/reload.ts";
import { prepare, type Setup } from "../../src/setup.ts";
import { systemClock } from "../../src/system/clock.ts";

export async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "watchdog-reload-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

/** A clock for one who waits alone. Files are read in real time between the waits. */
function createStepClock(): Clock & { waitMs(): Promise<number>; step(): Promise<void> } {
  let waiting: { ms: number; end: () => void } | undefined;
  let nowMs = 0;
  async function waits() {
    while (waiting === undefined) await turn();
    return waiting;
  }
  return {
    now: () => nowMs,
    monotonicMs: () => nowMs,
    wait: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const end = () => {
          waiting = undefined;
          signal?.removeEventListener("abort", end);
          resolve();
        };
        signal?.addEventListener("abort", end, { once: true });
        waiting = { ms, end };
      }),
    waitMs: async () => (await waits()).ms,
    async step() {
      const { ms, end } = await waits();
      nowMs += ms;
      end();
    },
  };
}

/** `parts` replace those of this world, where adopting always succeeds. */
export async function reloading(
  t: TestContext,
  env: Record<string, string>,
  { cwd = "/", ...parts }: Partial<ReloadWorld> & { cwd?: string } = {},
) {
  const lines: string[] = [];
  const say = (line: string) => lines.push(line);
  const clock = createStepClock();
  const ending = new AbortController();
  t.after(() => ending.abort());
  const log = { debug: () => {}, info: say, warn: say, error: say };
  const ports: Ports = { clock, log, random: () => 0.5, env: {}, redact: (text) => text };
  const origin = { env, cwd, builtIn: builtins };
  // Setups have a deadline of their own, which is not the one that the test steps through.
  const portsFor = () => ({ ...ports, clock: systemClock });
  const first = await prepare(origin, portsFor);
  if (!first.ok) throw new Error(JSON.stringify(first.faults));
  let current: Setup = first.setup;
  const troubles: (string | null)[] = [];
  let reads = 0;
  let begin = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const reloads = createReloads({
    current: () => current,
    tracked: first.tracked,
    prepareAgain: (before) => {
      reads++;
      begin();
      return prepare(origin, portsFor, before);
    },
    adopt: async (setup) => {
      current = setup;
    },
    trouble: async (reason) => void troubles.push(reason),
    ports,
    ending: ending.signal,
    ...parts,
  });
  return {
    ...reloads,
    ending,
    lines,
    troubles,
    clock,
    setup: () => current,
    names: () => [...current.config.services.keys()],
    reads: () => reads,
    /** Resolves when the first reload has begun to read. */
    begun,
    /** The watch looks once, and waits until what it finds has settled; `meanwhile` happens at each such wait. */
    async look(meanwhile: () => Promise<unknown> = async () => {}): Promise<void> {
      await clock.step();
      while ((await clock.waitMs()) < 10_000) {
        await meanwhile();
        await clock.step();
      }
    },
  };
}

/** A file with services of these names. */
export const servicesFile = (...names: string[]) =>
  JSON.stringify({
    services: Object.fromEntries(names.map((name) => [name, { url: "http://127.0.0.1:9/" }])),
  });

/** A running watch over a file that holds the service `a`. */
export async function watched(t: TestContext) {
  const folder = await folderOf(t);
  const path = join(folder, "watchdog.yaml");
  await writeFile(path, servicesFile("a"));
  const dog = await reloading(t, { WATCHDOG_CONFIG: path });
  void dog.watch();
  return { ...dog, folder, path, write: (text: string) => writeFile(path, text) };
}
