import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { median, ms, times } from "./figures.ts";
import type { TickAnswer } from "./jobs/watchdog.ts";
import { type Bench, hasDeno, type Lab, pause, type Worker } from "./lab.ts";
import type { Row } from "./report.ts";
import { configure, endpoints, watched } from "./setup.ts";

const SERVICES = 1000;
/** Rounds that are made and not counted: the compilers of all runtimes have done their work by then. */
const WARM_UPS = 15;

interface Rival {
  name: string;
  round(): Promise<{ cpuMs: number; wallMs: number; healthy: number }>;
}

interface LoopAnswer {
  cpuMs: number;
  wallMs: number;
  healthy: number;
}

export const wholeTick: Bench = {
  name: "tick",
  title: `A whole tick (check, decide, save, report) of ${SERVICES} healthy services`,
  async run(lab) {
    const { healthy: urls } = await endpoints(lab, { healthy: SERVICES });
    const ours = await program(lab, urls, "node");
    const rivals: Rival[] = [
      { name: "watchdog", round: ours },
      await loop(lab, "bare loop of ofetch", "ofetch", { urls }),
      await loop(lab, "bare loop of node:http, one deadline", "node-http", { urls }),
    ];
    const missing: Row[] = [];
    if (hasDeno()) {
      rivals.push({ name: "watchdog on Deno", round: await program(lab, urls, "deno") });
    } else missing.push({ what: "watchdog on Deno", figure: "skipped: its npm package is not installed" });
    const exporter = await blackbox(lab, urls);
    if (exporter) rivals.push(exporter);
    else missing.push({ what: "blackbox_exporter", figure: "skipped: not installed" });

    const rounds = WARM_UPS + (lab.quick ? 5 : 15);
    const cpu = new Map<string, number[]>(rivals.map(({ name }) => [name, []]));
    const wall = new Map<string, number[]>(rivals.map(({ name }) => [name, []]));
    for (let i = 0; i < rounds; i++) {
      for (const { name, round } of rivals) {
        const { cpuMs, wallMs, healthy } = await round();
        if (healthy !== SERVICES) throw new Error(`${name} found ${healthy} of ${SERVICES} healthy`);
        if (i < WARM_UPS) continue;
        cpu.get(name)!.push(cpuMs);
        wall.get(name)!.push(wallMs);
      }
    }
    const loopCpu = median(cpu.get("bare loop of ofetch")!);
    const rows: Row[] = rivals.map(({ name }) => {
      const cpuMs = median(cpu.get(name)!);
      const each = `${Math.round((cpuMs * 1000) / SERVICES)} µs CPU a check`;
      return {
        what: name,
        figure: `${ms(cpuMs)} CPU (${each}), cycle ${ms(median(wall.get(name)!))}, ${times(cpuMs / loopCpu)}`,
        ...(name === "watchdog" && { target: "≤ 1.25 ×, wanted 0.5 ×", pass: cpuMs / loopCpu <= 1.25 }),
      };
    });
    const stretch = median(cpu.get("watchdog")!) / loopCpu;
    rows.splice(1, 0, {
      what: "the stretch: CPU of the watchdog to the ofetch loop",
      figure: times(stretch),
      target: "≤ 0.50 ×",
      pass: stretch <= 0.5,
    });
    return [...rows, ...missing];
  },
};

async function program(lab: Lab, urls: string[], runtime: "node" | "deno"): Promise<Rival["round"]> {
  const env = configure(lab, watched({ healthy: urls }));
  const worker = await lab.worker<object, TickAnswer>("watchdog", {}, { env, runtime });
  return async () => {
    for (let tries = 0; tries < 20; tries++) {
      await pause(120);
      const { cpuMs, wallMs, counts } = await worker.ask({});
      // First checks may be spread over an interval.
      if (counts.checked === SERVICES) return { cpuMs, wallMs, healthy: counts.healthy };
    }
    throw new Error("no tick checked every service");
  };
}

async function loop(lab: Lab, name: string, job: string, settings: object): Promise<Rival> {
  const worker = await lab.worker<object, LoopAnswer>(job, settings);
  return { name, round: () => worker.ask({}) };
}

/** Debian's package, on a free port of loopback. Its CPU is read from /proc, in steps of 10 ms. */
async function blackbox(lab: Lab, urls: string[]): Promise<Rival | undefined> {
  const command = ["prometheus-blackbox-exporter", "blackbox_exporter"].find(
    (name) => spawnSync(name, ["--version"]).status === 0,
  );
  if (!command) return undefined;
  const file = join(lab.folder("blackbox"), "blackbox.yml");
  const http = { method: "GET", preferred_ip_protocol: "ip4", valid_status_codes: [200] };
  writeFileSync(file, JSON.stringify({ modules: { http_2xx: { prober: "http", timeout: "5s", http } } }));
  const exporter = `http://127.0.0.1:${await freePort()}`;
  const listen = `--web.listen-address=${new URL(exporter).host}`;
  const child = lab.start(command, [`--config.file=${file}`, listen, "--log.level=error"]);
  await answering(exporter);
  const driver: Worker<object, LoopAnswer> = await lab.worker("blackbox", { exporter, urls });
  return {
    name: "blackbox_exporter",
    async round() {
      const beforeMs = cpuOf(child.pid!);
      const answer = await driver.ask({});
      return { ...answer, cpuMs: cpuOf(child.pid!) - beforeMs };
    },
  };
}

/** It says its address only when it is told one. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function answering(url: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const answer = await fetch(`${url}/-/healthy`).catch(() => undefined);
    if (answer?.ok) return;
    await pause(100);
  }
  throw new Error("blackbox_exporter did not answer in 10 s");
}

function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
