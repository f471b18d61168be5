/** Services in containers with ports on this host's loopback, for a watchdog that runs on the host itself. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { docker, RUN_LABEL, runContainer, uniqueName } from "./engine.ts";

const SOURCE = readFileSync(new URL("service.mjs", import.meta.url), "utf8");

export interface HostService {
  id: string;
  /** The container's name. */
  container: string;
  url: string;
  /** The HTTP status of its health; rejects where nothing answers. */
  ask(): Promise<number>;
  /** From inside, as its own fault. */
  break(mode: "500" | "hang" | "exit"): Promise<number>;
}

export interface HostServiceSettings {
  image: string;
  /** The stand-in's own settings, see service.mjs. */
  env?: Record<string, string>;
  /** More of `docker create`'s options. */
  options?: string[];
  /** Another container in whose network it lives, and which publishes its port. */
  inside?: string;
  /** Inside the container; one of its own for each of those that share a network. */
  port?: number;
  hostPort?: number;
  /** A name that exists no more. */
  container?: string;
}

/** Starts a stand-in that answers on this host. With `inside`, `hostPort` is the one that the other publishes. */
export async function startOnHost(word: string, settings: HostServiceSettings): Promise<HostService> {
  const { image, inside, env = {}, options = [] } = settings;
  const container = settings.container ?? uniqueName(word);
  const port = settings.port ?? 8080;
  const hostPort = settings.hostPort ?? (await freePort());
  const place = inside ? ["--network", `container:${inside}`] : ["-p", `127.0.0.1:${hostPort}:${port}`];
  const all = { PORT: String(port), HEALTH_PATH: "/health", ...env };
  const variables = Object.entries(all).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
  const command = [image, "node", "--input-type=module", "-e", SOURCE];
  const id = await runContainer(container, [...place, ...variables, ...options, ...command]);
  const base = `http://127.0.0.1:${hostPort}`;
  return {
    id,
    container,
    url: `${base}/health`,
    ask: () => statusOf(`${base}/health`),
    break: (mode) => statusOf(`${base}/break?mode=${mode}`),
  };
}

/** Bounded: a port that the engine holds for a container that is just starting may take and never answer. */
async function statusOf(url: string): Promise<number> {
  const response = await fetch(url, {
    headers: { connection: "close" },
    signal: AbortSignal.timeout(2000),
  });
  await response.body?.cancel();
  return response.status;
}

let lastPort = 20_000 + ((process.pid * 97) % 10_000);

/**
 * A port of loopback that nobody listens on. Below those that the kernel hands out by itself: one of these
 * may be a connection's by the time that it is listened on, and a container needs its own for its whole life.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    lastPort = lastPort < 31_000 ? lastPort + 1 : 20_000;
    const port = lastPort;
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer().once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
  throw new Error("no free port of loopback was found from 20000 to 31000");
}

interface Happening {
  action: string;
  container: string;
  atMs: number;
}

/** What the engine does with this run's containers, from now on: its own memory holds 256 events only. */
export interface Witness {
  restarts(service: { id: string }): Happening[];
  stop(): Promise<void>;
}

export async function startWitness(): Promise<Witness> {
  const now = await docker("info", "-f", "{{.SystemTime}}");
  const filters = ["--filter", "type=container", "--filter", `label=${RUN_LABEL}`];
  const child = spawn("docker", ["events", "--since", now, ...filters, "--format", "{{json .}}"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const seen: Happening[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { Action, Actor, timeNano } = JSON.parse(line);
    seen.push({ action: Action, container: Actor.ID, atMs: timeNano / 1e6 });
  });
  return {
    restarts: ({ id }) => seen.filter(({ action, container }) => action === "restart" && container === id),
    stop: () => end(child),
  };
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await exited;
}
