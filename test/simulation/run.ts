/** Plays worlds `first` to `last` and prints what came of them as JSON; ends at the first that breaks an invariant. */
import { createJudge, emptyTally, type Tally } from "./judge.ts";
import { playWorld } from "./world.ts";

export interface WorldsReport {
  worlds: number;
  total: Tally;
  broken?: { seed: number; breaches: string[] };
}

async function playWorlds(first: number, last: number): Promise<WorldsReport> {
  const total = emptyTally();
  for (let seed = first; seed <= last; seed++) {
    const judge = createJudge();
    await playWorld({ seed, faultTicks: 40, quietTicks: 90 }, judge);
    for (const key of Object.keys(total) as (keyof Tally)[]) total[key] += judge.tally[key];
    if (judge.breaches.length > 0) {
      return { worlds: seed - first + 1, total, broken: { seed, breaches: judge.breaches } };
    }
  }
  return { worlds: last - first + 1, total };
}

const [first, last] = process.argv.slice(2).map(Number);
console.log(JSON.stringify(await playWorlds(first!, last!)));
