/** The services, and the part of the configuration that follows from them. */

import type { Config, ServiceSource } from "./config.ts";
import { joinPath } from "./fault.ts";
import type { Layer } from "./layers.ts";
import { checkWindows, toWindow } from "./maintenance.ts";
import { type RelationFault, relationFaults, takeAwaited } from "./relations.ts";
import { readServices } from "./services.ts";

/** Most that a tick waits for the restarts that it began, unless set. */
const TICK_BUDGET_MS = 10_000;

type OfServices = Pick<
  Config,
  "services" | "awaited" | "targets" | "maintenance" | "tickBudgetMs" | "sections" | "secrets"
>;

/**
 * `between`: layers that are weaker than what the file says of a service and stronger than its defaults, by service.
 * `wanted` is false when nothing is known of the services.
 */
export async function readServicePart(
  source: ServiceSource,
  wanted: boolean,
  between: ReadonlyMap<string, Layer> = new Map(),
) {
  const { declarations, dryRun } = source;
  const services = readServices(source.file, declarations, source.fromEnv, wanted, between);
  const { read, names } = services;
  const faults: RelationFault[] = [...services.faults, ...relationFaults(read, names, source.mayFind)];
  const awaited = source.mayFind ? takeAwaited(read, names) : [];
  const maintenance = [...source.maintenance];
  for (const [name, { windows }] of read) {
    maintenance.push(...windows.map((window) => toWindow(window, name)));
    faults.push(...(await checkWindows(windows, joinPath(["services", name, "maintenance"]))));
  }
  const policies = [...read].map(([name, { policy }]) => [name, policy] as const);
  // A tick that waits longer than an interval would keep its services from being checked on time.
  const shortestMs = Math.min(TICK_BUDGET_MS, ...policies.map(([, { intervalMs }]) => intervalMs));
  const config: OfServices = {
    services: new Map(policies.map(([name, one]) => [name, { ...one, dryRun: dryRun || one.dryRun }])),
    awaited,
    targets: new Map([...read].map(([name, { target }]) => [name, target])),
    maintenance,
    tickBudgetMs: source.tickBudgetMs ?? shortestMs,
    sections: services.sections,
    secrets: [...services.secrets],
  };
  return { config, read, names, faults };
}
