/** Debian's Alertmanager on a free port of loopback, with a folder of its own; what it tells goes to `receiver`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort, pathOf } from "../installed.ts";

interface Firing {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  endsAt: string;
  generatorURL: string;
}

export interface AlertmanagerServer {
  url: string;
  /** What fires now, as its own API tells. */
  firing(): Promise<Firing[]>;
  stop(): Promise<void>;
}

/** It takes an alert without an end for over when it was not posted for `resolveTimeoutMs`. */
export async function startAlertmanager(
  resolveTimeoutMs: number,
  receiver: string,
): Promise<AlertmanagerServer> {
  const folder = await mkdtemp(join(tmpdir(), "watchdog-alertmanager-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const config = {
    global: { resolve_timeout: `${resolveTimeoutMs}ms` },
    route: {
      receiver: "test",
      group_by: ["..."],
      group_wait: "10ms",
      group_interval: "100ms",
      repeat_interval: "1h",
      // As everybody's routes have it.
      routes: [{ receiver: "nobody", match_re: { severity: "CRITICAL|INFO|" } }],
    },
    receivers: [
      { name: "test", webhook_configs: [{ url: receiver, send_resolved: true }] },
      { name: "nobody" },
    ],
  };
  // JSON is YAML.
  await writeFile(join(folder, "config.yml"), JSON.stringify(config));
  const args = [
    `--config.file=${folder}/config.yml`,
    `--storage.path=${folder}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--cluster.listen-address=",
  ];
  const child = spawn(pathOf("prometheus-alertmanager"), args, { stdio: "ignore" });
  const ended = once(child, "exit");

  async function stop(): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    await ended;
    await rm(folder, { recursive: true, force: true });
  }

  const isReady = async () => (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok;
  while (!(await isReady())) {
    if (child.exitCode !== null) throw new Error(`prometheus-alertmanager ended with ${child.exitCode}`);
    await delay(50);
  }
  return {
    url,
    async firing() {
      const answer = await fetch(`${url}/api/v2/alerts`);
      return (await answer.json()) as Firing[];
    },
    stop,
  };
}
