/** SpreadPilot's services as containers on a network of their own, and the ways to break them. */
import { readFileSync } from "node:fs";
import { createNetwork, docker, runContainer, until } from "./engine.ts";

export interface ServiceSpec {
  container: string;
  alias: string;
  port: number;
  path: string;
  /** Ignores SIGTERM, so that the engine waits this long and then kills it. */
  slowStopS?: number;
  /** More of `docker run`'s options. */
  options?: readonly string[];
}

/** What the watchdog watches without a configuration file. */
export const SPREADPILOT: Record<string, ServiceSpec> = {
  gateway_manager: {
    container: "spreadpilot-gateway-manager",
    alias: "gateway-manager",
    port: 8080,
    path: "/health",
  },
  executor: { container: "spreadpilot-executor", alias: "executor", port: 8080, path: "/health" },
  monitor: { container: "spreadpilot-monitor", alias: "monitor", port: 8080, path: "/health" },
  dashboard: { container: "spreadpilot-dashboard", alias: "dashboard", port: 3000, path: "/api/health" },
};

const SOURCE = readFileSync(new URL("service.mjs", import.meta.url), "utf8");

export interface Topology {
  network: string;
  /** Creates a service's container; again, when it was removed. */
  start(service: string): Promise<void>;
  /** From inside the container, as its own fault. */
  break(service: string, mode: "500" | "hang" | "exit"): Promise<void>;
  stop(service: string): Promise<void>;
  kill(service: string): Promise<void>;
  remove(service: string): Promise<void>;
  /** The engine's own word for its last start, ISO 8601. */
  startedAt(service: string): Promise<string>;
  /** How often the engine restarted the container on request since the topology was started. */
  restarts(service: string): Promise<number>;
  /** Whether the engine has begun to stop the container, be it for a restart. */
  stopBegun(service: string): Promise<boolean>;
}

export async function startTopology(image: string, services: Record<string, ServiceSpec>): Promise<Topology> {
  const network = await createNetwork();
  const sinceS = (await docker("info", "-f", "{{.SystemTime}}").then((time) => Date.parse(time))) / 1000;
  const ids = new Map<string, string>();
  const idOf = (service: string) => ids.get(service)!;

  async function events(service: string, event: string): Promise<number> {
    const filters = ["--filter", `container=${idOf(service)}`, "--filter", `event=${event}`];
    const untilS = (Date.now() / 1000).toFixed(3);
    const found = await docker("events", "--since", String(sinceS), "--until", untilS, ...filters);
    return found.split("\n").filter(Boolean).length;
  }

  const topology: Topology = {
    network,
    async start(service) {
      const spec = services[service]!;
      ids.set(service, await runContainer(spec.container, serviceArgs(spec, network, image)));
      await until(`${service} to answer`, 10_000, () => get(idOf(service), spec, spec.path).then(() => true));
    },
    break: (service, mode) => get(idOf(service), services[service]!, `/break?mode=${mode}`),
    stop: (service) => docker("stop", idOf(service)).then(() => {}),
    kill: (service) => docker("kill", "-s", "KILL", idOf(service)).then(() => {}),
    remove: (service) => docker("rm", "-f", "-v", idOf(service)).then(() => {}),
    startedAt: (service) => docker("inspect", "-f", "{{.State.StartedAt}}", idOf(service)),
    restarts: (service) => events(service, "restart"),
    stopBegun: async (service) => (await events(service, "kill")) > 0,
  };
  await Promise.all(Object.keys(services).map((service) => topology.start(service)));
  return topology;
}

function serviceArgs(
  { alias, port, path, slowStopS, options = [] }: ServiceSpec,
  network: string,
  image: string,
): string[] {
  const slow = slowStopS ? ["--stop-timeout", String(slowStopS), "-e", "STOPS_SLOWLY=1"] : [];
  const env = ["-e", `PORT=${port}`, "-e", `HEALTH_PATH=${path}`];
  const place = ["--network", network, "--network-alias", alias];
  return [...place, ...env, ...slow, ...options, image, "node", "--input-type=module", "-e", SOURCE];
}

async function get(id: string, { port }: ServiceSpec, path: string): Promise<void> {
  await docker("exec", id, "wget", "-q", "-O-", `http://127.0.0.1:${port}${path}`);
}
