import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { WorldsReport } from "./run.ts";

/** Plays one world again. */
export const ONLY_SEED = process.env.SIM_SEED === undefined ? undefined : Number(process.env.SIM_SEED);
/** The tests without `.long` play the first ones. */
export const FAST_WORLDS = 50;
export const ALL_WORLDS = Number(process.env.SIM_WORLDS ?? 2000);

/** In a process of its own: the test runner's bookkeeping of promises would cost more than the worlds. */
async function play(first: number, last: number): Promise<WorldsReport> {
  const runtime = "Deno" in globalThis ? ["run", "-A", "--no-check"] : ["--import", "tsx"];
  const script = fileURLToPath(new URL("./run.ts", import.meta.url));
  const args = [...runtime, script, String(first), String(last)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as WorldsReport;
}

/** Fails when one of the worlds breaks an invariant, or when nothing happened in all of them together. */
export async function holdInWorlds(t: TestContext, first: number, last: number): Promise<void> {
  const report = await play(first, last);
  t.diagnostic(`${report.worlds} worlds: ${JSON.stringify(report.total)}`);
  const again = `again: SIM_SEED=${report.broken?.seed} npm test -- simulation/simulation`;
  assert.deepEqual(
    report.broken?.breaches ?? [],
    [],
    `seed ${report.broken?.seed} breaks an invariant; ${again}`,
  );
  if (first === last) return;
  for (const [what, count] of Object.entries(report.total)) {
    assert.ok(count > 0, `no world had any ${what}: the simulation shows nothing`);
  }
}
