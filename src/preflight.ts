/** Tells at the start what people would otherwise learn only when a service fails. Nothing here stops the start. */
import type { Config } from "./config/config.ts";
import type { Ports, Restarter } from "./plugin/contract.ts";
import type { Registry } from "./plugin/registry.ts";
import { withDeadline } from "./system/clock.ts";
import { errorText } from "./system/log.ts";
import { shortestIntervalMs } from "./tick/intervals.ts";
import { awaitedIn, awaitedText } from "./tick/services.ts";

export interface Notice {
  level: "info" | "warn";
  text: string;
  about?: "dry run" | "receiver" | "schedule" | "discovery" | "engine";
}

/** If the engine hangs, only these notices are lost: the tick reports the engine itself. */
const LOOK_MS = 2000;
const MOST_NAMES = 10;

/** Notices that follow from the configuration alone. `url` is where the server listens. */
export function noticesOf(config: Config, registry: Registry, url: string): Notice[] {
  const notices: Notice[] = [];
  const warn = (about: NonNullable<Notice["about"]>, text: string) =>
    void notices.push({ level: "warn", text, about });
  const dry = [...config.services.values()].filter(({ dryRun }) => dryRun).map(({ name }) => name);
  if (config.dryRun) {
    warn(
      "dry run",
      "dry run: no service is restarted, whatever fails; to restart them, unset DRY_RUN (dryRun)",
    );
  } else if (dry.length > 0) {
    warn(
      "dry run",
      `dry run: not restarted, whatever fails: ${listed(dry)}; to restart them, remove their dryRun`,
    );
  }
  if (registry.sinks.size === 0) {
    warn(
      "receiver",
      "no receiver is configured: alerts appear only in this log; set WEBHOOK_URL or another (docs/alerts.md)",
    );
  }
  if (!config.cron) {
    const everyS = shortestIntervalMs(config) / 1000;
    warn(
      "schedule",
      `the internal cron is off: services are checked only when something calls POST ${url}/tick; call it every ${everyS} s, or unset WATCHDOG_CRON (plugins.cron)`,
    );
  }
  const awaited = awaitedIn(config, registry);
  if (awaited.length > 0) warn("discovery", awaitedText(awaited));
  return notices;
}

/**
 * Loads the modules that are needed when a service fails. At that moment there may be no file descriptor left, or the
 * program on disk may have been replaced, and an import that failed once fails until the process ends. Returns what
 * cannot be loaded; never rejects.
 */
export async function loadAhead(
  watchdog: { prepare(): Promise<unknown> },
  registry: Registry,
): Promise<Notice[]> {
  const sending = { name: "sending alerts", prepare: watchdog.prepare };
  const parts = [sending, ...registry.restarters.values(), ...registry.sinks.values()];
  const notices: Notice[] = [];
  for (const part of parts) {
    const load = async () => part.prepare?.();
    await load().catch((error) => {
      const text = `${part.name} will not work, because a part of the program cannot be loaded: ${errorText(error)}; install the watchdog again and restart it`;
      notices.push({ level: "warn", text });
    });
  }
  return notices;
}

/** Asks the restarters once whether the configured containers exist. Takes 2 s at most; never rejects. */
export async function lookAtContainers(config: Config, registry: Registry, ports: Ports): Promise<Notice[]> {
  const over = new AbortController();
  const looks = Promise.all(
    [...containersByRestarter(config, registry)].map(([restarter, services]) =>
      look(restarter, services, over.signal),
    ),
  );
  let notices: Notice[] = [
    { level: "warn", text: `the containers could not be inspected in ${LOOK_MS / 1000} s` },
  ];
  await withDeadline(
    ports.clock,
    LOOK_MS,
    looks.then((found) => {
      notices = found.flat();
    }),
  );
  over.abort("looked long enough");
  return notices;
}

/** For each restarter: the services that it restarts or stops, with their containers. */
function containersByRestarter(config: Config, registry: Registry): Map<Restarter, Map<string, string>> {
  const groups = new Map<Restarter, Map<string, string>>();
  for (const [name, { container, action }] of config.services) {
    const restarter = registry.restarters.get(config.targets.get(name)!.restarter);
    if (restarter?.inspect === undefined || container === "") continue;
    if (action !== "restart" && action !== "stop") continue;
    const group = groups.get(restarter) ?? new Map<string, string>();
    groups.set(restarter, group.set(name, container));
  }
  return groups;
}

async function look(
  restarter: Restarter,
  services: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<Notice[]> {
  const ask = async () => restarter.inspect!([...services.values()], signal);
  const found = await ask().catch((error) => ({ ok: false as const, reason: errorText(error) }));
  if (!found.ok) {
    const text = `the containers cannot be inspected, and nothing can be restarted: ${found.reason}`;
    return [{ level: "warn", text, about: "engine" }];
  }
  const missing = [...services].filter(([, container]) => !Object.hasOwn(found.containers, container));
  if (missing.length === 0) return [];
  const names = listed(missing.map(([name, container]) => `${container} (of ${name})`));
  const what = missing.length === 1 ? "this container does not exist" : "these containers do not exist";
  const text = `${what}, so nothing can be restarted: ${names}; create what is missing, or correct "container" in the configuration`;
  return [{ level: "warn", text }];
}

/** At most ten names, and how many more there are. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).join(", ");
  return names.length > MOST_NAMES ? `${shown} and ${names.length - MOST_NAMES} more` : shown;
}
