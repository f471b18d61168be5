/** A Docker engine of a test's own, with a small disk that can be filled, and that can be ended and started again. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testImage } from "../engine.ts";
import { maySkip } from "../installed.ts";
import { until } from "./engine.ts";
import { end } from "./host.ts";

export interface SecondEngine {
  /** For `DOCKER_HOST`. */
  host: string;
  /** The image with busybox, which it has. */
  image: string;
  docker(...args: string[]): Promise<string>;
  /** Leaves not a byte. */
  fill(): void;
  free(): void;
  start(): Promise<void>;
  /** As `systemctl stop docker` does. */
  stop(): Promise<void>;
  remove(): Promise<void>;
}

/** Why it cannot run here. */
export function skipWithoutSecondEngine(): string | false {
  const isThere = spawnSync("sh", ["-c", "command -v dockerd && command -v unshare"]).status === 0;
  if (isThere && process.getuid?.() === 0) return false;
  return maySkip && "a second engine needs root and dockerd";
}

/** Its data lie in memory: on a tmpfs of this size. In a network namespace of its own it touches no rules of the host. */
export async function secondEngine(sizeMib = 48): Promise<SecondEngine> {
  const folder = mkdtempSync(join(tmpdir(), "spreadpilot-e2e-engine-"));
  const path = (name: string) => join(folder, name);
  const host = `unix://${path("socket")}`;
  const image = testImage();
  mkdirSync(path("data"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${sizeMib}m`, "tmpfs", path("data")]);
  let daemon: ChildProcess | undefined;
  const run = (args: string[], input?: Buffer) =>
    new Promise<string>((resolve, reject) => {
      const child = spawn("docker", ["-H", host, ...args], { stdio: ["pipe", "pipe", "pipe"] });
      let stdout = "";
      let stderr = "";
      child.stdout.on("data", (text) => (stdout += text));
      child.stderr.on("data", (text) => (stderr += text));
      child.on("close", (code) => (code === 0 ? resolve(stdout.trim()) : reject(new Error(stderr))));
      child.stdin.end(input);
    });
  const engine: SecondEngine = {
    host,
    image,
    docker: (...args) => run(args),
    fill() {
      const chunk = Buffer.alloc(1024 * 1024);
      for (let i = 0; i < 2 * sizeMib; i++) {
        try {
          writeFileSync(path("data/filling"), chunk, { flag: "a" });
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
          return;
        }
      }
      throw new Error("the disk does not get full");
    },
    free: () => truncateSync(path("data/filling")),
    async start() {
      const log = openSync(path("log"), "a");
      const dirs = ["--data-root", path("data"), "--exec-root", path("exec"), "--pidfile", path("pid")];
      // Nor does it touch the first engine's containers in their containerd.
      const names = ["--containerd-namespace", "apart", "--containerd-plugins-namespace", "apart-plugins"];
      const apart = ["--net", "dockerd", "--bridge=none", "--iptables=false", "-H", host, ...dirs, ...names];
      daemon = spawn("unshare", apart, { stdio: ["ignore", log, log] });
      closeSync(log);
      await until("the second engine", 30_000, () => run(["version", "--format", "{{.Server.Version}}"]));
    },
    async stop() {
      if (daemon) await end(daemon);
    },
    async remove() {
      await engine.stop();
      spawnSync("umount", ["--lazy", path("data")]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await engine.start();
    await run(["load"], execFileSync("docker", ["save", image], { maxBuffer: 64 * 1024 * 1024 }));
  } catch (error) {
    await engine.remove();
    throw error;
  }
  return engine;
}
