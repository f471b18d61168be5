import { type Alert, fit, jsonBytes, type ServiceSummary } from "../../src/plugin.ts";

/**
 * An alert of Alertmanager's API v2. Its labels are its identity, so everything that changes goes into `annotations`.
 */
export interface Posted {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  /**
   * When the alert ended. A time in the future means: it ends then unless it is posted again. Alertmanager would
   * otherwise guess.
   */
  endsAt: string;
  generatorURL?: string;
}

/** What all alerts of one watchdog have in common. */
export interface Shape {
  host: string;
  labels: Readonly<Record<string, string>>;
  generatorURL?: string;
}

/** Labels that settings must not override. */
export const OWN_LABELS: readonly string[] = [
  "alertname",
  "severity",
  "event_type",
  "component",
  "container",
  "host",
  "trouble",
];

const LABEL_LIMIT = 256;
const TEXT_LIMIT_BYTES = 16_000;
/** A trouble is reported once and not repeated. It must not look resolved before its end is reported. */
const TROUBLE_MS = 24 * 3_600_000;

/**
 * Converts `alert` for Alertmanager at `nowMs`. A recovery also ends the alert "stays down" of its service, which
 * nothing else ends; Alertmanager ignores the end of an alert that never fired. `holdMs` is several times the
 * interval between repeats.
 */
export function postedOf(alert: Alert, shape: Shape, nowMs: number, holdMs: number): Posted[] {
  const { event_type, timestamp, params } = alert;
  const at = Date.parse(timestamp);
  const about = {
    // A recovery has a lower severity than the alert that it ends, but must have the same labels.
    severity: params.test ? alert.severity.toLowerCase() : "critical",
    component: params.component_name,
    container: params.container_name,
  };
  const down = () => base(shape, "COMPONENT_DOWN", about);
  const annotations = annotationsOf(alert.message, params.hint);
  if (event_type === "COMPONENT_DOWN") {
    // An alert that waited in the outbox must still fire when it arrives.
    const endsAt = iso(Math.max(at, nowMs) + holdMs);
    return [{ ...down(), annotations, startsAt: timestamp, endsAt }];
  }
  if (event_type === "COMPONENT_RECOVERED") {
    const startsAt = iso(at - (params.down_seconds ?? 0) * 1000);
    const ended = { annotations, startsAt, endsAt: timestamp };
    return [
      { ...down(), ...ended },
      { ...base(shape, "WATCHDOG_FAILURE", about), ...ended },
    ];
  }
  const own = params.component_name === "watchdog" && params.container_name === "";
  const trouble: Record<string, string> = own ? { trouble: params.incident_id ?? params.action } : {};
  const endsAt = params.success ? timestamp : iso(at + TROUBLE_MS);
  const failure = base(shape, "WATCHDOG_FAILURE", { ...about, ...trouble });
  return [{ ...failure, annotations, startsAt: timestamp, endsAt }];
}

/** An outage that still lasts at `nowMs`, or one that ended at `endedAtMs`. */
export function repeatOf(
  service: ServiceSummary & { incident: object },
  shape: Shape,
  nowMs: number,
  holdMs: number,
  endedAtMs = nowMs + holdMs,
): Posted {
  const { name, container, incident } = service;
  return {
    ...base(shape, "COMPONENT_DOWN", { severity: "critical", component: name, container }),
    annotations: annotationsOf(incident.message),
    startsAt: iso(incident.startedAt),
    endsAt: iso(endedAtMs),
  };
}

const NAMES = { COMPONENT_DOWN: "ComponentDown", WATCHDOG_FAILURE: "WatchdogFailure" } as const;

/** Alertmanager drops empty labels. */
function base(
  { host, labels, generatorURL }: Shape,
  event_type: keyof typeof NAMES,
  about: Record<string, string>,
): Pick<Posted, "labels" | "generatorURL"> {
  const all = { ...labels, alertname: NAMES[event_type], event_type, ...about, host };
  const set = Object.entries(all).filter(([, value]) => value !== "");
  const url = generatorURL?.replaceAll("{component}", encodeURIComponent(about.component ?? ""));
  return {
    labels: Object.fromEntries(set.map(([name, value]) => [name, fit(value, LABEL_LIMIT)])),
    ...(url !== undefined && { generatorURL: url }),
  };
}

function annotationsOf(message: string, hint = ""): Record<string, string> {
  const written = (text: string) => fit(text, TEXT_LIMIT_BYTES, undefined, jsonBytes);
  return { summary: written(message), ...(hint !== "" && { hint: written(hint) }) };
}

const iso = (ms: number) => new Date(ms).toISOString();
