/**
 * Runs the real command in a process of its own, against a service that answers slowly on demand: on Node the
 * built program, as people run it; on Deno the sources.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What the runtime is given in front of the command's own words. */
async function program(folder: string, toBreak: boolean): Promise<string[]> {
  if ("Deno" in globalThis) {
    return ["run", "-A", "--no-check", "--config", join(ROOT, "deno.json"), join(ROOT, "src/cli.ts")];
  }
  const out = join(folder, "built");
  // scripts/test.ts builds it once for all files.
  const shared = process.env.WATCHDOG_DIST;
  if (shared && !toBreak) return [join(shared, "cli.js")];
  if (shared) {
    await cp(shared, out, { recursive: true });
    return [join(out, "cli.js")];
  }
  const build = ["--import", "tsx", "scripts/build.ts", "--out", out];
  await promisify(execFile)(process.execPath, build, { cwd: ROOT });
  return [join(out, "cli.js")];
}

export interface Workshop {
  folder: string;
  /** A healthy service; `slow` makes it take its time. */
  service: Server;
  slow(ms: number): void;
  /** Writes a configuration that watches the service; its path. */
  config(name: string, changes?: object): Promise<string>;
  /** `OPEN_FILES` in `env` is no variable, but the limit that it runs under. */
  run(args: string[], env: Record<string, string>): Run;
  /** The same as a line for a shell, for a test that starts it in another way. */
  line(args: string[]): string;
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
  signal(signal: "SIGTERM" | "SIGINT" | "SIGHUP"): void;
  says(pattern: RegExp): Promise<RegExpMatchArray>;
}

/** `toBreak`: the program is a copy of its own, `built` in the folder, of which parts may be removed. */
export async function openWorkshop({ toBreak = false } = {}): Promise<Workshop> {
  const folder = await mkdtemp(join(tmpdir(), "watchdog-cli-"));
  const words = await program(folder, toBreak);
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

  const line = (args: string[]) => [process.execPath, ...words, ...args].map((word) => `'${word}'`).join(" ");

  function run(args: string[], { OPEN_FILES: openFiles, ...env }: Record<string, string>): Run {
    const whole = `exec ${line(args)}`;
    const limited = openFiles === undefined ? whole : `ulimit -n ${openFiles}; ${whole}`;
    const child = spawn("sh", ["-c", limited], {
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
    const closed = once(child, "close");
    const exit = once(child, "exit").then(async ([code]) => {
      children.delete(child);
      // Its last words may still be in the pipe; what it started may hold the pipe open for longer.
      await Promise.race([closed, wait(1000, undefined, { ref: false })]);
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
      WATCHDOG_CONFIG: env.WATCHDOG_CONFIG ?? (await config(name)),
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
    line,
    serving,
    close,
  };
}
