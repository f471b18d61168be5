import { median, megabytes, ms } from "./figures.ts";
import type { TickAnswer } from "./jobs/watchdog.ts";
import { type Bench, pause } from "./lab.ts";
import { configure, endpoints, watched } from "./setup.ts";

const SERVICES = 1000;

interface Saved {
  wallMs: number[];
  cpuMs: number[];
  bytes: number;
}

export const saving: Bench = {
  name: "saving",
  title: `The state's save, ${SERVICES} services`,
  async run(lab) {
    const worker = await lab.worker<object, Saved>("save", {
      folder: lab.folder("save"),
      services: SERVICES,
    });
    const { wallMs, cpuMs, bytes } = await worker.ask({ rounds: lab.quick ? 20 : 60 });
    const { healthy } = await endpoints(lab, { healthy: 20 });
    const env = configure(lab, watched({ healthy }));
    const program = await lab.worker<object, TickAnswer>("watchdog", {}, { env });
    const saves: number[] = [];
    for (let i = 0; i < 6; i++) {
      await pause(120);
      saves.push((await program.ask({})).saves);
    }
    const quiet = saves.slice(1);
    return [
      {
        what: `a save of ${megabytes(bytes)}: encode, write, fsync, rename, fsync of the directory`,
        figure: `${ms(median(wallMs))} (CPU ${ms(median(cpuMs))})`,
        target: "< 15 ms",
        pass: median(wallMs) < 15,
      },
      {
        what: "replacements of the file in a quiet tick",
        figure: `${Math.max(...quiet)}`,
        target: "1",
        pass: quiet.every((count) => count === 1),
      },
    ];
  },
};
