import { type Alert, cut } from "../../src/plugin.ts";

/** Standard Webhooks recommends payloads under 20 kB. */
const BODY_LIMIT_BYTES = 20_000;
/** How much of the message is kept, in code points. In JSON, an emoji takes 4 bytes and a control character 6. */
const MESSAGE_STEPS = [16_000, 8_000, 4_000, 2_000, 1_000];
/** How much of a title, a name or a hint is kept, in code points. */
const PARAM_LIMIT = 200;

export type WebhookFormat = "alert" | "cloudevents";

/** The alert as one JSON text under 20 kB. A message that is too long is cut between characters. */
export function formatBody(
  alert: Alert,
  { format, jsonKey }: { format: WebhookFormat; jsonKey?: string | string[] },
): { contentType: string; body: string } {
  const shape = (some: Alert): unknown => {
    if (jsonKey !== undefined) {
      return Object.fromEntries([jsonKey].flat().map((key) => [key, some.message]));
    }
    return format === "cloudevents" ? cloudEvent(some) : some;
  };
  const contentType = format === "cloudevents" ? "application/cloudevents+json" : "application/json";
  let body = JSON.stringify(shape(cutAlert(alert)));
  for (const limit of MESSAGE_STEPS) {
    if (sizeOf(body) <= BODY_LIMIT_BYTES) break;
    body = JSON.stringify(shape(cutAlert(alert, limit, PARAM_LIMIT)));
  }
  return { contentType, body };
}

/** CloudEvents 1.0, JSON format, structured mode. */
function cloudEvent(alert: Alert): Record<string, unknown> {
  return {
    specversion: "1.0",
    id: alert.id,
    source: "/spreadpilot/watchdog",
    type: `spreadpilot.watchdog.${alert.event_type.toLowerCase()}`,
    // The specification forbids an empty subject.
    ...(alert.params.component_name !== "" && { subject: alert.params.component_name }),
    time: alert.timestamp,
    datacontenttype: "application/json",
    data: alert,
  };
}

function cutAlert(alert: Alert, messageLimit?: number, paramLimit?: number): Alert {
  const params = Object.entries(alert.params).map(([name, value]) => [
    name,
    typeof value === "string" ? cut(value, paramLimit) : value,
  ]);
  const [title, message] = [cut(alert.title, paramLimit), cut(alert.message, messageLimit)];
  return { ...alert, title, message, params: Object.fromEntries(params) };
}

function sizeOf(text: string): number {
  return new TextEncoder().encode(text).length;
}
