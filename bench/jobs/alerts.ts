/** Alerts as the core words them. */
import type { Alert } from "../../src/core/alert.ts";
import { nameOf } from "./world.ts";

/** `count` alerts of `services` services, in turns. */
export function alertsOf(count: number, services: number): { service: string; alert: Alert }[] {
  return Array.from({ length: count }, (_, i) => {
    const service = nameOf(i % services);
    const alert: Alert = {
      id: `evt_bench${i.toString(36)}`,
      event_type: "COMPONENT_DOWN",
      timestamp: "2026-11-23T18:20:15.000Z",
      severity: "CRITICAL",
      title: `Service ${i % services} is down`,
      message: `Service ${i % services} is down: bench-${service} was restarted, and 3 checks failed since: HTTP 503 in 12 ms`,
      params: {
        component_name: service,
        container_name: `bench-${service}`,
        action: "restart",
        success: false,
        consecutive_failures: 3,
        incident_id: `inc_bench${i.toString(36)}`,
      },
    };
    return { service, alert };
  });
}
