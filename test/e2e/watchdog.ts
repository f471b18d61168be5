/** The watchdog in its container, run as the README says, and what can be asked of it from outside. */
import { docker, logsOf, runContainer, uniqueName, until } from "./engine.ts";

export interface WatchdogContainer {
  id: string;
  /** A service in the state file, as it is on the disk now. */
  saved(service: string): Promise<SavedService | undefined>;
  /** `GET /status` from inside the container. */
  status(): Promise<unknown>;
  logs(): Promise<string>;
}

/** The parts of `ServiceState` that the tests look at. */
interface SavedService {
  status: string;
  restarts: { outcome: string; reason: string }[];
  hold: { kind: string } | null;
  /** No restart before this, ISO 8601. */
  notBeforeAt: string;
}

export interface WatchdogSettings {
  image: string;
  network: string;
  env: Record<string, string>;
  /** More of `docker run`'s options. */
  options?: string[];
  /** Texts by path in the container. */
  files?: Record<string, string>;
  /** `false`: it reaches the engine by another way. */
  socket?: boolean;
}

/** `docker run -v /var/run/docker.sock:/var/run/docker.sock IMAGE`, on the services' network. */
export async function startWatchdog(settings: WatchdogSettings): Promise<WatchdogContainer> {
  const env = Object.entries(settings.env).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
  const socket = settings.socket === false ? [] : ["-v", "/var/run/docker.sock:/var/run/docker.sock"];
  const place = ["--network", settings.network, ...(settings.options ?? [])];
  const args = [...socket, ...place, ...env, settings.image];
  return watchdogIn(await runContainer(uniqueName("watchdog"), args, settings.files));
}

/** One that runs already. */
export function watchdogIn(id: string): WatchdogContainer {
  const asUser = ["exec", "-u", "1000", id] as const;
  return {
    id,
    async saved(service) {
      return JSON.parse(await docker(...asUser, "cat", "/data/state.json")).services[service];
    },
    async status() {
      return JSON.parse(await docker("exec", id, "wget", "-q", "-O-", "http://127.0.0.1:8787/status"));
    },
    logs: () => logsOf(id),
  };
}

/** Waits until the state file says so of every service. */
export async function untilSaved(
  watchdog: WatchdogContainer,
  services: string[],
  status: string,
  timeoutMs: number,
): Promise<void> {
  await until(`${services.join(", ")} to be ${status}`, timeoutMs, async () => {
    const saved = await Promise.all(services.map((service) => watchdog.saved(service)));
    if (saved.every((service) => service?.status === status)) return true;
    throw new Error(`found ${services.map((name, index) => `${name} ${saved[index]?.status}`).join(", ")}`);
  });
}
