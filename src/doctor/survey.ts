/** What is watched and how, and what of it is not there: for the start, and for the doctor. */
import type { Config } from "../config/config.ts";
import { isRecord } from "../core/record.ts";
import type { Ports } from "../plugin/contract.ts";
import { listed, lookAtContainers, type Notice } from "../preflight.ts";
import { createFinder } from "../tick/discovery.ts";
import type { Configured } from "../tick/roster.ts";
import { lookAtNames } from "./names.ts";

export interface Surveyed {
  /** With the services and containers that were found on this host. */
  config: Config;
  notices: Notice[];
}

/** Beside the start: bounded in time, never rejects. `config` as it was loaded. */
export async function survey({ config: base, registry }: Configured, ports: Ports): Promise<Surveyed> {
  const looked = await createFinder(ports).look({ config: base, registry }, () => true);
  const merged = looked.kind === "merged" ? looked.merged : undefined;
  const config = merged?.config ?? base;
  const notices: Notice[] = [];
  const isOn = [...registry.discoverers.values()].some((one) => one.isOn);
  const add = (text: string, level: Notice["level"] = "warn") =>
    void notices.push({ level, text, ...(isOn && { about: "discovery" as const }) });
  if (looked.kind === "failed" && looked.isOn) add(`services on this host cannot be found: ${looked.reason}`);
  for (const { name, why } of merged?.unresolved ?? []) {
    add(`${name} is not restarted, because ${why}: name its "container", or set "action" to "notify"`);
  }
  for (const { container, faults } of merged?.refused ?? []) {
    const all = faults.map(({ label, found, accepted }) => `${label}: found ${found}, accepted: ${accepted}`);
    add(`the container ${container} is not watched: ${all.join("; ")}`);
  }
  if (merged && merged.leftOut.length > 0) {
    const text = `not watched, because nothing of them is on this host: ${merged.leftOut.join(", ")} (built-in services)`;
    add(text, "info");
  }
  const [containers, names] = await Promise.all([
    lookAtContainers(config, registry, ports),
    lookAtNames(config, registry, ports),
  ]);
  return { config, notices: [...notices, ...containers, ...names] };
}

/** `5 services: 4 by http, 1 by docker; 2 in /etc/watchdog.config.yaml, 3 found on this host`. */
export function summaryOf(config: Config): string {
  const { size } = config.services;
  return `${size} ${size === 1 ? "service" : "services"}: ${howWatched(config)}`;
}

/** Counts by check and by origin, and what is never restarted. */
export function howWatched({ services, targets, serviceSource, source }: Config): string {
  const { said } = serviceSource.file;
  const names = [...services.keys()];
  const checks = new Map<string, number>();
  for (const { check } of targets.values()) checks.set(check, (checks.get(check) ?? 0) + 1);
  const byCheck = [...checks].sort((a, b) => b[1] - a[1]).map(([check, count]) => `${count} by ${check}`);
  const here = names.filter((name) => isRecord(said.services) && Object.hasOwn(said.services, name)).length;
  const origins = [
    ...(here > 0 ? [`${here} ${serviceSource.isBuiltIn ? "" : "in "}${source}`] : []),
    ...(names.length > here ? [`${names.length - here} found on this host`] : []),
  ];
  const quiet = [...services.values()].filter(({ action }) => action === "notify" || action === "none");
  const rest = quiet.length === 0 ? [] : [`never restarted: ${listed(quiet.map(({ name }) => name))}`];
  return [byCheck, origins, rest]
    .map((part) => part.join(", "))
    .filter(Boolean)
    .join("; ");
}
