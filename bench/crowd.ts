import { megabytes } from "./figures.ts";
import type { TickAnswer } from "./jobs/watchdog.ts";
import type { Bench, Lab } from "./lab.ts";
import type { Row } from "./report.ts";
import { configure, endpoints, type Urls, watched } from "./setup.ts";

const FEW_FILES = 512;

export const crowd: Bench = {
  name: "crowd",
  title: "5,000 services: memory, and verdicts with few files",
  async run(lab) {
    const urls = await endpoints(lab, { healthy: 4800, failing: 100, refusing: 100 });
    const rows: Row[] = [await verdicts(lab, urls, "5,000 services", {})];
    const few = `5,000 services, \`ulimit -n ${FEW_FILES}\``;
    rows.push(await verdicts(lab, urls, few, { maxOpenFiles: FEW_FILES }));

    // Hanging ones hold their socket to the end: here they want more of them than there are.
    const slow = await endpoints(lab, { healthy: 900, hanging: 600 });
    const hung = `900 healthy and 600 hanging services, \`ulimit -n ${FEW_FILES}\``;
    rows.push(await verdicts(lab, slow, hung, { maxOpenFiles: FEW_FILES, timeout: "1s" }));

    const loop = await lab.worker<object, { peakRssBytes: number; healthy: number }>("ofetch", {
      urls: urls.healthy,
    });
    await loop.ask({});
    const { peakRssBytes } = await loop.ask({});
    rows.push({
      what: "bare loop of ofetch over 4,800, for comparison",
      figure: `${megabytes(peakRssBytes)} RSS`,
    });
    return rows;
  },
};

/** Ticks until every service was asked at least twice, and compares each verdict with what its endpoint does. */
async function verdicts(
  lab: Lab,
  urls: Urls,
  what: string,
  { maxOpenFiles, timeout = "5s" }: { maxOpenFiles?: number; timeout?: string },
): Promise<Row> {
  const env = configure(lab, watched(urls, { timeout, failureThreshold: 1000 }));
  const worker = await lab.worker<object, TickAnswer>("watchdog", {}, { env, maxOpenFiles });
  const wrong: string[] = [];
  let unknown = 0;
  let peakRssBytes = 0;
  for (let i = 0; i < (lab.quick ? 2 : 4); i++) {
    const answer = await worker.ask({});
    peakRssBytes = answer.peakRssBytes;
    for (const [name, { ok, reason }] of Object.entries(answer.verdicts)) {
      if (ok === null && name.startsWith("healthy")) unknown++;
      else if (ok !== null && ok !== name.startsWith("healthy")) wrong.push(`${name}: ${reason}`);
    }
  }
  await worker.stop();
  const big = Object.values(urls).flat().length === 5000;
  return {
    what,
    figure: `${megabytes(peakRssBytes)} RSS at most, ${wrong.length} wrong verdicts${wrong.length > 0 ? ` (${wrong.slice(0, 3).join("; ")})` : ""}, ${unknown} healthy ones without a verdict`,
    target: big ? "< 200 MB, none wrong" : "none wrong",
    pass: wrong.length === 0 && (!big || peakRssBytes < 200e6),
  };
}
