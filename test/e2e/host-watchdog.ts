/** The watchdog as a process on this host, and the receiver of its alerts. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Alert } from "../../src/core/alert.ts";
import { until } from "./engine.ts";
import { end, freePort } from "./host.ts";

/** What the tests look at of `GET /services/<name>`. */
interface ServiceAnswer {
  status: string;
  why: string;
  hold: { kind: string; reason: string } | null;
  last_check: { at: string; ok: boolean | null; reason: string } | null;
  restarts: { at: string; outcome: string; reason: string }[];
  last_incidents: { id: string; hint: string | null; outcome: string }[];
}

interface IncidentAnswer {
  evidence: { logLines: string[]; hint?: string }[];
  log: { at: string; text: string }[];
}

interface StatusAnswer {
  services: Record<string, ServiceAnswer>;
  brake: { kind: string; reason: string } | null;
  outbox: { sent: number; pending: number; dead: number };
}

export interface HostWatchdog {
  service(name: string): Promise<ServiceAnswer>;
  incident(id: string): Promise<IncidentAnswer>;
  status(): Promise<StatusAnswer>;
  /** What its log says of a service. */
  logOf(name: string): string;
  /** All that it wrote: log, state, incidents. */
  written(): string;
  stop(): Promise<void>;
}

/** `serve` with a configuration of the test's own. */
export async function startOnThisHost(
  config: object,
  env: Record<string, string> = {},
): Promise<HostWatchdog> {
  const folder = mkdtempSync(join(tmpdir(), "spreadpilot-e2e-watchdog-"));
  mkdirSync(join(folder, "data"));
  const file = join(folder, "watchdog.config.json");
  writeFileSync(file, JSON.stringify(config));
  const port = await freePort();
  const child = spawn(process.execPath, ["--import", "tsx", "src/cli.ts", "serve"], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      ...(process.env.DOCKER_HOST ? { DOCKER_HOST: process.env.DOCKER_HOST } : {}),
      WATCHDOG_CONFIG: file,
      STATE_FILE: join(folder, "data", "state.json"),
      PORT: String(port),
      LOG_FORMAT: "json",
      ...env,
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const ask = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).json();
  /** Of files that are there: the watchdog goes on, so a temporary one may go between the listing and the look. */
  const files = () =>
    readdirSync(join(folder, "data"), { recursive: true, encoding: "utf8" })
      .map((name) => join(folder, "data", name))
      .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile())
      .flatMap((path) => {
        try {
          return [readFileSync(path, "utf8")];
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
          throw error;
        }
      });
  const watchdog: HostWatchdog = {
    service: (name) => ask(`/services/${name}`) as Promise<ServiceAnswer>,
    incident: (id) => ask(`/incidents/${id}`) as Promise<IncidentAnswer>,
    status: () => ask("/status") as Promise<StatusAnswer>,
    logOf: (name) =>
      log
        .split("\n")
        .filter((line) => line.includes(`"service":"${name}"`))
        .join("\n"),
    written: () => [log, ...files()].join("\n"),
    async stop() {
      await end(child);
      rmSync(folder, { recursive: true });
    },
  };
  try {
    await until("the watchdog to answer", 15_000, async () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${log}`);
      return ask("/livez");
    });
  } catch (error) {
    await watchdog.stop();
    throw error;
  }
  return watchdog;
}

export interface HostReceiver {
  url: string;
  /** Alerts in the order of their arrival. */
  alerts: Alert[];
  alertsOf(service: string): Alert[];
  /** Begins to listen; until then connections are refused. */
  open(): Promise<void>;
  close(): Promise<void>;
}

export async function receiverOnHost(): Promise<HostReceiver> {
  const alerts: Alert[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    alerts.push(JSON.parse(body));
    response.writeHead(204).end();
  });
  const port = await freePort();
  return {
    url: `http://127.0.0.1:${port}/alerts`,
    alerts,
    alertsOf: (service) => alerts.filter(({ params }) => params.component_name === service),
    open: () =>
      new Promise((resolve, reject) => {
        server.once("error", reject).listen(port, "127.0.0.1", resolve);
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
