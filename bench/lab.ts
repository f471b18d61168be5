/** What the benches share: the built program, a folder, and children that end with the bench. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Row } from "./report.ts";

export interface Bench {
  name: string;
  title: string;
  run(lab: Lab): Promise<Row[]>;
}

/** A child that does one job, asked over its standard input and answering by lines. */
export interface Worker<Request = unknown, Answer = unknown> {
  pid: number;
  /** What the job said when it was ready. */
  ready: Record<string, unknown>;
  ask(request: Request): Promise<Answer>;
  stop(): Promise<void>;
}

interface WorkerOptions {
  runtime?: "node" | "deno";
  env?: Record<string, string>;
  /** `ulimit -n` of the child. */
  maxOpenFiles?: number;
}

export interface Lab {
  quick: boolean;
  /** The command as it is shipped. */
  cli: string;
  /** A new empty folder. */
  folder(word: string): string;
  worker<Request, Answer>(
    job: string,
    settings: object,
    options?: WorkerOptions,
  ): Promise<Worker<Request, Answer>>;
  /** Starts any other program; it is ended by `sweep`. */
  start(command: string, args: string[], env?: Record<string, string>): ChildProcess;
  /** Ends every child that is left. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Builds the command and the workers as `npm run build` does: what tsx adds at run time is not measured. */
export async function openLab(quick: boolean): Promise<Lab> {
  const top = mkdtempSync(join(tmpdir(), "watchdog-bench-"));
  const children = new Set<ChildProcess>();
  build("src/cli.ts", join(top, "dist"));
  build("bench/worker.ts", join(top, "worker"));
  let folders = 0;

  function start(command: string, args: string[], env: Record<string, string> = {}): ChildProcess {
    const child = spawn(command, args, { cwd: top, env: { ...plainEnv(), ...env } });
    children.add(child);
    child.once("exit", () => children.delete(child));
    child.stderr!.pipe(process.stderr);
    return child;
  }

  async function worker<Request, Answer>(job: string, settings: object, options: WorkerOptions = {}) {
    const script = join(top, "worker/cli.js");
    const command =
      options.runtime === "deno"
        ? [denoPath(), "run", "-A", "--no-check", script]
        : [process.execPath, script];
    const limited =
      options.maxOpenFiles === undefined
        ? command
        : ["sh", "-c", `ulimit -n ${options.maxOpenFiles}; exec "$@"`, "sh", ...command];
    const child = start(limited[0]!, [...limited.slice(1), job], options.env);
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    async function ask(request: unknown): Promise<Answer> {
      child.stdin!.write(`${JSON.stringify(request)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`the worker ${job} ended (see above)`);
      return JSON.parse(value) as Answer;
    }
    const ready = (await ask(settings)) as Record<string, unknown>;
    return { pid: child.pid!, ready, ask, stop: () => end(child) } as Worker<Request, Answer>;
  }

  async function sweep(): Promise<void> {
    await Promise.all([...children].map(end));
  }

  return {
    quick,
    cli: join(top, "dist/cli.js"),
    folder(word) {
      const path = join(top, `${word}-${folders++}`);
      mkdirSync(path);
      return path;
    },
    worker,
    start,
    sweep,
    async close() {
      await sweep();
      rmSync(top, { recursive: true, force: true });
    },
  };
}

function build(entry: string, out: string): void {
  const script = join(ROOT, "scripts/build.ts");
  const args = ["--import", "tsx", script, "--entry", join(ROOT, entry), "--out", out];
  const built = spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8" });
  if (built.status !== 0) throw new Error(`the build of ${entry} failed:\n${built.stderr}`);
}

/** No settings of the person who runs the bench. */
export function plainEnv(): Record<string, string> {
  const { PATH = "", HOME = "" } = process.env;
  return { PATH, HOME, DENO_NO_UPDATE_CHECK: "1" };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

/** Where the npm package has put the runtime. */
function denoPath(): string {
  return join(ROOT, "node_modules/.bin/deno");
}

export function hasDeno(): boolean {
  return spawnSync(denoPath(), ["--version"]).status === 0;
}

export const pause = (waitMs: number) => new Promise((done) => setTimeout(done, waitMs));
