/** Which services are watched: they join and leave with the configuration. */
import { tellUnwatched } from "./alerting.ts";
import type { Draft } from "./context.ts";
import { addService, dropService, note } from "./context.ts";
import { own, record } from "./record.ts";
import { UNSEEN_RESTART_MS } from "./restart.ts";
import { newService, type Remembered, type ServiceState, withFittingStatus } from "./state.ts";
import { words } from "./words.ts";

/** How long the record of a service that left waits for its return. */
const REMEMBERED_MS = 86_400_000;
const MOST_REMEMBERED = 1000;

/**
 * Adds and drops services, so that exactly those with a policy are watched. `isPartial`: some services could not be
 * found out, so none leaves.
 */
export function enrol(draft: Draft, isPartial = false): void {
  if (!isPartial) {
    for (const name of Object.keys(draft.services)) if (!draft.policies.has(name)) leave(draft, name);
  }
  for (const name of draft.policies.keys()) if (draft.services[name] === undefined) join(draft, name);
}

/** Who returns has the limits that it left with: to leave and return is no way around a budget. */
function join(draft: Draft, name: string): void {
  const known = own(draft.absent, name);
  const { sinceAt: _, ...limits } = known ?? { sinceAt: 0 };
  addService(draft, name, { ...newService(draft.now), ...limits });
  if (known === undefined) return;
  const others = record(draft.absent);
  delete others[name];
  draft.absent = others;
  note(draft, "info", name, words.watchedAgain(name));
}

function leave(draft: Draft, name: string): void {
  const service = draft.services[name]!;
  dropService(draft, name);
  draft.absent = record({ ...draft.absent, [name]: limitsOf(draft, service) });
  const { outage } = service;
  if (outage !== null && outage.toldAt > 0) tellUnwatched(draft, name, outage);
  note(draft, "info", name, words.notConfigured(name));
}

function limitsOf({ now }: Draft, service: ServiceState): Remembered {
  const { backoffLevel, budgetSpentAt, budgetFromAt, pause, container } = service;
  const { notBeforeAt, restarts } = unseenRestart(service, now, words.leftBefore);
  return { sinceAt: now, restarts, backoffLevel, notBeforeAt, budgetSpentAt, budgetFromAt, pause, container };
}

/** Nobody will see how its restart ends, if one is under way: the next one waits for it. */
function unseenRestart({ restart, notBeforeAt, restarts }: ServiceState, now: number, reason: string) {
  return {
    notBeforeAt: Math.max(notBeforeAt, restart === null ? 0 : now + UNSEEN_RESTART_MS),
    restarts: restarts.map((one) =>
      one.outcome === "pending" ? { ...one, outcome: "unknown" as const, reason } : one,
    ),
  };
}

/**
 * Services that could not be found out when the state was loaded have no policy to settle a restart by. The process
 * that ordered it is gone: they wait for their policies without it.
 */
export function dropRestartsOfUnfound(draft: Draft): void {
  for (const [name, service] of Object.entries(draft.services)) {
    if (draft.policies.has(name) || service.restart === null) continue;
    const { outage } = service;
    const known = {
      ...service,
      ...unseenRestart(service, draft.now, words.interrupted),
      outage: outage && { ...outage, restarted: "unknown" as const },
      restart: null,
    };
    addService(draft, name, withFittingStatus(known));
  }
}

export function forgetAbsent(draft: Draft): void {
  const all = Object.entries(draft.absent);
  const kept = all.filter(([, { sinceAt }]) => draft.now - sinceAt < REMEMBERED_MS).slice(-MOST_REMEMBERED);
  if (kept.length < all.length) draft.absent = record(Object.fromEntries(kept));
}
