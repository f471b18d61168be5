/** The docker client as the end-to-end tests use it, and the removal, by id, of all that they made. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { maySkip } from "../installed.ts";

/** Tells what this run made from what others made; begins with the pid, so that a dead run can be told. */
const RUN = `${process.pid}-${Date.now().toString(36)}`;
const LABEL = "spreadpilot.e2e";
/** On all that this run makes. */
export const RUN_LABEL = `${LABEL}=${RUN}`;
let names = 0;
const made: { kind: "container" | "network" | "volume"; id: string; name?: string }[] = [];

/** What the client printed, trimmed. Rejects with what it complained of. */
export function docker(...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile("docker", args, { maxBuffer: 32 * 1024 * 1024, timeout: 300_000 }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout.trim());
      // A failed build says why on the standard output.
      const said = `${stdout.slice(-2000)}\n${stderr.slice(-2000)}`.trim();
      reject(new Error(`docker ${args.slice(0, 4).join(" ")}: ${said || error.message}`));
    });
  });
}

/** Both streams of a container's log. */
export function logsOf(id: string): Promise<string> {
  return new Promise((resolve) => {
    execFile("docker", ["logs", id], { maxBuffer: 32 * 1024 * 1024 }, (_, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}

/**
 * Why these tests cannot run here, for node:test's `skip`; `false` when they can. Where they must run (in
 * CI, or with REQUIRE_DOCKER=1) it is always `false`, so that a missing engine fails them.
 */
export async function skipWithoutEngine(): Promise<string | false> {
  if (!maySkip) return false;
  try {
    await docker("version", "--format", "{{.Server.Version}}");
    return false;
  } catch {
    return "no Docker engine answers here: start one, or set REQUIRE_DOCKER=1 to make this a failure";
  }
}

/**
 * Creates and starts a container, labelled and removed by `removeAll`. `files`, by path, are in it before it
 * starts. Returns its id.
 */
export async function runContainer(
  name: string,
  args: string[],
  files: Record<string, string> = {},
): Promise<string> {
  await removeDeadRunsContainer(name);
  const id = await docker("create", "--name", name, "--label", RUN_LABEL, ...args);
  made.push({ kind: "container", id, name });
  for (const [path, content] of Object.entries(files)) await copyInto(id, path, content);
  await docker("start", id);
  return id;
}

async function copyInto(id: string, path: string, content: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "spreadpilot-e2e-"));
  try {
    writeFileSync(join(folder, "file"), content, { mode: 0o644 });
    await docker("cp", join(folder, "file"), `${id}:${path}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export async function createNetwork(): Promise<string> {
  const id = await docker("network", "create", "--label", RUN_LABEL, uniqueName("net"));
  made.push({ kind: "network", id });
  return id;
}

export async function createVolume(): Promise<string> {
  const id = await docker("volume", "create", "--label", RUN_LABEL, uniqueName("data"));
  made.push({ kind: "volume", id });
  return id;
}

export function uniqueName(what: string): string {
  names += 1;
  return `spreadpilot-e2e-${what}-${RUN}-${names}`;
}

/** Removes all that this run made: containers first, for they hold the rest. What is gone is no fault. */
export async function removeAll(): Promise<void> {
  const all = made.splice(0);
  for (const kind of ["container", "network", "volume"] as const) {
    const ids = all.filter((one) => one.kind === kind).map(({ id }) => id);
    if (ids.length === 0) continue;
    const command = kind === "container" ? ["rm", "-f", "-v"] : [kind, "rm"];
    await docker(...command, ...ids).catch((error: Error) => {
      if (!/no such|not found/i.test(error.message)) console.error(`left behind: ${error.message}`);
    });
  }
}

/** A test that was killed leaves its containers behind. Anybody else's container of that name stays. */
async function removeDeadRunsContainer(name: string): Promise<void> {
  const found = await docker("inspect", "-f", `{{.Id}} {{index .Config.Labels "${LABEL}"}}`, name).catch(
    () => "",
  );
  if (!found) return;
  const [id = "", run = ""] = found.split(" ");
  const pid = Number.parseInt(run, 10);
  if (!Number.isInteger(pid) || isAlive(pid)) {
    throw new Error(
      `a container named ${name} exists (${id.slice(0, 12)}), and the tests need that name: ` +
        `stop what uses it, or remove it with "docker rm -f ${id.slice(0, 12)}"`,
    );
  }
  await docker("rm", "-f", "-v", id);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Asks until `probe` gives something, and resolves to it. Rejects with `what` and the last answer's text. */
export async function until<T>(
  what: string,
  timeoutMs: number,
  probe: () => Promise<T | undefined | false>,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let last = "";
  while (Date.now() < deadline) {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      // It will not come back by itself: its log says more than a deadline would.
      const [, ended] = /container (\w{12,}) is not running/i.exec(text) ?? [];
      if (ended) throw new Error(`waited for ${what}, but the container has ended: ${await logsOf(ended)}`);
      last = `; the last try: ${text}`;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`waited ${timeoutMs / 1000} s for ${what}${last}\n${await watchdogsLogs()}`);
}

async function watchdogsLogs(): Promise<string> {
  const watchdogs = made.filter(({ name }) => name?.includes("watchdog"));
  const logs = await Promise.all(
    watchdogs.map(async ({ id, name }) => `log of ${name}:\n${await logsOf(id)}`),
  );
  return logs.join("\n");
}
