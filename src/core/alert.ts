/** What is told to people. `id` to `params` is a contract with receivers: later versions only add keys. */

export type EventType = "COMPONENT_DOWN" | "COMPONENT_RECOVERED" | "WATCHDOG_FAILURE";
export type Severity = "INFO" | "WARNING" | "CRITICAL";

export interface AlertParams {
  component_name: string;
  /** Empty when the component has no container. */
  container_name: string;
  /** What was done about it: `restart`, `recovery`, `none`, or what the watchdog tried. */
  action: string;
  success: boolean;
  /** Failed checks in a row before the action. */
  consecutive_failures: number;
  /** The incident's id, the same in its DOWN and its RECOVERED. */
  incident_id?: string;
  /** What the evidence suggests: `OOMKilled: raise the memory limit`. */
  hint?: string;
  /** Seconds from the first failed check to the recovery. */
  down_seconds?: number;
  /** True for an alert that a person asked for to try a sink. */
  test?: boolean;
}

export interface Alert {
  /** `evt_…`; the same on every attempt at every sink, without a dot (Standard Webhooks signs `id.timestamp.body`). */
  id: string;
  event_type: EventType;
  /** UTC, ISO 8601. */
  timestamp: string;
  severity: Severity;
  /** The first line on a phone's lock screen: `Executor is down`. */
  title: string;
  message: string;
  params: AlertParams;
}

/** Which alerts a sink gets; an absent list takes all. */
export interface Route {
  events?: readonly EventType[];
  /** Names of services; the watchdog's own news goes to every sink whose `events` take it. */
  services?: readonly string[];
  severities?: readonly Severity[];
}

export function takes(route: Route | undefined, service: string, alert: Alert): boolean {
  if (route === undefined) return true;
  const { events, services, severities } = route;
  if (events && !events.includes(alert.event_type)) return false;
  if (severities && !severities.includes(alert.severity)) return false;
  return service === "" || services === undefined || services.includes(service);
}
