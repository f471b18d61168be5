import { delimiter } from "node:path";
import { type Contained, type DockerClient, installDockerClient } from "./docker-client.ts";
import { median, ms } from "./figures.ts";
import type { TickAnswer } from "./jobs/watchdog.ts";
import type { Bench, Lab } from "./lab.ts";
import type { Row } from "./report.ts";
import { configure, endpoints, ticks, watched } from "./setup.ts";

const SERVICES = 500;
const WARM_UPS = 15;
const MOST_CPU_MS = 150;
const ON = { defaults: { interval: "100ms", action: "notify" }, plugins: { docker: { discover: true } } };

interface Rival {
  what: string;
  /** Before each tick. */
  prepare?(round: number): void;
  client?: DockerClient;
  round(): Promise<TickAnswer>;
  /** Of our own process, and the commands of the client, by tick. */
  cpuMs: number[];
  calls: string[];
}

export const discovery: Bench = {
  name: "discovery",
  title: `Discovery of ${SERVICES} containers, with a stand-in for the docker client`,
  async run(lab) {
    const { healthy: urls } = await endpoints(lab, { healthy: SERVICES });
    const asked = urls.map((url): Contained => ({ port: Number(new URL(url).port) }));
    const byHealth = urls.map((): Contained => ({}));
    const listed: Rival = {
      what: "listed in a file, no discovery",
      round: await ticks(lab, configure(lab, watched({ healthy: urls })), SERVICES),
      cpuMs: [],
      calls: [],
    };
    const polled = await finding(lab, "found, every tick looks, nothing has changed", asked);
    const changing = await finding(lab, "found, every tick looks, ten containers were recreated", asked);
    changing.prepare = (round) =>
      changing.client!.hold(
        asked.map((one, i) => ({ ...one, generation: Math.ceil((round * 10 - i) / asked.length) })),
      );
    const followed = await finding(lab, "found, events on, nothing happens", asked, { followed: true });
    const health = await finding(lab, "found, events on, asked by HEALTHCHECK", byHealth, { followed: true });
    const rivals = [listed, polled, changing, followed, health];
    const rounds = WARM_UPS + (lab.quick ? 5 : 15);
    for (let round = 0; round < rounds; round++) {
      for (const rival of rivals) {
        rival.prepare?.(round);
        rival.client?.calls();
        const { cpuMs } = await rival.round();
        const calls = rival.client?.calls().join(", ") ?? "";
        if (round < WARM_UPS) continue;
        rival.cpuMs.push(cpuMs);
        rival.calls.push(calls);
      }
    }
    const base = median(listed.cpuMs);
    const cpu = ({ cpuMs }: Rival) => {
      const whole = median(cpuMs);
      return `${ms(whole)} CPU a tick, ${ms(Math.max(0, whole - base))} more than listed`;
    };
    const looking = ["ps, inspect"];
    return [
      { what: listed.what, figure: `${ms(base)} CPU a tick, checks included` },
      ...[polled, changing].map((rival): Row => {
        const pass = median(rival.cpuMs) - base < MOST_CPU_MS && isOnly(rival.calls, looking);
        const target = `< ${MOST_CPU_MS} ms more; one ps, one inspect`;
        return { what: rival.what, figure: `${cpu(rival)}; ${callsOf(rival)}`, target, pass };
      }),
      {
        what: followed.what,
        figure: `${cpu(followed)}; ${callsOf(followed)}`,
        target: "no command",
        pass: isOnly(followed.calls, [""]),
      },
      { what: health.what, figure: `${ms(median(health.cpuMs))} CPU a tick; ${callsOf(health)}` },
    ];
  },
};

async function finding(
  lab: Lab,
  what: string,
  containers: readonly Contained[],
  settings: { followed?: boolean } = {},
): Promise<Rival> {
  const client = installDockerClient(lab.folder("docker"));
  client.hold(containers);
  const env = configure(lab, {}, ON);
  const PATH = [client.folder, process.env.PATH].join(delimiter);
  return {
    what,
    client,
    round: await ticks(lab, { ...env, PATH }, SERVICES, settings),
    cpuMs: [],
    calls: [],
  };
}

const isOnly = (calls: readonly string[], accepted: readonly string[]) =>
  calls.every((one) => accepted.includes(one));

/** What the ticks called, the most frequent first: `15 ticks: ps, inspect`. */
function callsOf({ calls }: Rival): string {
  const counts = new Map<string, number>();
  for (const one of calls) counts.set(one, (counts.get(one) ?? 0) + 1);
  const most = [...counts].sort(([, a], [, b]) => b - a);
  return most.map(([said, count]) => `${count} ticks: ${said || "no command"}`).join("; ");
}
