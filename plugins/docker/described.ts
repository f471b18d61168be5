/** What the runner is told of the containers that an inspection found. Pure. */
import type { ContainerFacts, OutOfReach, Redact } from "../../src/plugin.ts";
import type { Loops } from "./crash-loop.ts";
import { hidingVariables, type Inspected } from "./facts.ts";
import { oneLine } from "./fault.ts";
import { engineRestarts, remedyOf, stopsFor } from "./upkeep.ts";

/** What else is known of them, by name. */
interface Known {
  why: ReadonlyMap<string, OutOfReach>;
  others: ReadonlyMap<string, string>;
  loops: Pick<Loops, "last">;
  redact: Redact;
}

export function describeContainers(
  found: ReadonlyMap<string, Inspected>,
  known: Known,
): Record<string, ContainerFacts> {
  return Object.fromEntries([...found].map(([name, one]) => [name, describe(name, one, known)]));
}

function describe(name: string, container: Inspected, { why, others, loops, redact }: Known): ContainerFacts {
  const { facts } = container;
  const hide = hidingVariables(container.env);
  const hidden = (text: string) => redact(hide(text));
  const more: Partial<Record<keyof ContainerFacts, unknown>> = {
    outOfReach: why.get(name),
    replacedBy: others.get(name),
    engineRestarts: engineRestarts(container, hidden),
    recentRestarts: loops.last(name, facts.id),
    remedy: remedyOf(container),
    stopsFor: stopsFor(container),
  };
  const told = Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined));
  return { ...facts, error: oneLine(hidden(facts.error), 500), ...told };
}
