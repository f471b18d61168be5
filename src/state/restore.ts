/** Makes a valid state of whatever a state file contains. */
import type { OutboxState } from "../core/outbox.ts";
import { emptyOutbox, reopen } from "../core/outbox.ts";
import { isRecord, record } from "../core/record.ts";
import type { Outage, Remembered, ServiceState, UncheckedService, WatchdogState } from "../core/state.ts";
import { emptyState, newService, withFittingStatus } from "../core/state.ts";

const STATUSES = new Set(["unknown", "healthy", "failing", "restarting", "verifying", "down"]);

const EMPTY_OUTAGE: Outage = {
  id: "inc_unknown",
  startedAt: 0,
  failures: 0,
  firstReason: "",
  lastReason: "",
  restarts: 0,
  restarted: "no",
  toldAt: 0,
  toldAs: "",
  remindedAt: 0,
  log: [],
};

const NOTHING_REMEMBERED: Remembered = {
  sinceAt: 0,
  restarts: [],
  backoffLevel: 0,
  notBeforeAt: 0,
  budgetSpentAt: 0,
  budgetFromAt: 0,
  pause: null,
  container: null,
};

/** `value` in the form of `shape`: a field of another type gets the value of `shape`; unknown fields are kept. */
function fit<T extends object>(shape: T, value: Record<string, unknown>): T {
  const fitted: Record<string, unknown> = { ...value };
  for (const [key, own] of Object.entries(shape)) {
    const found = value[key];
    if (Array.isArray(own)) fitted[key] = Array.isArray(found) ? found.filter(isRecord) : own;
    else if (own === null || isRecord(own)) fitted[key] = isRecord(found) ? found : own;
    else fitted[key] = typeof found === typeof own ? found : own;
  }
  return fitted as T;
}

function restoreService(value: Record<string, unknown>): ServiceState {
  const service = fit<UncheckedService>(newService(0), value);
  if (service.outage !== null) service.outage = fit(EMPTY_OUTAGE, { ...service.outage });
  return withFittingStatus(service);
}

function restoreOutbox(value: unknown): OutboxState {
  if (!isRecord(value)) return emptyOutbox();
  const outbox = reopen(fit(emptyOutbox(), value));
  const isEntry = ({ id, sink, alert }: { id: unknown; sink: unknown; alert: unknown }) =>
    typeof id === "string" && typeof sink === "string" && isRecord(alert);
  return { ...outbox, entries: outbox.entries.filter(isEntry), dead: outbox.dead.filter(isEntry) };
}

/**
 * The state from the content of a file. Fields that an older version did not know get their defaults. What has the
 * wrong form is left out; dropped services, and a file that could not be used, are named in `trouble`.
 */
export function restoreState(opened: { loaded?: unknown; setAside?: { path: string; reason: string } }): {
  state: WatchdogState;
  trouble?: string;
} {
  const empty = emptyState();
  if (opened.setAside)
    return { state: empty, trouble: `the state file could not be used: ${opened.setAside.reason}` };
  if (!isRecord(opened.loaded)) return { state: empty };
  const { loaded } = opened;
  const services = record<ServiceState>();
  const dropped: string[] = [];
  for (const [name, service] of Object.entries(isRecord(loaded.services) ? loaded.services : {})) {
    if (isRecord(service) && STATUSES.has(String(service.status))) services[name] = restoreService(service);
    else dropped.push(name);
  }
  const absent = record<Remembered>();
  for (const [name, one] of Object.entries(isRecord(loaded.absent) ? loaded.absent : {})) {
    if (isRecord(one)) absent[name] = fit(NOTHING_REMEMBERED, one);
  }
  const { version: _, ...known } = loaded;
  const fitted = fit(empty, known);
  const troubles = record(fitted.troubles);
  const state: WatchdogState = {
    ...fitted,
    services,
    absent,
    troubles,
    outbox: restoreOutbox(loaded.outbox),
  };
  if (dropped.length === 0) return { state };
  const names = dropped.slice(0, 5).join(", ");
  return { state, trouble: `the state file's records of ${names} are invalid and were dropped` };
}
