/** Root cause first: who cannot be healthy without whom. */
import type { Draft } from "./draft.ts";
import type { Policies } from "./policy.ts";
import type { ServiceState } from "./state.ts";

const orders = new WeakMap<Policies, string[]>();

/** Services so that each comes after those that it depends on. Linear; remembered for each configuration. */
export function dependencyOrder(policies: Policies): readonly string[] {
  const known = orders.get(policies);
  if (known) return known;
  const order: string[] = [];
  const visited = new Set<string>();
  for (const start of policies.keys()) {
    // A stack of its own: a chain of thousands must not overflow the engine's.
    const stack = [{ name: start, left: false }];
    while (stack.length > 0) {
      const { name, left } = stack.pop()!;
      if (left) order.push(name);
      if (left || visited.has(name) || !policies.has(name)) continue;
      visited.add(name);
      stack.push({ name, left: true });
      for (const dependency of policies.get(name)!.dependsOn) stack.push({ name: dependency, left: false });
    }
  }
  orders.set(policies, order);
  return order;
}

/** Services by the id of their container: to find whose network namespace another lives in. */
export function byContainerId(services: Record<string, ServiceState>): Map<string, string> {
  const names = new Map<string, string>();
  for (const [name, { container }] of Object.entries(services)) if (container) names.set(container.id, name);
  return names;
}

/** Services by the id of the container in whose network namespace they live. */
export function byNetworkParent(services: Record<string, ServiceState>): Map<string, string[]> {
  const children = new Map<string, string[]>();
  for (const [name, { container }] of Object.entries(services)) {
    if (container?.networkParent === undefined) continue;
    const known = children.get(container.networkParent);
    if (known) known.push(name);
    else children.set(container.networkParent, [name]);
  }
  return children;
}

/** What a service needs: its `dependsOn`, and the service in whose network namespace it lives. */
export function needs(draft: Draft, name: string): readonly string[] {
  const declared = draft.policies.get(name)?.dependsOn ?? [];
  const parent = networkParent(draft, name);
  return parent === undefined || declared.includes(parent) ? declared : [...declared, parent];
}

function networkParent(draft: Draft, name: string): string | undefined {
  const id = draft.services[name]?.container?.networkParent;
  const parent = id === undefined ? undefined : draft.byContainerId().get(id);
  return parent === name ? undefined : parent;
}

/**
 * Services that are restarted right after this one: those in its network namespace, always; and, when it
 * is the first of a chain, `restartWith`, which may name each other.
 */
export function followers(draft: Draft, name: string, first: boolean): string[] {
  const named = first ? (draft.policies.get(name)?.restartWith ?? []) : [];
  const inside = draft.childrenOf(draft.services[name]?.container?.id);
  return [...new Set([...named, ...inside])].filter((other) => draft.policies.has(other) && other !== name);
}

/** One that fails in its start period counts as healthy for itself, and not for those that need it. */
const isHealthy = (service: ServiceState | undefined) =>
  service === undefined || (service.status === "healthy" && service.lastPassAt >= service.lastFailAt);

/** The first thing that a service waits for, followed down to what waits for nothing itself. */
export function rootCause(draft: Draft, name: string): string | undefined {
  const passed: string[] = [];
  const seen = new Set<string>();
  let at = name;
  while (!draft.causes.has(at)) {
    seen.add(at);
    const next = needs(draft, at).find((other) => !isHealthy(draft.services[other]) && !seen.has(other));
    passed.push(at);
    if (next === undefined) break;
    at = next;
  }
  // What was passed on the way has the same end: a chain is walked once in a tick, not once by each of it.
  const end = draft.causes.get(at) ?? at;
  for (const one of passed) draft.causes.set(one, one === end ? undefined : end);
  return draft.causes.get(name);
}
