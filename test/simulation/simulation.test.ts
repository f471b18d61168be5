import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { WorldsReport } from "./run.ts";

const WORLDS = Number(process.env.SIM_WORLDS ?? 2000);
const ONLY = process.env.SIM_SEED === undefined ? undefined : Number(process.env.SIM_SEED);

/** In a process of its own: the test runner's bookkeeping of promises would cost more than the worlds. */
async function playWorlds(first: number, last: number): Promise<WorldsReport> {
  const runtime = "Deno" in globalThis ? ["run", "-A", "--no-check"] : ["--import", "tsx"];
  const script = fileURLToPath(new URL("./run.ts", import.meta.url));
  const args = [...runtime, script, String(first), String(last)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as WorldsReport;
}

test("no world breaks an invariant", async (t) => {
  const report = ONLY === undefined ? await playWorlds(1, WORLDS) : await playWorlds(ONLY, ONLY);
  t.diagnostic(`${report.worlds} worlds: ${JSON.stringify(report.total)}`);
  const again = `again: SIM_SEED=${report.broken?.seed} npm test -- test/simulation`;
  assert.deepEqual(
    report.broken?.breaches ?? [],
    [],
    `seed ${report.broken?.seed} breaks an invariant; ${again}`,
  );
  if (ONLY !== undefined) return;
  for (const [what, count] of Object.entries(report.total)) {
    assert.ok(count > 0, `no world had any ${what}: the simulation shows nothing`);
  }
});
