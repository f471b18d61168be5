/** Services, containers and receivers of a watchdog under load, and what they saw of it. */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Alert } from "../../src/plugin.ts";
import { installFakeDocker } from "../fake-docker.ts";

const LISTENERS = 4;

export interface LoadedTown {
  /** Of the service with this number. */
  url(number: number): string;
  /** When each service was checked, ms; by its number. */
  checks: Map<string, number[]>;
  /** Numbers of services that answer 503. */
  failing: Set<number>;
  /** A folder for PATH, with the docker client. */
  bin: string;
  commands(): Command[];
  receiver(): Promise<Receiver>;
  close(): void;
}

/** One `docker restart`, in ms since the epoch; without an end, it still runs. */
interface Command {
  container: string;
  beganAt: number;
  endedAt: number;
}

export interface Receiver {
  url: string;
  alerts: Alert[];
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export async function openTown(folder: string): Promise<LoadedTown> {
  const checks = new Map<string, number[]>();
  const failing = new Set<number>();
  const servers: Server[] = [];
  const open = async (server: Server) => {
    servers.push(server);
    return listening(server);
  };
  const bases = await Promise.all(
    Array.from({ length: LISTENERS }, () =>
      open(
        createServer((request, response) => {
          const name = request.url!.slice(1);
          checks.set(name, [...(checks.get(name) ?? []), performance.now()]);
          response.writeHead(failing.has(Number(name)) ? 503 : 200).end();
        }),
      ),
    ),
  );
  const bin = join(folder, "bin");
  const record = join(folder, "commands.txt");
  await installFakeDocker(bin, {
    // It is called with a name, or with the id that it showed for it.
    restart: `number=\${container#c}
  while [ "\${number#0}" != "$number" ]; do number=\${number#0}; done
  container=c$number
  echo "$container began $(date +%s%N)" >> ${record}
  sleep "$(( number % 9 / 8 )).$(( number % 8 + 2 ))"
  echo "$container ended $(date +%s%N)" >> ${record}`,
  });

  function commands(): Command[] {
    const all: Command[] = [];
    for (const line of readFileSync(record, "utf8").trim().split("\n")) {
      const [container = "", what, time] = line.split(" ");
      const at = Number(BigInt(time!) / 1_000_000n);
      const open = all.find((one) => one.container === container && one.endedAt === Number.POSITIVE_INFINITY);
      if (what === "ended") open!.endedAt = at;
      else all.push({ container, beganAt: at, endedAt: Number.POSITIVE_INFINITY });
    }
    return all;
  }

  return {
    url: (number) => `${bases[number % LISTENERS]}/${number}`,
    checks,
    failing,
    bin,
    commands,
    async receiver() {
      const alerts: Alert[] = [];
      const server = createServer(async (request, response) => {
        let text = "";
        for await (const part of request) text += part;
        alerts.push(JSON.parse(text));
        response.end('{"id":1}');
      });
      return { url: await open(server), alerts };
    },
    close() {
      for (const server of servers) {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}
