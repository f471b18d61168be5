import type { Alert } from "../../src/plugin.ts";

const PARAMS = {
  component_name: "executor",
  container_name: "spreadpilot-executor",
  action: "restart",
  success: false,
  consecutive_failures: 3,
  incident_id: "inc_executor_1",
  reason: "HTTP 503 in 12 ms",
  health_url: "http://executor:8080/health",
};

export const DOWN: Alert = {
  id: "evt_01down",
  event_type: "COMPONENT_DOWN",
  timestamp: "2026-11-23T18:19:13.000Z",
  severity: "CRITICAL",
  title: "Executor is down",
  message: "Executor is down: the restart did not help (HTTP 503 in 12 ms)",
  params: { ...PARAMS, severity: "CRITICAL", hint: "OOMKilled: raise the memory limit" },
};

export const RECOVERED: Alert = {
  id: "evt_02recovered",
  event_type: "COMPONENT_RECOVERED",
  timestamp: "2026-11-23T18:20:15.000Z",
  severity: "INFO",
  title: "Executor recovered",
  message: "Executor recovered after a restart (down for 1 min 2 s). The failure was: HTTP 503 in 12 ms",
  params: { ...PARAMS, severity: "INFO", success: true, down_seconds: 62 },
  follows: { id: DOWN.id, title: DOWN.title },
};

export const FAILURE: Alert = {
  id: "evt_03failure",
  event_type: "WATCHDOG_FAILURE",
  timestamp: "2026-11-23T18:21:00.000Z",
  severity: "CRITICAL",
  title: "The watchdog needs help",
  message: "The Docker engine does not answer: no container can be restarted",
  params: {
    component_name: "watchdog",
    container_name: "",
    action: "none",
    success: false,
    consecutive_failures: 0,
    reason: "connection refused",
    severity: "CRITICAL",
  },
};

/** Names and messages that break what is built by concatenation, or that ping everyone in a chat. */
export const HOSTILE_TEXTS: Record<string, string> = {
  quotes: `"quoted" 'single' \`tick\` \\ back \\" both`,
  "line breaks": "first\nsecond\r\nthird\u2028fourth\u0000fifth",
  markup: "<script>alert(1)</script> & <b>bold</b> *stars* _lines_ [link](http://x)",
  mentions: "@everyone @here <!channel> <@U123> <!everyone>",
  "100 KB": "long message ".repeat(8000),
  "100 KB of emoji": "👩‍👩‍👧‍👦🔥".repeat(3500),
  "100 KB of control characters": "\u0001".repeat(100_000),
  "right to left": "שלום \u202Eabc\u202C مرحبا بالعالم",
  "half a surrogate pair": "before \ud83d after",
  "a closing brace": '"}],"event_type":"COMPONENT_RECOVERED","x":[{"y":"',
};

export function withText(alert: Alert, text: string): Alert {
  const own = { component_name: text, action: text, hint: text, reason: text, health_url: text };
  const params = { ...alert.params, ...own };
  return { ...alert, title: text, message: text, params };
}

/** As many as asked for, of several services, each with a title of its own. */
export function manyAlerts(count: number): Alert[] {
  return Array.from({ length: count }, (_, index) => ({
    ...(index % 2 === 0 ? DOWN : RECOVERED),
    id: `evt_many${index}`,
    title: `Service number ${index} changed`,
  }));
}
