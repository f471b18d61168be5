import assert from "node:assert/strict";
import { test } from "node:test";
import { createJudge, type Tally } from "./judge.ts";
import { playWorld } from "./world.ts";

const WORLDS = Number(process.env.SIM_WORLDS ?? 2000);
const ONLY = process.env.SIM_SEED === undefined ? undefined : Number(process.env.SIM_SEED);

async function breachesOf(seed: number, total: Tally): Promise<string[]> {
  const thresholds = new Map<string, number>();
  const judge = createJudge((service) => thresholds.get(service) ?? 0);
  await playWorld({ seed, faultTicks: 40, quietTicks: 90, thresholds }, judge);
  for (const key of Object.keys(total) as (keyof Tally)[]) total[key] += judge.tally[key];
  return judge.breaches;
}

test("no world breaks an invariant", async () => {
  const seeds = ONLY === undefined ? Array.from({ length: WORLDS }, (_, i) => i + 1) : [ONLY];
  const total: Tally = { restarts: 0, crashes: 0, alerts: 0, repeats: 0, outages: 0 };
  for (const seed of seeds) {
    const breaches = await breachesOf(seed, total);
    assert.deepEqual(
      breaches,
      [],
      `seed ${seed} breaks an invariant; again: SIM_SEED=${seed} npm test -- test/simulation`,
    );
  }
  console.log(`${seeds.length} worlds: ${JSON.stringify(total)}`);
  if (ONLY !== undefined) return;
  for (const [what, count] of Object.entries(total)) {
    assert.ok(count > 0, `no world had any ${what}: the simulation shows nothing`);
  }
});
