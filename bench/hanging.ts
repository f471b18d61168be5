import { ms, quantile } from "./figures.ts";
import type { TickAnswer } from "./jobs/watchdog.ts";
import { type Bench, type Lab, pause, type Worker } from "./lab.ts";
import type { Row } from "./report.ts";
import { configure, endpoints, watched } from "./setup.ts";

/** The places are the scarce thing: fewer of them make those that hang dearer. */
const PLACES = [256, 64] as const;

export const hanging: Bench = {
  name: "hanging",
  title: "50 hanging services among 1,000: time to the verdict of the 950 healthy ones",
  async run(lab) {
    const urls = await endpoints(lab, { healthy: 1000, hanging: 50 });
    const healthy = urls.healthy.slice(0, 950);
    const rows: Row[] = [];
    for (const places of PLACES) {
      const plugins = { http: { maxInFlight: places } };
      const without = await program(lab, { healthy: urls.healthy }, plugins);
      const among = await program(lab, { hanging: urls.hanging, healthy }, plugins);
      const calm: number[] = [];
      const held: number[] = [];
      for (let i = 0; i < (lab.quick ? 3 : 7); i++) {
        const [one, other] = [await round(without), await round(among)];
        if (i === 0) continue;
        calm.push(...one);
        held.push(...other);
      }
      await Promise.all([without.stop(), among.stop()]);
      rows.push(
        { what: `${places} places, none hangs`, figure: spread(calm) },
        {
          what: `${places} places, 50 hang (and are first in the configuration)`,
          figure: spread(held),
          target: "≤ without + 100 ms",
          pass: quantile(held, 1) <= quantile(calm, 1) + 100,
        },
      );
    }
    return rows;
  },
};

function program(lab: Lab, urls: object, plugins: object): Promise<Worker<object, TickAnswer>> {
  const services = watched(urls, { timeout: "1s", failureThreshold: 1000 });
  return lab.worker("watchdog", { timed: true }, { env: configure(lab, services, { plugins }) });
}

async function round(worker: Worker<object, TickAnswer>): Promise<number[]> {
  await pause(120);
  const { verdictMs, verdicts } = await worker.ask({});
  return Object.entries(verdictMs).flatMap(([name, took]) => {
    if (!name.startsWith("healthy")) return [];
    const { ok, reason } = verdicts[name]!;
    if (!ok) throw new Error(`${name} was found unhealthy: ${reason}`);
    return [took];
  });
}

function spread(values: readonly number[]): string {
  return `p50 ${ms(quantile(values, 0.5))}, p95 ${ms(quantile(values, 0.95))}, max ${ms(quantile(values, 1))}`;
}
