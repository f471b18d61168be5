/** The fields of a stream entry for an alert. All texts are valid Unicode: Python rejects lone surrogates. */
import { type Alert, cut } from "../../src/plugin.ts";

/** SpreadPilot's alert router makes one Telegram message of message and params, which may have 4096 characters. */
const MESSAGE_LIMIT = 2500;
const PARAM_LIMIT = 200;

export const FORMATS = ["alert", "spreadpilot"] as const;
export type Format = (typeof FORMATS)[number];

export const RECOVERED = ["watchdog_failure", "skip"] as const;
export type Recovered = (typeof RECOVERED)[number];

/** The fields of an entry. */
export type Entry = Record<string, string>;

export function entryOf(alert: Alert, format: Format): Entry {
  const bounded = boundedOf(alert);
  return format === "alert" ? { alert: JSON.stringify(bounded) } : spreadpilotEntry(bounded);
}

/**
 * For SpreadPilot's own routers, which keep forever what they cannot read. `alert` is its model `AlertEvent`, for the
 * subscriber that reads that field. `data` is its model `Alert`, for the subscriber that its image starts since 1.2.
 * Its `AlertType` has no recovery, so a recovery becomes a WATCHDOG_FAILURE whose params say INFO and success.
 */
function spreadpilotEntry({ id, event_type, timestamp, severity, message, params }: Alert): Entry {
  const type = event_type === "COMPONENT_RECOVERED" ? "WATCHDOG_FAILURE" : event_type;
  const details = { ...params, severity };
  const event = { event_type: type, message, timestamp, params: details };
  const data = {
    id,
    service: "watchdog",
    follower_id: "system",
    type,
    severity,
    reason: message,
    message,
    // SpreadPilot formats seconds since the epoch.
    timestamp: Date.parse(timestamp) / 1000,
    created_at: timestamp,
    details,
  };
  return { alert: JSON.stringify(event), data: JSON.stringify(data) };
}

function boundedOf(alert: Alert): Alert {
  const params = Object.entries(alert.params).map(([name, value]) => [
    name,
    typeof value === "string" ? cut(value, PARAM_LIMIT) : value,
  ]);
  return {
    ...alert,
    title: cut(alert.title, PARAM_LIMIT),
    message: cut(alert.message, MESSAGE_LIMIT),
    params: Object.fromEntries(params),
  };
}
