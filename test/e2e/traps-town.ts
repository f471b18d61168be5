/** The services of traps.test.ts, each with the weakness that its trap is about, and what is said of each. */
import { createNetwork, until } from "./engine.ts";
import { freePort, type HostService, type HostServiceSettings, startOnHost } from "./host.ts";

/** In an environment variable whose name tells nothing, and in one whose name does. */
export const PLANTED = { inLog: "hunter2-planted-in-a-line", inEnv: "planted-in-the-environment" };
export const STOP_S = 15;
export const SLOW_START_S = 20;

export interface Town {
  services: Record<string, HostService>;
  /** `services` of the watchdog's configuration. */
  config: Record<string, object>;
  /** Starts a container anew under its old name, with its old ports. */
  again(name: string): Promise<void>;
}

export async function startTown(image: string): Promise<Town> {
  const network = await createNetwork();
  const services: Record<string, HostService> = {};
  const config: Record<string, object> = {};
  const made = new Map<string, Omit<HostServiceSettings, "image">>();

  async function add(
    name: string,
    said: object = {},
    settings: Omit<HostServiceSettings, "image"> = {},
  ): Promise<void> {
    const hostPort = settings.hostPort ?? (await freePort());
    const service = await startOnHost(name.replaceAll("_", "-"), { image, ...settings, hostPort });
    services[name] = service;
    made.set(name, { ...settings, hostPort, container: service.container });
    config[name] = { url: service.url, container: service.container, ...said };
  }

  /** A service in another's network, whose port that one publishes. */
  async function addPair(parent: string, child: string): Promise<void> {
    const hostPort = await freePort();
    await add(parent, {}, { options: ["-p", `127.0.0.1:${hostPort}:9090`] });
    await add(child, {}, { inside: services[parent]!.container, port: 9090, hostPort });
  }

  const inNetwork = (alias: string) => ["--network", network, "--network-alias", alias];
  const needsDatabase = { env: { NEEDS: "http://database:8080/health" } };
  const untilItBreaks = (seconds: number) => ({ env: { DIES_AFTER_S: String(seconds) } });
  const twice = { budget: { restarts: 2, window: "10m" }, backoff: { base: "500ms" } };
  const byHand = { respectManualStop: true };

  await Promise.all([
    add("bystander"),
    add("slow_stopper", {}, { env: { STOPS_SLOWLY: "1" }, options: ["--stop-timeout", String(STOP_S)] }),
    addPair("vpn", "vpn_client"),
    addPair("gateway", "orphan"),
    add("crash_loop", twice, untilItBreaks(0)),
    add("flapping", twice, untilItBreaks(5)),
    add("crasher", {}, withLastWords()),
    ...["stopped", "killed", "paused"].flatMap((name) => [add(name), add(`${name}_left`, byHand)]),
    add("database", {}, { options: inNetwork("database") }),
    ...["orders", "billing", "reports"].map((name) =>
      add(name, { dependsOn: ["database"] }, { ...needsDatabase, options: inNetwork(name) }),
    ),
    add("rehearsed", { dryRun: true }),
  ]);
  const unwell = ["crash_loop", "flapping"];
  await until("all to answer", 30_000, async () => {
    const all = Object.entries(services).filter(([name]) => !unwell.includes(name));
    const answers = await Promise.all(all.map(([, service]) => service.ask()));
    return answers.every((status) => status === 200);
  });
  // The last, so that it is still starting when the watchdog begins.
  await add("slow_starter", {}, slowStart());

  return {
    services,
    config,
    async again(name) {
      services[name] = await startOnHost(name, { image, ...made.get(name) });
    },
  };
}

function withLastWords() {
  const words = `cannot write /data/orders: ENOSPC: no space left on device, password=${PLANTED.inLog} ${PLANTED.inEnv}`;
  return { env: { LAST_WORDS: words, API_TOKEN: PLANTED.inEnv } };
}

/** A health check of its own that is never made, for the sake of its start period. */
function slowStart() {
  const health = ["--health-cmd", "true", "--health-interval", "1h", "--health-start-period", "60s"];
  return { env: { READY_AFTER_S: String(SLOW_START_S) }, options: health };
}
