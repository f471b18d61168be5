import { execFile, spawnSync } from "node:child_process";
import { median, ms, times } from "./figures.ts";
import type { TickAnswer } from "./jobs/watchdog.ts";
import type { Bench, Lab } from "./lab.ts";
import type { Row } from "./report.ts";
import { configure, endpoints } from "./setup.ts";

const CONTAINERS = 20;
const AT_ONCE = [1, 4, 20] as const;
const MODES = [
  { what: "containers that stop at once", options: ["--stop-signal", "KILL"] },
  { what: "containers that take 1 s to stop", options: ["--stop-timeout", "1"] },
] as const;

export const restarts: Bench = {
  name: "restarts",
  title: `${CONTAINERS} failing containers restarted: one after another, 4 and ${CONTAINERS} at once`,
  async run(lab) {
    if (spawnSync("docker", ["version"], { timeout: 10_000 }).status !== 0) {
      return [{ what: "restarts", figure: "skipped: no Docker engine answers here" }];
    }
    const { testImage, uniqueName } = await import("../test/engine.ts");
    const { failing: urls } = await endpoints(lab, { failing: CONTAINERS });
    const rows: Row[] = [];
    for (const { what, options } of MODES) {
      const made: string[] = [];
      try {
        for (let i = 0; i < CONTAINERS; i++) {
          const name = uniqueName(`bench-${i}`);
          made.push(name);
          await docker([
            "run",
            "-d",
            "--name",
            name,
            "--network",
            "none",
            ...options,
            testImage(),
            "sleep",
            "3600",
          ]);
        }
        const took = new Map(AT_ONCE.map((atOnce) => [atOnce, [] as number[]]));
        for (let i = 0; i < (lab.quick ? 1 : 3); i++) {
          for (const atOnce of AT_ONCE) took.get(atOnce)!.push(await healAll(lab, urls, made, atOnce));
        }
        const alone = median(took.get(1)!);
        for (const [atOnce, all] of took) {
          rows.push({
            what: `${what}, ${atOnce === 1 ? "one after another" : `${atOnce} at once`}`,
            figure: `${ms(median(all))}${atOnce === 1 ? "" : `, ${times(median(all) / alone)}`}`,
            ...(atOnce > 1 && { target: "≤ 0.6 ×", pass: median(all) / alone <= 0.6 }),
          });
        }
      } finally {
        for (const name of made) await docker(["rm", "-f", "-v", name]).catch(() => {});
      }
    }
    return rows;
  },
};

/** One tick that finds all of them failing, restarts them, and returns when the last has come back. */
async function healAll(lab: Lab, urls: string[], containers: string[], atOnce: number): Promise<number> {
  const services: Record<string, object> = {};
  containers.forEach((container, i) => {
    services[`failing-${i}`] = { url: urls[i], container, failureThreshold: 1, interval: "10s" };
  });
  const env = configure(lab, services, { maxConcurrentRestarts: atOnce, tickBudget: "10m" });
  const worker = await lab.worker<object, TickAnswer>("watchdog", {}, { env });
  const { wallMs, counts } = await worker.ask({});
  await worker.stop();
  if (counts.restarted !== CONTAINERS) throw new Error(`${counts.restarted} of ${CONTAINERS} were restarted`);
  return wallMs;
}

function docker(args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile("docker", args, (error, _, stderr) => {
      if (error) reject(new Error(`docker ${args[0]}: ${stderr || error.message}`));
      else resolve();
    });
  });
}
