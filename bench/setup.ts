/** A configuration in a folder of its own, and the environment that leads the watchdog to it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TickAnswer } from "./jobs/watchdog.ts";
import { type Lab, pause } from "./lab.ts";

export interface Urls {
  healthy: string[];
  failing: string[];
  hanging: string[];
  greeting: string[];
  refusing: string[];
}

/** Stand-ins for services, in a process of their own. Their file limit is the bench's own. */
export async function endpoints(lab: Lab, counts: Partial<Record<keyof Urls, number>>): Promise<Urls> {
  const { ready } = await lab.worker("endpoints", counts);
  return ready as unknown as Urls;
}

/** Services that are only watched, named by kind and number: `healthy-7`. */
export function watched(urls: Partial<Urls>, settings: object = {}): Record<string, object> {
  const services: Record<string, object> = {};
  for (const [kind, list] of Object.entries(urls)) {
    list.forEach((url, i) => {
      services[`${kind}-${i}`] = { url, action: "notify", interval: "100ms", ...settings };
    });
  }
  return services;
}

export function configure(
  lab: Lab,
  services: Record<string, object>,
  rest: { plugins?: object; [key: string]: unknown } = {},
): Record<string, string> {
  const folder = lab.folder("watchdog");
  const path = join(folder, "watchdog.config.json");
  writeFileSync(path, JSON.stringify({ ...(Object.keys(services).length > 0 && { services }), ...rest }));
  return {
    WATCHDOG_CONFIG: path,
    STATE_FILE: join(folder, "state.json"),
    WATCHDOG_CRON: "false",
    LOG_LEVEL: "error",
  };
}

/** A watchdog in a process of its own. Each call is one tick, which has to find all of its services healthy. */
export async function ticks(
  lab: Lab,
  env: Record<string, string>,
  count: number,
  settings: { followed?: boolean } = {},
): Promise<() => Promise<TickAnswer>> {
  const worker = await lab.worker<object, TickAnswer>("watchdog", settings, { env });
  return async () => {
    await pause(120);
    const answer = await worker.ask({});
    const { checked, healthy } = answer.counts;
    if (checked !== count || healthy !== count) {
      throw new Error(`${checked} of ${count} were checked, and ${healthy} are healthy`);
    }
    return answer;
  };
}
