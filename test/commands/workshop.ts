/** Runs the real command in a process of its own, on either runtime, against a service that answers slowly on demand. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const RUNTIME =
  "Deno" in globalThis
    ? ["run", "-A", "--no-check", "--config", join(ROOT, "deno.json")]
    : ["--import", "tsx"];

export interface Workshop {
  folder: string;
  /** A healthy service; `slow` makes it take its time. */
  service: Server;
  slow(ms: number): void;
  /** Writes a configuration that watches the service; its path. */
  config(name: string, changes?: object): Promise<string>;
  run(args: string[], env: Record<string, string>): Run;
  /** A running watchdog of its own state file. */
  serving(name: string, env?: Record<string, string>): Promise<Run & { url: string }>;
  close(): Promise<void>;
}

export interface Run {
  child: ChildProcess;
  out(): string;
  err(): string;
  exit: Promise<number | null>;
  /** By its pid: Deno's `child.kill` reports a child that handled the signal as killed by it. */
  signal(signal: "SIGTERM" | "SIGINT"): void;
  says(pattern: RegExp): Promise<RegExpMatchArray>;
}

export async function openWorkshop(): Promise<Workshop> {
  const folder = await mkdtemp(join(tmpdir(), "watchdog-cli-"));
  const children = new Set<ChildProcess>();
  let healthMs = 0;
  const service = createServer((_, response) => {
    setTimeout(() => response.end("ok"), healthMs);
  });
  service.listen(0, "127.0.0.1");
  await once(service, "listening");

  async function config(name: string, changes: object = {}): Promise<string> {
    const { port } = service.address() as AddressInfo;
    const path = join(folder, `${name}.json`);
    const services = {
      executor: { url: `http://127.0.0.1:${port}/health`, interval: "1s", timeout: "1s", ...changes },
    };
    await writeFile(path, JSON.stringify({ services }));
    return path;
  }

  function run(args: string[], env: Record<string, string>): Run {
    const child = spawn(process.execPath, [...RUNTIME, CLI, ...args], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, STATE_FILE: join(folder, "state.json"), ...env },
    });
    children.add(child);
    let out = "";
    let err = "";
    child.stdout!.on("data", (part) => {
      out += part;
    });
    child.stderr!.on("data", (part) => {
      err += part;
    });
    const exit = once(child, "exit").then(([code]) => {
      children.delete(child);
      return code as number | null;
    });
    async function says(pattern: RegExp): Promise<RegExpMatchArray> {
      for (;;) {
        const found = pattern.exec(err);
        if (found) return found;
        const event = await Promise.race([once(child.stderr!, "data"), exit.then(() => "ended" as const)]);
        if (event === "ended" && !pattern.test(err))
          throw new Error(`it ended without saying ${pattern}: ${err}`);
      }
    }
    const signal = (name: string) => process.kill(child.pid!, name);
    return { child, signal, out: () => out, err: () => err, exit, says };
  }

  async function serving(name: string, env: Record<string, string> = {}) {
    const started = run(["serve"], {
      PORT: "0",
      STATE_FILE: join(folder, `${name}-state.json`),
      WATCHDOG_CONFIG: await config(name),
      ...env,
    });
    const [, url] = await started.says(/(http:\/\/127\.0\.0\.1:\d+)\/status/);
    return { ...started, url: url! };
  }

  async function close(): Promise<void> {
    for (const child of children) child.kill("SIGKILL");
    service.closeAllConnections();
    service.close();
    await rm(folder, { recursive: true });
  }

  return {
    folder,
    service,
    slow(ms) {
      healthMs = ms;
    },
    config,
    run,
    serving,
    close,
  };
}
