import { median, ms, times } from "./figures.ts";
import type { Bench, Lab } from "./lab.ts";
import { endpoints } from "./setup.ts";

const ALERTS = 1000;

export const sinks: Bench = {
  name: "sinks",
  title: `A slow sink takes nothing from a fast one: ${ALERTS} alerts of 100 services`,
  async run(lab) {
    const { healthy, hanging } = await endpoints(lab, { healthy: 1, hanging: 1 });
    const alone: number[] = [];
    const beside: number[] = [];
    for (let i = 0; i < (lab.quick ? 2 : 5); i++) {
      alone.push(await fastOne(lab, { fast: healthy[0]! }));
      beside.push(await fastOne(lab, { hangs: hanging[0]!, fast: healthy[0]! }));
    }
    const factor = median(beside) / median(alone);
    return [
      { what: "the fast sink alone", figure: ms(median(alone)) },
      {
        what: "the fast sink beside one that hangs",
        figure: `${ms(median(beside))}, ${times(factor)}`,
        target: "≤ 1.5 ×: twice as many alerts are kept and saved",
        pass: factor <= 1.5,
      },
    ];
  },
};

/** From the first attempt to the fast sink's last answer. */
async function fastOne(lab: Lab, named: Record<string, string>): Promise<number> {
  const settings = {
    folder: lab.folder("sinks"),
    alerts: ALERTS,
    services: 100,
    sinks: named,
    until: "fast",
  };
  const worker = await lab.worker<object, { wallMs: number }>("courier", settings);
  const { wallMs } = await worker.ask({});
  await worker.stop();
  return wallMs;
}
