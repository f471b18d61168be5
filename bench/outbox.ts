import { megabytes, ms, times } from "./figures.ts";
import type { Bench, Lab } from "./lab.ts";
import type { Row } from "./report.ts";

const SIZES = [1250, 2500, 5000, 10_000];
/** Twice as many alerts may cost this much: what a collector of garbage adds to 2. */
const LINEAR = 2.6;
/** What is quadratic is not waited for at the next size. */
const LONGEST_MS = 20_000;

interface Drained {
  wallMs: number;
  emptyBytes: number;
  queuedBytes: number;
  drainedBytes: number;
  saveMs: number;
}

export const outbox: Bench = {
  name: "outbox",
  title: `The outbox: ${SIZES.join(", ")} queued alerts`,
  async run(lab) {
    const worker = await lab.worker<object, { enqueueMs: number; acknowledgeMs: number }>("outbox", {});
    const enqueue: number[] = [];
    const acknowledge: number[] = [];
    for (const measured of [false, true]) {
      for (const alerts of SIZES) {
        const took = await worker.ask({ alerts, rounds: measured && !lab.quick ? 5 : 1 });
        if (!measured) continue;
        enqueue.push(took.enqueueMs);
        acknowledge.push(took.acknowledgeMs);
      }
    }
    await worker.stop();
    return [
      growth("queued one by one (pure)", enqueue),
      growth("acknowledged one by one (pure)", acknowledge),
      ...(await drained(lab, "of 100 services", 100)),
      ...(await drained(lab, "of as many services", undefined)),
    ];
  },
};

function growth(what: string, all: number[]): Row {
  const factor = all.length < SIZES.length ? Number.POSITIVE_INFINITY : all.at(-1)! / all.at(-2)!;
  return {
    what,
    figure: `${all.map(ms).join(", ")}: twice as many cost ${times(factor)}`,
    target: `linear (≤ ${LINEAR} ×)`,
    pass: factor <= LINEAR,
  };
}

/** Carried by the real courier to a sink that takes everything at once, every batch saved. */
async function drained(lab: Lab, whose: string, services: number | undefined): Promise<Row[]> {
  const took: number[] = [];
  let last: Drained | undefined;
  for (const alerts of SIZES) {
    if ((took.at(-1) ?? 0) > LONGEST_MS) break;
    const settings = {
      folder: lab.folder("courier"),
      alerts,
      services: services ?? alerts,
      sinks: { all: "at once" },
      until: "all",
    };
    const worker = await lab.worker<object, Drained>("courier", settings);
    last = await worker.ask({});
    took.push(last.wallMs);
    await worker.stop();
  }
  const { emptyBytes, queuedBytes, drainedBytes, saveMs } = last!;
  return [
    growth(`delivered by the courier, with its saves, alerts ${whose}`, took),
    {
      what: `the state's file: empty, with ${SIZES[took.length - 1]} queued, when all are delivered`,
      figure: `${megabytes(emptyBytes)}, ${megabytes(queuedBytes)}, ${megabytes(drainedBytes)} (save ${ms(saveMs)})`,
      target: "as empty",
      pass: drainedBytes < emptyBytes + 1000,
    },
  ];
}
