/** The working copy of one transition: what it reads, and what it has decided so far. */
import type { Alert, AlertParams, EventType, Severity } from "./alert.ts";
import { byContainerId, byNetworkParent } from "./dependencies.ts";
import type { Effect, Surroundings, World } from "./event.ts";
import type { Policies, ServicePolicy } from "./policy.ts";
import type { Brake, OperatorAction, Outage, Pause, ServiceState, Trouble, WatchdogState } from "./state.ts";
import { titles } from "./words.ts";

export interface Draft {
  readonly policies: Policies;
  readonly now: number;
  readonly id: string;
  readonly services: Record<string, ServiceState>;
  readonly troubles: Record<string, Trouble>;
  readonly around: Surroundings;
  readonly maintenance: Readonly<Record<string, number>>;
  readonly effects: Effect[];
  /** How many ids were made. */
  ids: number;
  brake: Brake | null;
  pause: Pause | null;
  actions: OperatorAction[];
  /** Services by their container's id; made when first asked for. */
  byContainerId(): ReadonlyMap<string, string>;
  /** Services in a container's network namespace; made when first asked for. */
  childrenOf(containerId: string | undefined): readonly string[];
  /** What is known of causes. While a tick is decided, a cause may change from one ill to another, never to well. */
  readonly causes: Map<string, string | undefined>;
}

export function openDraft(state: WatchdogState, world: World, around: Surroundings = {}): Draft {
  let names: Map<string, string> | undefined;
  let children: Map<string, string[]> | undefined;
  const draft: Draft = {
    policies: world.policies,
    now: world.moment.now,
    id: world.moment.id,
    services: { ...state.services },
    troubles: { ...state.troubles },
    around,
    maintenance: world.maintenance ?? {},
    effects: [],
    ids: 0,
    brake: state.brake,
    pause: state.pause,
    actions: state.actions,
    causes: new Map(),
    childrenOf(containerId) {
      if (containerId === undefined) return [];
      children ??= byNetworkParent(draft.services);
      return children.get(containerId) ?? [];
    },
    byContainerId() {
      names ??= byContainerId(draft.services);
      return names;
    },
  };
  return draft;
}

/** An id that no other transition makes, and that is the same when this one is made again. */
export function freshId(draft: Draft, prefix: string): string {
  return `${prefix}_${draft.id}${(draft.ids++).toString(36)}`;
}

export function note(draft: Draft, level: "info" | "warn", service: string, text: string): void {
  draft.effects.push({ type: "note", level, service, text });
}

export function tell(
  draft: Draft,
  service: string,
  event: { type: EventType; severity: Severity; title: string; message: string; params: AlertParams },
): void {
  const alert: Alert = {
    id: freshId(draft, "evt"),
    event_type: event.type,
    timestamp: new Date(draft.now).toISOString(),
    severity: event.severity,
    title: event.title,
    message: event.message,
    params: event.params,
  };
  draft.effects.push({ type: "alert", service, alert });
}

/** Tells COMPONENT_DOWN unless this outage was told before. Returns the outage as told. */
export function tellDown(
  draft: Draft,
  policy: ServicePolicy,
  outage: Outage,
  action: string,
  message: string,
): Outage {
  if (outage.toldAt > 0) {
    note(draft, "warn", policy.name, message);
    return outage;
  }
  sendDown(draft, policy, outage, action, message);
  return logged(draft, { ...outage, toldAt: draft.now, remindedAt: draft.now }, message);
}

export function sendDown(
  draft: Draft,
  policy: ServicePolicy,
  outage: Outage,
  action: string,
  message: string,
): void {
  tell(draft, policy.name, {
    type: "COMPONENT_DOWN",
    severity: "CRITICAL",
    title: titles.down(policy),
    message,
    params: {
      component_name: policy.name,
      container_name: policy.container,
      action,
      success: false,
      consecutive_failures: outage.failures,
      incident_id: outage.id,
      ...(outage.hint === undefined ? {} : { hint: outage.hint }),
    },
  });
}

/** An outage's record is bounded: its beginning says most, its end says what came of it. */
const LOG_BEGIN = 10;
const LOG_END = 30;

export function logged(draft: Draft, outage: Outage, text: string): Outage {
  const log = [...outage.log, { at: draft.now, text }];
  if (log.length > LOG_BEGIN + LOG_END) log.splice(LOG_BEGIN, 1);
  return { ...outage, log };
}
