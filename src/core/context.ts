/**
 * The draft: the working copy of one transition, with what it reads and what it has decided so far. Rules never change
 * a service in place: a rule returns the service as it becomes, and `change` stores it.
 */
import type { Effect, Surroundings, Topic, World } from "./event.ts";
import type { Policies, ServicePolicy } from "./policy.ts";
import { record } from "./record.ts";
import type { Absent, Brake, OperatorAction, Outage, Pause, ServiceState, WatchdogState } from "./state.ts";
import type { Troubles } from "./trouble-state.ts";

export interface Draft {
  readonly policies: Policies;
  readonly now: number;
  readonly id: string;
  /** Only `change`, `addService` and `dropService` write to it. */
  readonly services: Readonly<Record<string, ServiceState>>;
  readonly around: Surroundings;
  readonly maintenance: Readonly<Record<string, number>>;
  readonly effects: Effect[];
  /** How many ids were made so far. */
  ids: number;
  absent: Absent;
  troubles: Troubles;
  brake: Brake | null;
  pause: Pause | null;
  actions: OperatorAction[];
  /** Services by their container's id. Built on first use. */
  byContainerId(): ReadonlyMap<string, string>;
  /** The services in a container's network namespace. Built on first use. */
  childrenOf(containerId: string | undefined): readonly string[];
  /** Root causes found so far, by service. No decision of a tick makes a cause healthy, so they stay valid. */
  readonly causes: Map<string, string | undefined>;
}

export function openDraft(state: WatchdogState, world: World, around: Surroundings = {}): Draft {
  let names: Map<string, string> | undefined;
  let children: Map<string, string[]> | undefined;
  const draft: Draft = {
    policies: world.policies,
    now: world.moment.now,
    id: world.moment.id,
    services: record(state.services),
    absent: state.absent,
    troubles: state.troubles,
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

/** Returns the service as it becomes. */
export type Rule = (policy: ServicePolicy, service: ServiceState) => ServiceState;

/** Applies a rule to a service. Nothing happens if the service is not configured or not known yet. */
export function change(draft: Draft, name: string, rule: Rule): void {
  const policy = draft.policies.get(name);
  const service = draft.services[name];
  if (policy !== undefined && service !== undefined) store(draft)[name] = rule(policy, service);
}

export function addService(draft: Draft, name: string, service: ServiceState): void {
  store(draft)[name] = service;
}

export function dropService(draft: Draft, name: string): void {
  delete store(draft)[name];
}

/** The draft's own copy of the services, for writing. */
const store = ({ services }: Draft) => services as Record<string, ServiceState>;

/** Services by the id of their container: finds the service in whose network namespace another one lives. */
function byContainerId(services: Record<string, ServiceState>): Map<string, string> {
  const names = new Map<string, string>();
  for (const [name, { container }] of Object.entries(services)) if (container) names.set(container.id, name);
  return names;
}

/** Services by the id of the container in whose network namespace they live. */
function byNetworkParent(services: Record<string, ServiceState>): Map<string, string[]> {
  const children = new Map<string, string[]>();
  for (const [name, { container }] of Object.entries(services)) {
    if (container?.networkParent === undefined) continue;
    const known = children.get(container.networkParent);
    if (known) known.push(name);
    else children.set(container.networkParent, [name]);
  }
  return children;
}

/** An id that no other transition makes. The same transition makes the same ids again. */
export function freshId(draft: Draft, prefix: string): string {
  return `${prefix}_${draft.id}${(draft.ids++).toString(36)}`;
}

export function note(
  draft: Draft,
  level: "info" | "warn",
  service: string,
  text: string,
  topic?: Topic,
): void {
  draft.effects.push({ type: "note", level, service, text, ...(topic === undefined ? {} : { topic }) });
}

/** An outage's log is bounded: it keeps the beginning, which says most, and the end, which says how it turned out. */
const LOG_BEGIN = 10;
const LOG_END = 30;

export function logged(draft: Draft, outage: Outage, text: string): Outage {
  const log = [...outage.log, { at: draft.now, text }];
  if (log.length > LOG_BEGIN + LOG_END) log.splice(LOG_BEGIN, 1);
  return { ...outage, log };
}
