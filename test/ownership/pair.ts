/** Two watchdogs on one state, a docker client that writes down who used it, and a receiver of alerts. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Alert } from "../../src/plugin.ts";
import { type FakeDocker, installDocker, installFakeDocker } from "../fake-docker.ts";

const SERVICES = ["s0", "s1", "s2", "s3", "s4", "s5"];
const SPEED = 10;
/** Real ms. */
export const LEASE_MS = 600;
const RENEW_MS = 150;

export interface Member {
  name: string;
  child: ChildProcess;
  /** What it logged. */
  lines: string[];
}

/** One `docker restart`: by whom, of what, and whose pid the lock had at that moment. */
interface Command {
  by: string;
  container: string;
  lockPid: number;
}

export interface Pair {
  members: [Member, Member];
  /** Resolves at the next check of a service that is down, the next look at a container, the next restart. */
  next(what: "check" | "inspect" | "logs" | "restart"): Promise<void>;
  /** Whoever the lock says owns the state. */
  owner(): Promise<Member>;
  commands(): Promise<Command[]>;
  services: string[];
  alerts: Alert[];
  /** Whether the services are down, and whether the receiver takes alerts. */
  world: { down: boolean; receiving: boolean };
  close(): Promise<void>;
}

/** The lock's pid at this moment, written down with the command. */
const note = (by: string, folder: string) =>
  `while read -r key value; do [ "$key" = '"pid":' ] && pid=\${value%,}; done <'${folder}/state.json.lock'
  echo "${by} $container $pid" >>'${folder}/restarts'`;

/** Every container looks healthy to the engine. */
const fakeDocker = (by: string, folder: string): FakeDocker => ({
  first: `echo "$verb" >>'${folder}/calls'`,
  logs: "sleep 0.05",
  restart: `${note(by, folder)}\n  sleep 0.08`,
});

/** The docker client of this machine, with the same notes. */
const realDocker = (by: string, folder: string) => `#!/bin/sh
echo "$1" >>'${folder}/calls'
if [ "$1" = restart ]; then
  for container in "$@"; do :; done
  ${note(by, folder)}
fi
PATH='${process.env.PATH}' exec docker "$@"
`;

export interface PairOptions {
  /** Names of real containers, one for each service; the client is a script without them. */
  containers?: readonly string[];
  /** How many times as fast the clock of the two runs. */
  speed?: number;
}

export async function startPair(
  root: string,
  program: string[],
  { containers, speed = SPEED }: PairOptions = {},
): Promise<Pair> {
  const services = SERVICES.slice(0, containers?.length);
  const folder = await mkdtemp(join(root, "pair-"));
  const waiting = new Map<string, (() => void)[]>();
  const tell = (what: string) => {
    for (const go of waiting.get(what)?.splice(0) ?? []) go();
  };
  const alerts: Alert[] = [];
  // At the slow clock of real containers, the waits of an outbox that is refused would be most of a run.
  const world = { down: false, receiving: containers !== undefined };
  const server = createServer(async (request, response) => {
    if (request.url !== "/alerts") {
      if (world.down) tell("check");
      return response.writeHead(world.down ? 503 : 200).end();
    }
    let body = "";
    for await (const part of request) body += part;
    if (world.receiving) alerts.push(JSON.parse(body));
    response.writeHead(world.receiving ? 200 : 503).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const service = (name: string, index: number) => ({
    url: `${base}/${name}`,
    container: containers?.[index] ?? `c${index}`,
    interval: "1s",
    timeout: "1m",
    failureThreshold: 1,
    // Nothing here ever heals, and the news of it waits for this long.
    startPeriod: "2s",
    // Nobody restarts anything twice in the time of a run: a second restart is another process's.
    backoff: { base: "1d", cap: "1d" },
  });
  const config = {
    services: Object.fromEntries(services.map((name, index) => [name, service(name, index)])),
    maxConcurrentRestarts: 2,
    plugins: { webhook: { url: `${base}/alerts` }, cron: false },
  };
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  await writeFile(join(folder, "calls"), "");

  async function member(name: string): Promise<Member> {
    const bin = join(folder, name);
    await (containers
      ? installDocker(bin, realDocker(name, folder))
      : installFakeDocker(bin, fakeDocker(name, folder)));
    const child = spawn(process.execPath, program, {
      env: {
        PATH: `${bin}:${process.env.PATH}`,
        HOME: process.env.HOME,
        WATCHDOG_CONFIG: join(folder, "config.json"),
        STATE_FILE: join(folder, "state.json"),
        SPEED: String(speed),
        TICK_MS: containers ? "120" : "40",
        LEASE_MS: String(LEASE_MS * speed),
        RENEW_MS: String(RENEW_MS),
      },
      stdio: ["pipe", "pipe", "inherit"],
    });
    const lines: string[] = [];
    const ready = new Promise<void>((resolve) => {
      createInterface({ input: child.stdout! }).on("line", (line) => {
        const message = JSON.parse(line) as string;
        lines.push(message);
        if (message === "ready") resolve();
      });
    });
    await ready;
    return { name, child, lines };
  }

  // The client's calls, told soon after they begin.
  let told = 0;
  const looking = setInterval(async () => {
    const calls = (await readFile(join(folder, "calls"), "utf8").catch(() => "")).split("\n").slice(0, -1);
    for (const call of calls.slice(told)) tell(call);
    told = calls.length;
  }, 5);

  const first = await member("first");
  const second = await member("second");
  return {
    members: [first, second],
    next: (what) => new Promise((resolve) => waiting.set(what, [...(waiting.get(what) ?? []), resolve])),
    async owner() {
      for (;;) {
        // While it is renewed or changes hands, it may be read half.
        const text = await readFile(join(folder, "state.json.lock"), "utf8").catch(() => "");
        const pid = Number(/"pid": (\d+)/.exec(text)?.[1]);
        const owner = [first, second].find(({ child }) => child.pid === pid);
        if (owner) return owner;
      }
    },
    async commands() {
      const text = await readFile(join(folder, "restarts"), "utf8").catch(() => "");
      return text
        .split("\n")
        .slice(0, -1)
        .map((line) => {
          const [by, container, lockPid] = line.split(" ");
          return { by: by!, container: container!.replace(/^(c|0+(?=\d))/, ""), lockPid: Number(lockPid) };
        });
    },
    services,
    alerts,
    world,
    async close() {
      clearInterval(looking);
      for (const { child } of [first, second]) {
        const exited = once(child, "exit");
        child.kill("SIGKILL");
        await exited;
      }
      server.closeAllConnections();
      server.close();
    },
  };
}
