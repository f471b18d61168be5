import type { OutboxState } from "../core/outbox.ts";
import { emptyOutbox, reopen } from "../core/outbox.ts";
import type { Outage, ServiceState, WatchdogState } from "../core/state.ts";
import { emptyState, newService } from "../core/state.ts";

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const STATUSES = new Set(["unknown", "healthy", "failing", "restarting", "verifying", "down"]);

const EMPTY_OUTAGE: Outage = {
  id: "inc_unknown",
  startedAt: 0,
  failures: 0,
  firstReason: "",
  restarts: 0,
  restarted: "no",
  toldAt: 0,
  remindedAt: 0,
  log: [],
};

/** What is known of `shape` in `value`: a field of another kind gets the shape's own, unknown ones are kept. */
function fit<T extends object>(shape: T, value: Record<string, unknown>): T {
  const fitted: Record<string, unknown> = { ...value };
  for (const [key, own] of Object.entries(shape)) {
    const found = value[key];
    if (Array.isArray(own)) fitted[key] = Array.isArray(found) ? found.filter(isObject) : own;
    else if (own === null || isObject(own)) fitted[key] = isObject(found) ? found : own;
    else fitted[key] = typeof found === typeof own ? found : own;
  }
  return fitted as T;
}

function restoreService(value: Record<string, unknown>): ServiceState {
  const service = fit(newService(0), value);
  if (service.outage !== null) service.outage = fit(EMPTY_OUTAGE, { ...service.outage });
  // A restart without its record, or the reverse, cannot be settled.
  if (service.status === "restarting" && service.restart === null) service.status = "unknown";
  return service;
}

function restoreOutbox(value: unknown): OutboxState {
  if (!isObject(value)) return emptyOutbox();
  const outbox = reopen(fit(emptyOutbox(), value));
  const isEntry = ({ id, sink, alert }: { id: unknown; sink: unknown; alert: unknown }) =>
    typeof id === "string" && typeof sink === "string" && isObject(alert);
  return { ...outbox, entries: outbox.entries.filter(isEntry), dead: outbox.dead.filter(isEntry) };
}

/**
 * The state from what a file held. Fields that an older version did not know get their defaults; what
 * is not of this shape is left out, and said in `trouble`.
 */
export function restoreState(opened: { loaded?: unknown; setAside?: { path: string; reason: string } }): {
  state: WatchdogState;
  trouble?: string;
} {
  const empty = emptyState();
  if (opened.setAside)
    return { state: empty, trouble: `the state file could not be used: ${opened.setAside.reason}` };
  if (!isObject(opened.loaded)) return { state: empty };
  const { loaded } = opened;
  const services: Record<string, ServiceState> = {};
  const dropped: string[] = [];
  for (const [name, service] of Object.entries(isObject(loaded.services) ? loaded.services : {})) {
    if (isObject(service) && STATUSES.has(String(service.status))) services[name] = restoreService(service);
    else dropped.push(name);
  }
  const { version: _, ...known } = loaded;
  const state: WatchdogState = { ...fit(empty, known), services, outbox: restoreOutbox(loaded.outbox) };
  if (dropped.length === 0) return { state };
  const names = dropped.slice(0, 5).join(", ");
  return { state, trouble: `the state file's records of ${names} make no sense and were dropped` };
}
