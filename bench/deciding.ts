import { ms, times } from "./figures.ts";
import type { Bench } from "./lab.ts";
import type { Row } from "./report.ts";

const SIZES = [1250, 2500, 5000, 10_000];
/** The others are the worst that can be made up: of them it is asked only that they stay linear. */
const EVERYDAY = ["quiet", "fallen"];
/** What is quadratic is not waited for at the next size. */
const LONGEST_MS = 300;

export const deciding: Bench = {
  name: "deciding",
  title: `Deciding (one \`checked\` event) for ${SIZES.join(", ")} services with dependencies`,
  async run(lab) {
    const worker = await lab.worker<object, { medianMs: number }>("decide", {});
    const shapes = worker.ready as Record<string, string>;
    const took = new Map<string, number[]>();
    for (const shape of Object.keys(shapes)) took.set(shape, []);
    // Warm, from the small to the big: each size once for the compiler, then measured.
    for (const measured of [false, true]) {
      for (const size of SIZES) {
        for (const shape of Object.keys(shapes)) {
          const before = took.get(shape)!;
          if ((before.at(-1) ?? 0) > LONGEST_MS) continue;
          const { medianMs } = await worker.ask({ shape, size, rounds: measured && !lab.quick ? 15 : 5 });
          if (measured || medianMs > LONGEST_MS) before.push(medianMs);
        }
      }
    }
    return [...took].map(([shape, all]): Row => {
      const whole = all.length === SIZES.length;
      const [most, half] = [all.at(-1)!, all.at(-2)!];
      // Of a few ms, the collector of garbage decides what twice as many cost.
      const linear = most / half <= 2.6 || most < 10;
      return {
        what: shapes[shape]!,
        figure: whole
          ? `${all.map(ms).join(", ")}: twice as many cost ${times(most / half)}`
          : `${all.map(ms).join(", ")}: not waited for at the next size`,
        target: EVERYDAY.includes(shape) ? "< 50 ms, linear" : "linear",
        pass: whole && linear && (most < 50 || !EVERYDAY.includes(shape)),
      };
    });
  },
};
