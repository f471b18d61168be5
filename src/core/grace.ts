import type { ServicePolicy } from "./policy.ts";
import type { ServiceState } from "./state.ts";

/**
 * Until when a failure does not count: the start period after the container's own start, whoever
 * started it (Docker HEALTHCHECK, kubelet startupProbe). The first passed check since then ends it.
 */
export function graceEndsAt(policy: ServicePolicy, service: ServiceState): number {
  const { container } = service;
  const periodMs = policy.startPeriodMs ?? container?.startPeriodMs ?? 0;
  const startedAt = container?.startedAt ?? 0;
  const sinceStart = startedAt > 0 && service.lastPassAt < startedAt ? startedAt + periodMs : 0;
  return Math.max(sinceStart, service.graceUntilAt);
}
