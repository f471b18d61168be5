import { emptyOutbox } from "../core/outbox.ts";
import type { ServiceState, WatchdogState } from "../core/state.ts";
import { emptyState, newService } from "../core/state.ts";

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const STATUSES = new Set(["unknown", "healthy", "failing", "restarting", "verifying", "down"]);

/**
 * The state from what a file held. Fields that an older version did not know get their defaults; what
 * is not of this shape is left out, and said in `trouble`.
 */
export function restoreState(opened: { loaded?: unknown; setAside?: { path: string; reason: string } }): {
  state: WatchdogState;
  trouble?: string;
} {
  const empty = emptyState();
  if (opened.setAside) {
    const { path, reason } = opened.setAside;
    const trouble = `the state file could not be read (${reason}); it is kept as ${path}, and the watchdog starts afresh`;
    return { state: empty, trouble };
  }
  if (!isObject(opened.loaded)) return { state: empty };
  const loaded = opened.loaded as Partial<WatchdogState>;
  const services: Record<string, ServiceState> = {};
  const dropped: string[] = [];
  for (const [name, service] of Object.entries(isObject(loaded.services) ? loaded.services : {})) {
    if (isObject(service) && STATUSES.has(String(service.status)) && Array.isArray(service.restarts ?? [])) {
      services[name] = { ...newService(0), ...service };
    } else dropped.push(name);
  }
  const outbox = isObject(loaded.outbox) && Array.isArray(loaded.outbox.entries) ? loaded.outbox : {};
  const state: WatchdogState = {
    ...empty,
    ...loaded,
    services,
    troubles: isObject(loaded.troubles) ? loaded.troubles : {},
    outbox: { ...emptyOutbox(), ...outbox },
  };
  if (dropped.length === 0) return { state };
  const names = dropped.slice(0, 5).join(", ");
  return { state, trouble: `the state file's records of ${names} make no sense and were dropped` };
}
