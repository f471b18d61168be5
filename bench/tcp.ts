import { median, ms, times } from "./figures.ts";
import type { Bench } from "./lab.ts";
import type { Row } from "./report.ts";
import { configure, endpoints, ticks, watched } from "./setup.ts";

const SERVICES = 1000;
const WARM_UPS = 15;

export const tcp: Bench = {
  name: "tcp",
  title: `A whole tick of ${SERVICES} TCP checks, beside as many HTTP checks`,
  async run(lab) {
    const urls = await endpoints(lab, { healthy: SERVICES, hanging: SERVICES, greeting: SERVICES });
    const addresses = (kind: "hanging" | "greeting") => urls[kind].map((url) => `tcp://${new URL(url).host}`);
    const silent = watched({ healthy: addresses("hanging") }, { check: "tcp" });
    const banner = { check: "tcp", tcp: { expect: "ready" } };
    const rivals = [
      { what: "HTTP", services: watched({ healthy: urls.healthy }) },
      { what: "TCP, peers that say nothing", services: silent },
      { what: "TCP, a banner is expected", services: watched({ healthy: addresses("greeting") }, banner) },
    ];
    const programs = [];
    for (const { what, services } of rivals) {
      programs.push({
        what,
        round: await ticks(lab, configure(lab, services), SERVICES),
        cpuMs: [] as number[],
        wallMs: [] as number[],
      });
    }
    for (let round = 0; round < WARM_UPS + (lab.quick ? 5 : 15); round++) {
      for (const one of programs) {
        const { cpuMs, wallMs } = await one.round();
        if (round < WARM_UPS) continue;
        one.cpuMs.push(cpuMs);
        one.wallMs.push(wallMs);
      }
    }
    const http = median(programs[0]!.cpuMs);
    return programs.map(({ what, cpuMs, wallMs }, i): Row => {
      const share = median(cpuMs) / http;
      const figure = `${ms(median(cpuMs))} CPU, cycle ${ms(median(wallMs))}, ${times(share)}`;
      return { what, figure, ...(i > 0 && { target: "≤ 1 × HTTP", pass: share <= 1 }) };
    });
  },
};
