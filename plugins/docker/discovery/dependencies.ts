/** What services depend on, by the names that labels have for it. Pure. */
import type { ContainerView, LabelFault } from "./contract.ts";
import { composeOf } from "./identity.ts";
import { labelOf } from "./values.ts";
import type { Saying, Sayings } from "./vocabulary.ts";

const COMPOSE_DEPENDS_ON = "com.docker.compose.depends_on";

/** A container that labels switched on, under the name that it will have. */
export interface Named {
  view: ContainerView;
  name: string;
  said: Sayings;
}

export interface Dependencies {
  on: string[];
  by?: string;
  /** Names that no container and no listed service has. */
  absent: string[];
}

/** Finds services by what labels call them: `resolve` gives `undefined` for what nothing is called. */
export interface Names {
  resolve(text: string, from: ContainerView): string[] | undefined;
  ofCompose(project: string, service: string): string[];
}

/**
 * A name is one of a service (found, or listed in a file), else of a container, else of a service in the same
 * Compose project. A container that is no service can be depended on, and holds nobody.
 */
export function createNames(
  services: readonly Named[],
  views: readonly ContainerView[],
  listed: readonly string[],
): Names {
  const known = new Set([...listed, ...services.map(({ name }) => name)]);
  const byContainer = new Map(services.map(({ view, name }) => [view.name, name]));
  const containers = new Set(views.map(({ name }) => name));
  const byCompose = new Map<string, string[]>();
  const composed = new Set<string>();
  const keyOf = (project: string, service: string) => `${project}\n${service}`;
  for (const view of views) {
    const compose = composeOf(view);
    if (compose) composed.add(keyOf(compose.project, compose.service));
  }
  for (const { view, name } of services) {
    const compose = composeOf(view);
    if (!compose) continue;
    const key = keyOf(compose.project, compose.service);
    byCompose.set(key, [...(byCompose.get(key) ?? []), name]);
  }
  const ofCompose = (project: string, service: string) => byCompose.get(keyOf(project, service)) ?? [];
  return {
    ofCompose,
    resolve(text, from) {
      if (known.has(text)) return [text];
      if (containers.has(text)) return [byContainer.get(text) ?? []].flat();
      const project = composeOf(from)?.project;
      if (project === undefined || !composed.has(keyOf(project, text))) return undefined;
      return ofCompose(project, text);
    },
  };
}

export function dependenciesOf({ view, said }: Named, names: Names): Dependencies {
  if (said.dependsOn) return byLabel(view, said.dependsOn, names);
  const project = composeOf(view)?.project;
  const text = labelOf(view.labels, COMPOSE_DEPENDS_ON);
  if (project === undefined || !text) return { on: [], absent: [] };
  const on = composeServices(text).flatMap((service) => names.ofCompose(project, service));
  return { on: [...new Set(on)], by: COMPOSE_DEPENDS_ON, absent: [] };
}

function byLabel(view: ContainerView, { value, by }: Saying<string[]>, names: Names): Dependencies {
  const on: string[] = [];
  const absent: string[] = [];
  for (const text of value) {
    const found = names.resolve(text, view);
    if (found) on.push(...found);
    else absent.push(text);
  }
  return { on: [...new Set(on)], by, absent };
}

const MAX_COMPOSE_LENGTH = 100_000;

/** From `db:service_healthy:true,migrate:service_completed_successfully:false`: a job that ends holds nobody. */
function composeServices(text: string): string[] {
  if (text.length > MAX_COMPOSE_LENGTH) return [];
  return text
    .split(",")
    .map((entry) => entry.trim().split(":"))
    .filter(([, condition]) => condition !== "service_completed_successfully")
    .flatMap(([service]) => service || []);
}

/** One fault for each service on a cycle, which would wait for itself for ever; by the service's name. */
export function cycles(graph: ReadonlyMap<string, Dependencies>): Map<string, LabelFault> {
  const faults = new Map<string, LabelFault>();
  for (const cycle of strongComponents(graph)) {
    const [first] = cycle;
    const isLoop = cycle.length > 1 || graph.get(first!)!.on.includes(first!);
    if (!isLoop) continue;
    const found = `a cycle of ${cycle.slice(0, 10).join(", ")}`;
    for (const name of cycle) {
      const label = graph.get(name)!.by ?? "";
      faults.set(name, { label, found, accepted: "dependencies without a cycle" });
    }
  }
  return faults;
}

/** Tarjan's algorithm, with its stack kept by hand: a chain of thousands must not end in a full call stack. */
function strongComponents(graph: ReadonlyMap<string, Dependencies>): string[][] {
  const components: string[][] = [];
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const isOpen = new Set<string>();
  const enter = (name: string) => {
    order.set(name, order.size);
    lowest.set(name, order.get(name)!);
    open.push(name);
    isOpen.add(name);
    return { name, next: 0 };
  };
  const lower = (name: string, to: number) => lowest.set(name, Math.min(lowest.get(name)!, to));
  for (const root of graph.keys()) {
    const way = order.has(root) ? [] : [enter(root)];
    while (way.length > 0) {
      const step = way.at(-1)!;
      const other = graph.get(step.name)!.on[step.next++];
      if (other === undefined) {
        way.pop();
        const parent = way.at(-1);
        if (parent) lower(parent.name, lowest.get(step.name)!);
        if (lowest.get(step.name) !== order.get(step.name)) continue;
        const component = open.splice(open.lastIndexOf(step.name));
        for (const name of component) isOpen.delete(name);
        components.push(component.sort());
      } else if (graph.has(other)) {
        if (!order.has(other)) way.push(enter(other));
        else if (isOpen.has(other)) lower(step.name, order.get(other)!);
      }
    }
  }
  return components;
}
