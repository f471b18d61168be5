/** Takes over the processes that an earlier watchdog of the same state started and could not end. */
import type { Clock, Log, ServiceTarget } from "../../src/plugin.ts";
import { type Child, endChild, endOf, endOne, type ProcessSettings } from "./child.ts";
import type { Memory, Remembered } from "./memory.ts";
import type { Proc } from "./proc.ts";

interface Member {
  child: Child;
  /** The fields mean the same as in `Remembered`. */
  word: string;
  settings: string;
  stopTimeoutMs: number;
}

export interface Household {
  /** By service, at most one for each. */
  members: Map<string, Member>;
  clock: Clock;
  log: Log;
  proc: Proc;
}

/** `docker stop` kills after 10 s, and the watchdog must also save its state, so its children get less. */
export const LONGEST_GOODBYE_MS = 5000;

type Target = ServiceTarget<ProcessSettings>;

/**
 * Takes over what still runs. If a process has ended, its remaining workers are ended too. Processes of services that
 * no longer exist are ended, whoever started them.
 */
export async function inherit(house: Household, memory: Memory, services: readonly Target[]): Promise<void> {
  const { members, proc } = house;
  const byName = new Map(services.map((service) => [service.name, service]));
  const written = memory.recall();
  for (const found of [...written, ...(await memory.search())]) {
    const service = byName.get(found.service);
    const known = members.get(found.service)?.child;
    const isRunning = known !== undefined && endOf(known, proc) === undefined;
    if (service && !isRunning) await adopt(house, memory, found, service.options);
    else if (service) await warnOfEarlierSettings(house, found, service.options);
  }
  if (members.size > 0 || !memory.isOurs()) memory.keep(members);
  const orphans = written.filter(({ service }) => !byName.has(service));
  await Promise.all(orphans.map((orphan) => dismiss(house, orphan)));
  const dismissed = orphans.filter(({ service }) => members.delete(service));
  if (dismissed.length > 0) memory.keep(members);
}

async function adopt(house: Household, memory: Memory, found: Remembered, options: ProcessSettings) {
  const { service, pid, start, word, settings } = found;
  const child: Child = { pid, start };
  house.members.set(service, { child, word, settings, stopTimeoutMs: options.stopTimeout });
  if (endOf(child, house.proc) !== undefined) return endWorkers(house, memory, service);
  house.log.info(`took over process ${pid} of ${service}, which an earlier watchdog had started`, {
    service,
  });
  await warnOfEarlierSettings(house, { pid, service, settings }, options);
}

async function warnOfEarlierSettings(
  { log }: Household,
  { pid, service, settings }: Pick<Remembered, "pid" | "service" | "settings">,
  options: ProcessSettings,
) {
  if (settings === "" || settings === (await digestOf(options))) return;
  log.warn(
    `process ${pid} of ${service} runs with earlier settings; a restart applies the new ones (POST /services/${service}/restart)`,
    { service },
  );
}

/** Ends a process whose service is no longer in the configuration: nobody else would. */
async function dismiss(house: Household, { service, pid, start }: Remembered): Promise<void> {
  const child: Child = { pid, start };
  if (endOf(child, house.proc) !== undefined) return;
  const { end } = await endChild(child, LONGEST_GOODBYE_MS, house);
  const what = end === "stuck" ? "could not be ended" : "was ended";
  house.log.warn(
    `process ${pid} ${what}: it was started for ${service}, which is no longer in the configuration`,
  );
}

/** A process that was taken over may have ended unnoticed. Its workers would keep its port. */
export async function endWorkers(
  { members, proc }: Household,
  memory: Memory,
  service: string,
): Promise<void> {
  const { child, word } = members.get(service)!;
  if (child.end !== undefined) return;
  for (const worker of await memory.leftBy({ service, pid: child.pid, word })) endOne(worker, proc);
}

/**
 * A digest of the settings that a process was started with. The environment may hold secrets, so the settings
 * themselves are not written down.
 */
export async function digestOf(settings: ProcessSettings): Promise<string> {
  const { createHash } = await import("node:crypto");
  const { command, args, cwd, env, logFile } = settings;
  const text = JSON.stringify([command, args, cwd, Object.entries(env).sort(), logFile]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
