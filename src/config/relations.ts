/** Faults between services: unknown names, cycles, and containers and plugins that do not fit together. */

import type { Awaited } from "./config.ts";
import { type Fault, joinPath, show } from "./fault.ts";
import { nearest, suggest } from "./nearest.ts";
import type { Service } from "./service.ts";

/** `between`: all of these services take part in it; absent: the one that `path` names. */
export interface RelationFault extends Fault {
  between?: readonly string[];
}

const RELATIONS = ["dependsOn", "restartWith"] as const;

/** Takes out the names that no service has yet: whoever is found under one of them comes in then. */
export function takeAwaited(services: Map<string, Service>, names: readonly string[]): Awaited[] {
  const known = new Set(names);
  const awaited: Awaited[] = [];
  for (const [name, service] of services) {
    const { policy } = service;
    if (RELATIONS.every((key) => policy[key].every((other) => known.has(other)))) continue;
    for (const key of RELATIONS) {
      policy[key].forEach((other, i) => {
        if (!known.has(other)) awaited.push({ path: joinPath(["services", name, key, i]), name: other });
      });
    }
    const [dependsOn, restartWith] = RELATIONS.map((key) => policy[key].filter((one) => known.has(one)));
    services.set(name, {
      ...service,
      policy: { ...policy, dependsOn: dependsOn!, restartWith: restartWith! },
    });
  }
  return awaited;
}

/**
 * `names`: all services in the file, including those with faults of their own. `mayFind`: a name that nobody has may
 * be that of a service that is found later.
 */
export function relationFaults(
  services: ReadonlyMap<string, Service>,
  names: readonly string[],
  mayFind: boolean,
): RelationFault[] {
  const faults: RelationFault[] = [];
  const known = new Set(names);
  for (const [name, { policy }] of services) {
    for (const key of RELATIONS) {
      policy[key].forEach((other, i) => {
        const path = joinPath(["services", name, key, i]);
        if (other === name) {
          faults.push({ path, found: `${show(other)}, the service itself`, accepted: "another service" });
        } else if (!mayFind && !known.has(other)) {
          faults.push({
            path,
            found: `unknown service ${show(other)}`,
            accepted: suggest(
              other,
              names.filter((one) => one !== name),
              "no name: there is no other service",
            ),
          });
        }
      });
    }
  }
  return [...faults, ...cycleFaults(services), ...containerFaults(services)];
}

/**
 * One fault for each cycle of `dependsOn`, whose services would wait for each other for ever. (`restartWith` may be
 * mutual: each service is then restarted once along with the other.)
 */
function cycleFaults(services: ReadonlyMap<string, Service>): RelationFault[] {
  const faults: RelationFault[] = [];
  const done = new Set<string>();
  for (const root of services.keys()) {
    // Depth first, with an explicit stack: a chain of thousands must not overflow the call stack.
    const way: { name: string; next: number }[] = [{ name: root, next: 0 }];
    const onWay = new Set([root]);
    while (way.length > 0) {
      const step = way.at(-1)!;
      const other = services.get(step.name)!.policy.dependsOn[step.next++];
      if (other === undefined || done.has(step.name)) {
        done.add(step.name);
        onWay.delete(step.name);
        way.pop();
      } else if (onWay.has(other)) {
        const cycle = way.slice(way.findIndex(({ name }) => name === other)).map(({ name }) => name);
        // A service that depends on itself already has a fault.
        if (cycle.length > 1) faults.push(cycleFault(cycle));
      } else if (services.has(other)) {
        way.push({ name: other, next: 0 });
        onWay.add(other);
      }
    }
  }
  return faults;
}

/** A longer cycle is cut in the middle to this many services. */
const CYCLE_SHOWN = 20;

function cycleFault(cycle: readonly string[]): RelationFault {
  const way = [...cycle.slice(0, CYCLE_SHOWN), ...(cycle.length > CYCLE_SHOWN ? ["…"] : []), cycle[0]!];
  const found = `a cycle: ${way.join(" -> ")}`;
  return {
    path: joinPath(["services", cycle[0]!, "dependsOn"]),
    found,
    accepted: "dependencies without a cycle",
    between: cycle,
  };
}

/**
 * Two services that would restart the same container. Backoff, budget and evidence belong to a service, so together
 * they could restart the container twice as often as allowed, even at the same time. A service that only notifies may
 * share a container.
 */
function containerFaults(services: ReadonlyMap<string, Service>): Fault[] {
  const faults: Fault[] = [];
  const owners = new Map<string, string>();
  for (const [name, { policy, target }] of services) {
    if (policy.container === "" || (policy.action !== "restart" && policy.action !== "stop")) continue;
    const key = `${target.restarter} ${policy.container}`;
    const owner = owners.get(key);
    if (owner === undefined) {
      owners.set(key, name);
      continue;
    }
    faults.push({
      path: joinPath(["services", name, "container"]),
      found: `${show(policy.container)}, which ${joinPath(["services", owner])} restarts`,
      accepted:
        'a container of its own; or "action": "notify", to watch it and leave the restart to the other',
    });
  }
  return faults;
}

/** Checks and restarters that no plugin provides. Those of built-in plugins have the name of the plugin. */
export function providerFaults(
  services: ReadonlyMap<string, Service>,
  wanted: ReadonlySet<string>,
  builtIn: readonly string[],
): Fault[] {
  const faults: Fault[] = [];
  for (const [name, { policy, target }] of services) {
    for (const key of ["check", "restarter"] as const) {
      const provider = target[key];
      if (wanted.has(provider)) continue;
      const idle = policy.container === "" || policy.action === "notify" || policy.action === "none";
      if (key === "restarter" && idle && builtIn.includes(provider)) continue;
      const off = builtIn.includes(provider);
      const near = nearest(provider, wanted);
      const some = `the name of a plugin that is on: ${[...wanted].join(", ")}`;
      faults.push({
        path: joinPath(["services", name, key]),
        found: off
          ? `${show(provider)}, a plugin that is off`
          : `${show(provider)}, which no plugin provides`,
        accepted: off
          ? `${some}; or switch it on with "plugins": { "${provider}": {} }`
          : near === undefined
            ? some
            : `"${near}" (the nearest known one), or ${some}`,
      });
    }
  }
  return faults;
}
