import { readdirSync, readFileSync } from "node:fs";
import { median, megabytes } from "./figures.ts";
import { type Bench, pause } from "./lab.ts";
import { configure, endpoints, watched } from "./setup.ts";

/** Ticks come this much oftener than by default, so that a minute holds as many as a quarter of an hour. */
const FASTER = 15;

export const idle: Bench = {
  name: "idle",
  title: "`serve`, idle, with four healthy services",
  async run(lab) {
    const { healthy: urls } = await endpoints(lab, { healthy: 4 });
    const windowMs = lab.quick ? 15_000 : 60_000;
    const program = (interval: string) => {
      const env = configure(lab, watched({ healthy: urls }, { interval }), { port: 0 });
      return lab.start(process.execPath, [lab.cli, "serve"], { ...env, WATCHDOG_CRON: "true" }).pid!;
    };
    const busy = program("1s");
    const still = program("1h");
    // V8 cleans up once, about 8 s after the start: that is a cost of the start.
    await pause(20_000);
    const before = [busy, still].map(cpuNs);
    const rss: number[] = [];
    for (let i = 0; i < 10; i++) {
      await pause(windowMs / 10);
      rss.push(rssOf(busy));
    }
    const [ofBusy, ofStill] = [busy, still].map((pid, i) => (cpuNs(pid) - before[i]!) / 1e6 / windowMs);
    const share = ofStill! + (ofBusy! - ofStill!) / FASTER;
    const percent = (value: number) => `${(value * 100).toFixed(3)} % of one core`;
    return [
      {
        what: "CPU at the 15 s interval (from the two below)",
        figure: percent(share),
        target: "< 0.2 %",
        pass: share < 0.002,
      },
      { what: `CPU at a 1 s interval, over ${windowMs / 1000} s`, figure: percent(ofBusy!) },
      { what: "CPU with no tick in that time", figure: percent(ofStill!) },
      {
        what: "RSS (median)",
        figure: megabytes(median(rss)),
        target: "< 70 MB",
        pass: median(rss) < 70e6,
      },
    ];
  },
};

/** Of all threads. */
function cpuNs(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]))
    .reduce((sum, ns) => sum + ns, 0);
}

function rssOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) * 1024;
}
