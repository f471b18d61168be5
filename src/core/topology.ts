/** Which services need which: causes come before their dependents. */
import type { Draft } from "./context.ts";
import type { Policies } from "./policy.ts";
import type { ServiceState } from "./state.ts";
import { outOfReach } from "./state.ts";

const orders = new WeakMap<Policies, string[]>();

/** Services, each after those that it depends on. Takes linear time, and is remembered for each configuration. */
export function dependencyOrder(policies: Policies): readonly string[] {
  const known = orders.get(policies);
  if (known) return known;
  const order: string[] = [];
  const visited = new Set<string>();
  for (const start of policies.keys()) {
    // No recursion: a chain of thousands of services must not overflow the call stack.
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

/** What a service needs: its `dependsOn`, and the service in whose network namespace it lives. */
function needs(draft: Draft, name: string): readonly string[] {
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
 * Services that are restarted right after this one: those in its network namespace; and those of `restartWith`, if
 * this one is the first of a chain, because they may name each other.
 */
export function followers(draft: Draft, name: string, first: boolean): string[] {
  const named = first ? (draft.policies.get(name)?.restartWith ?? []) : [];
  const inside = draft.childrenOf(draft.services[name]?.container?.id);
  return [...new Set([...named, ...inside])].filter((other) => draft.policies.has(other) && other !== name);
}

/**
 * Whether a service counts as healthy for those that need it. One that fails in its start period does not. One that is
 * out of reach does: we know only that it is running, and those that need it have checks of their own.
 */
const isHealthy = (service: ServiceState | undefined) =>
  service === undefined ||
  (service.status === "healthy" && service.lastPassAt >= service.lastFailAt) ||
  outOfReach(service) !== undefined;

/** Follows the first unhealthy service that this one needs, and so on, down to one that waits for nothing itself. */
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
  // All services on the way have the same root cause: a chain is walked once in a tick, not once for each service.
  const end = draft.causes.get(at) ?? at;
  for (const one of passed) draft.causes.set(one, one === end ? undefined : end);
  return draft.causes.get(name);
}
