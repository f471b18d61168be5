/** A directory of its own, a clock in hand, and stores that are closed at the end. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Clock, Log } from "../../src/plugin.ts";
import { openStateFile, type StateFileOptions, type StateStore } from "../../src/state/store.ts";

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
export const AT = Date.UTC(2026, 10, 23, 18, 20, 15);
export async function world(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), "watchdog-state-"));
  const path = join(dir, "state.json");
  const time = { ms: AT };
  const clock: Clock = { now: () => time.ms, monotonicMs: () => time.ms, wait: async () => {} };
  const stores: StateStore[] = [];
  t.after(async () => {
    for (const store of stores) await store.close();
    await rm(dir, { recursive: true });
  });
  async function open(more: Partial<StateFileOptions> = {}) {
    const opened = await openStateFile({ path, format: { version: 1 }, clock, log: silent, ...more });
    if (opened.ok) stores.push(opened.store);
    return opened;
  }
  async function mustOpen(more: Partial<StateFileOptions> = {}) {
    const opened = await open(more);
    assert.ok(opened.ok, JSON.stringify(opened));
    return opened;
  }
  const saved = async () => JSON.parse(await readFile(path, "utf8"));
  return { dir, path, time, open, mustOpen, saved };
}

/** What lies in a folder, but for the owner's sign of life, whose name is another in every run. */
export async function filesIn(dir: string): Promise<string[]> {
  return (await readdir(dir)).filter((name) => !name.includes(".lock.alive-")).sort();
}

export function failing(code: string): Error {
  return Object.assign(new Error(`${code}: played`), { code });
}
