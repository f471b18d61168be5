/** What the routes answer about incidents: ended ones come from their files, ongoing ones from the state. Pure. */
import type { Policies } from "../core/policy.ts";
import type { Outage, WatchdogState } from "../core/state.ts";
import { type IncidentFile, incidentJson } from "../incidents/file.ts";
import { isoOrNull } from "../state/times.ts";

/** `GET /incidents`: ongoing ones first, then the others, newest first. */
export function incidentList(state: WatchdogState, closed: readonly IncidentFile[]) {
  const ongoing = outages(state).sort(([, a], [, b]) => b.startedAt - a.startedAt);
  return {
    incidents: [
      ...ongoing.map(([service, outage]) => ({
        id: outage.id,
        service,
        started_at: isoOrNull(outage.startedAt),
        duration_ms: null,
        outcome: null,
        reason: outage.firstReason,
        hint: outage.hint ?? null,
      })),
      ...closed.map(({ id, service, startedAt, durationMs, outcome, firstReason, hint }) => ({
        id,
        service,
        started_at: isoOrNull(startedAt),
        duration_ms: durationMs ?? null,
        outcome: outcome ?? null,
        reason: firstReason ?? null,
        hint: hint ?? null,
      })),
    ],
  };
}

/** `GET /incidents/:id`. While the outage lasts, the file holds nothing but its evidence. */
export function incidentDetail(
  state: WatchdogState,
  policies: Policies,
  id: string,
  file: IncidentFile | undefined,
): object | undefined {
  const [service, outage] = outages(state).find(([, one]) => one.id === id) ?? [];
  if (service === undefined || outage === undefined) return file && incidentJson(file);
  const policy = policies.get(service);
  return {
    id,
    service,
    evidence: file === undefined ? [] : incidentJson(file).evidence,
    displayName: policy?.displayName ?? service,
    container: policy?.container ?? "",
    startedAt: isoOrNull(outage.startedAt),
    endedAt: null,
    firstReason: outage.firstReason,
    restarts: outage.restarts,
    ...(outage.cause === undefined ? {} : { cause: outage.cause }),
    ...(outage.hint === undefined ? {} : { hint: outage.hint }),
    log: outage.log.map(({ at, text }) => ({ at: isoOrNull(at), text })),
  };
}

function outages({ services }: WatchdogState): [service: string, outage: Outage][] {
  return Object.entries(services).flatMap(([service, { outage }]) =>
    outage ? [[service, outage] as [string, Outage]] : [],
  );
}
