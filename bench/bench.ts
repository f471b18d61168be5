/**
 * The benches: programs that measure the built watchdog on loopback, each against its target. What is
 * compared runs in turns (A B A B …), and a ratio is of the medians of one run.
 * Usage: `npm run bench [-- --only NAME[,NAME…]] [--quick]`. Exits 0 unless a bench itself could not run.
 */
import { parseArgs } from "node:util";
import { coldStart } from "./cold-start.ts";
import { crowd } from "./crowd.ts";
import { deciding } from "./deciding.ts";
import { discovery } from "./discovery.ts";
import { hanging } from "./hanging.ts";
import { idle } from "./idle.ts";
import { type Bench, openLab } from "./lab.ts";
import { outbox } from "./outbox.ts";
import { printTable } from "./report.ts";
import { restarts } from "./restarts.ts";
import { saving } from "./saving.ts";
import { sinks } from "./sinks.ts";
import { tcp } from "./tcp.ts";
import { wholeTick } from "./whole-tick.ts";

const BENCHES: readonly Bench[] = [
  wholeTick,
  tcp,
  crowd,
  hanging,
  coldStart,
  idle,
  discovery,
  restarts,
  saving,
  deciding,
  outbox,
  sinks,
];

const { values } = parseArgs({
  options: { only: { type: "string", multiple: true }, quick: { type: "boolean", default: false } },
});
const wanted = values.only?.flatMap((names) => names.split(","));
const unknown = wanted?.filter((name) => !BENCHES.some((bench) => bench.name === name)) ?? [];
if (unknown.length > 0) {
  const names = BENCHES.map((bench) => bench.name).join(", ");
  process.stderr.write(`bench: there is no bench ${unknown.join(", ")}; there are ${names}\n`);
  process.exit(2);
}

const lab = await openLab(values.quick);
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void lab.close().then(() => process.exit(1)));
}
try {
  for (const bench of BENCHES) {
    if (wanted && !wanted.includes(bench.name)) continue;
    try {
      printTable(bench.title, await bench.run(lab));
    } catch (error) {
      process.exitCode = 1;
      process.stderr.write(`bench: ${bench.name} could not run: ${(error as Error).stack}\n`);
    } finally {
      await lab.sweep();
    }
  }
} finally {
  await lab.close();
}
