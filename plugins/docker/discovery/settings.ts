/** The settings of a service, each with what it comes from. Pure. */
import { type Ask, HEALTHCHECK } from "./ask.ts";
import type { DiscoveredSettings, Origins, Service } from "./contract.ts";
import type { Dependencies, Named } from "./dependencies.ts";
import type { Switched } from "./switched.ts";
import type { Saying } from "./vocabulary.ts";

/** A container that labels switched on, and how it is asked. */
export interface Candidate extends Named {
  /** What its name comes from. */
  namedBy: string;
  by: Extract<Switched, { kind: "on" }>;
  ask: Ask;
}

/** Key by key: what labels say, then what the way of asking brings along. */
export function toService(candidate: Candidate, dependencies: Dependencies): Service {
  const { view, name, said, by, ask } = candidate;
  const settings: DiscoveredSettings = { check: ask.check };
  const origins: Origins = { check: ask.by };
  function set<K extends keyof DiscoveredSettings>(
    key: K,
    saying: Saying<NonNullable<DiscoveredSettings[K]>> | undefined,
    path: string = key,
  ): void {
    if (saying === undefined) return;
    settings[key] = saying.value;
    origins[path] = saying.by;
  }
  // The engine has counted the retries of a HEALTHCHECK already.
  const counted = ask.by === HEALTHCHECK ? { value: 1, by: HEALTHCHECK } : undefined;
  const stop = said.stopTimeout;
  const { on, by: dependsOnBy } = dependencies;
  const status = ask.status ?? USUAL_STATUS;
  set("url", ask.url === undefined ? undefined : { value: ask.url, by: ask.by });
  set("http", status === USUAL_STATUS ? undefined : { value: { status }, by: ask.by }, "http.status");
  set("interval", said.interval ?? ask.interval);
  set("timeout", said.timeout ?? ask.timeout);
  set("startPeriod", said.startPeriod);
  set("failureThreshold", said.failureThreshold ?? counted);
  set("action", said.action);
  set("group", said.group);
  set("displayName", said.displayName);
  set("docker", stop && { value: { stopTimeout: stop.value }, by: stop.by }, "docker.stopTimeout");
  if (on.length > 0 || said.dependsOn) set("dependsOn", { value: on, by: dependsOnBy! });
  // Other healers touch no container that a person stopped.
  if (by.dialect) set("respectManualStop", { value: true, by: by.by });
  return { kind: "service", name, container: view.name, settings, origins, absent: dependencies.absent };
}

const USUAL_STATUS = 200;
