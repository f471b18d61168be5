/** A real Redis server of a test's own: on a free loopback port, in a folder of its own, ended by its process. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createClient } from "redis";
import { freePort } from "../installed.ts";

export interface RedisServer {
  port: number;
  /** Starts it, on the same port and with the same data each time. */
  start(): Promise<void>;
  /** Stops it and keeps the data: in order, or as a crash does. */
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  url: string;
  /** Takes all data away. */
  empty(): Promise<void>;
  /** Stops it and takes the data away. */
  remove(): Promise<void>;
}

/** Every write is in the append-only file before it is answered. */
export async function makeRedisServer(settings: readonly string[] = []): Promise<RedisServer> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "watchdog-redis-"));
  let child: ChildProcess | undefined;

  async function stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const running = child;
    child = undefined;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, "exit");
    running.kill(signal);
    await ended;
  }

  const url = `redis://127.0.0.1:${port}`;
  return {
    port,
    url,
    async empty() {
      const client = await createClient({ url }).connect();
      await client.flushAll();
      client.destroy();
    },
    async start() {
      const place = ["--bind", "127.0.0.1", "--port", String(port), "--dir", folder];
      const keep = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
      const started = spawn("redis-server", [...place, ...keep, ...settings], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      child = started;
      await ready(started);
    },
    stop,
    async remove() {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`redis-server ended with ${code} before it was ready`)));
    createInterface({ input: child.stdout! }).on("line", (line) => {
      if (line.includes("Ready to accept connections")) resolve();
    });
  });
}
