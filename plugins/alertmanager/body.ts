import { type Alert, fit, jsonBytes, type ServiceSummary } from "../../src/plugin.ts";

/** An alert of Alertmanager's API v2. Its labels are its identity: whatever changes goes into `annotations`. */
export interface Posted {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  /** When it ended; or, in the future, when it ends unless it is posted again. */
  endsAt?: string;
}

const LABEL_LIMIT = 256;
const TEXT_LIMIT_BYTES = 16_000;
/** Alertmanager's own `resolve_timeout`: an alert without an end is over when it was not posted for so long. */
export const RESOLVE_TIMEOUT_MS = 5 * 60_000;
/** A trouble is told once and not repeated. It must not look solved before its end is told. */
const TROUBLE_MS = 24 * 3_600_000;

/**
 * `alert` as Alertmanager takes it. A recovery also ends the failure to heal ("stays down") of its service,
 * which nothing else does; one that never fired is dropped without a word. `holdMs` is the time to the next
 * repeat, several times over.
 */
export function postedOf(alert: Alert, host: string, holdMs: number): Posted[] {
  const { event_type, timestamp, params } = alert;
  const at = Date.parse(timestamp);
  const about = { component: params.component_name, container: params.container_name, host };
  const annotations = annotationsOf(alert.message, params.hint);
  if (event_type === "COMPONENT_DOWN") {
    return [{ labels: down(about), annotations, startsAt: timestamp, ...endOf(at, holdMs) }];
  }
  if (event_type === "COMPONENT_RECOVERED") {
    const startsAt = iso(at - (params.down_seconds ?? 0) * 1000);
    const ended = { annotations, startsAt, endsAt: timestamp };
    return [
      { labels: down(about), ...ended },
      { labels: failure(about), ...ended },
    ];
  }
  const own = params.component_name === "watchdog" && params.container_name === "";
  const labels = failure({ ...about, ...(own && { trouble: params.incident_id ?? params.action }) });
  const endsAt = params.success ? timestamp : iso(at + TROUBLE_MS);
  return [{ labels, annotations, startsAt: timestamp, endsAt }];
}

/** An outage that goes on, as of `nowMs`; or, with `endedAtMs`, one that is over. */
export function repeatOf(
  service: ServiceSummary & { incident: object },
  host: string,
  holdMs: number,
  nowMs: number,
  endedAtMs?: number,
): Posted {
  const { name, container, incident } = service;
  return {
    labels: down({ component: name, container, host }),
    annotations: annotationsOf(incident.message),
    startsAt: iso(incident.startedAt),
    ...(endedAtMs === undefined ? endOf(nowMs, holdMs) : { endsAt: iso(endedAtMs) }),
  };
}

const down = (labels: Record<string, string>) => labelsOf({ alertname: "ComponentDown", ...labels });
const failure = (labels: Record<string, string>) => labelsOf({ alertname: "WatchdogFailure", ...labels });

/** Alertmanager drops empty labels, so that one is none. */
function labelsOf(labels: Record<string, string>): Record<string, string> {
  const set = Object.entries(labels).filter(([, value]) => value !== "");
  return Object.fromEntries(set.map(([name, value]) => [name, fit(value, LABEL_LIMIT)]));
}

function annotationsOf(message: string, hint = ""): Record<string, string> {
  const written = (text: string) => fit(text, TEXT_LIMIT_BYTES, undefined, jsonBytes);
  return { summary: written(message), ...(hint !== "" && { hint: written(hint) }) };
}

/** Where Alertmanager's own timeout is long enough, the end is left to it. */
function endOf(nowMs: number, holdMs: number): { endsAt?: string } {
  return holdMs > RESOLVE_TIMEOUT_MS ? { endsAt: iso(nowMs + holdMs) } : {};
}

const iso = (ms: number) => new Date(ms).toISOString();
