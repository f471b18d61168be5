/** The stand-ins as child processes, started and restarted by the plugin `process`. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import type { Config } from "../src/config/config.ts";
import type { Registry } from "../src/plugin/registry.ts";
import type { Act } from "./acts.ts";

export interface Cast {
  /** `http://127.0.0.1:PORT` */
  urlOf(service: string): string;
  /** How the configuration file says what heals the service. */
  settingsOf(service: string): object;
  /** The section `plugins` of the file, without the webhook. */
  plugins: object;
  /** The watchdog's environment. */
  env: Record<string, string | undefined>;
  enter(config: Config, registry: Registry): Promise<void>;
  end(): Promise<void>;
}

export const STAND_IN = fileURLToPath(new URL("stand-in.mjs", import.meta.url));

export async function makeProcesses(act: Act): Promise<Cast> {
  const ports = await freePorts(Object.keys(act.roles));
  const urlOf = (service: string) => `http://127.0.0.1:${ports.get(service)}`;
  return {
    urlOf,
    plugins: { process: {}, docker: false },
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
    settingsOf: (service) => ({
      container: act.roles[service]!.container,
      restarter: "process",
      process: {
        command: process.execPath,
        args: [STAND_IN],
        env: environment(act, service, ports, urlOf),
        stopTimeout: "1s",
      },
    }),
    async enter({ targets }, { restarters }) {
      const { restart } = restarters.get("process")!;
      for (const [name, target] of targets) {
        const { displayName, container } = act.roles[name]!;
        const options = target.options.process;
        const service = { ...target, name, displayName, container, options };
        const started = await restart(service, NEVER, async () => true);
        if (!started.ok) throw new Error(`${displayName} ${started.reason}`);
      }
    },
    // They end with the watchdog.
    end: async () => {},
  };
}

const NEVER = new AbortController().signal;

export function environment(
  act: Act,
  service: string,
  ports: ReadonlyMap<string, number>,
  urlOf: (service: string) => string,
): Record<string, string> {
  const env: Record<string, string> = { PORT: String(ports.get(service)) };
  if (act.roles[service]!.needsDatabase) env.DATABASE_URL = `${urlOf("database")}/health`;
  return env;
}

/** Ports that nobody listens on now: a service keeps its own through all restarts. */
export async function freePorts(names: readonly string[]): Promise<Map<string, number>> {
  const servers = names.map(() => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return new Map(names.map((name, index) => [name, ports[index]!]));
}
