/** An alert as receivers get it. `id` to `params` is a contract with them: later versions only add keys. */

export type EventType = "COMPONENT_DOWN" | "COMPONENT_RECOVERED" | "WATCHDOG_FAILURE";
export type Severity = "INFO" | "WARNING" | "CRITICAL";

export interface AlertParams {
  component_name: string;
  /** Empty when the component has no container. */
  container_name: string;
  /** What the watchdog did about it: `restart`, `stop`, `recovery` or `none`; in its own news, what it tried to do. */
  action: string;
  success: boolean;
  /** Failed checks in a row before the action. */
  consecutive_failures: number;
  /** The incident's id, the same in its DOWN and its RECOVERED. */
  incident_id?: string;
  /** What failed: `HTTP 500 in 12 ms`, `no answer in 5 s`. Every alert about a service has it. */
  reason?: string;
  /** The URL that was checked, without user name, password, query and fragment; absent for checks without a URL. */
  health_url?: string;
  /** The alert's severity again, for receivers that get only the params, as SpreadPilot's do. */
  severity?: Severity;
  /** What the evidence suggests: `OOMKilled: raise the memory limit`. */
  hint?: string;
  /** Seconds from the first failed check to the recovery. */
  down_seconds?: number;
  /** True for an alert that a person sent to test a sink. */
  test?: boolean;
}

export interface Alert {
  /** `evt_…`: the same for every attempt at every sink. No dot: Standard Webhooks signs `id.timestamp.body`. */
  id: string;
  event_type: EventType;
  /** UTC, ISO 8601. */
  timestamp: string;
  severity: Severity;
  /** The first line on a phone's lock screen: `Executor is down`. */
  title: string;
  message: string;
  params: AlertParams;
  /** The earlier alert that this one continues or ends, if it was told: this one is a reply to it. */
  follows?: { id: string; title: string };
}

/**
 * Which alerts a sink gets. An absent list takes all. `undefined` is spelled out because valibot types optional keys
 * like this, and plugins may be compiled with `exactOptionalPropertyTypes`.
 */
export interface Route {
  events?: readonly EventType[] | undefined;
  /** Names of services. It does not limit the watchdog's own news. */
  services?: readonly string[] | undefined;
  severities?: readonly Severity[] | undefined;
}

export function takes(route: Route | undefined, service: string, alert: Alert): boolean {
  if (route === undefined) return true;
  const { events, services, severities } = route;
  if (events && !events.includes(alert.event_type)) return false;
  if (severities && !severities.includes(alert.severity)) return false;
  return service === "" || services === undefined || services.includes(service);
}
