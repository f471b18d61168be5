import type { Policies } from "../core/policy.ts";
import type { KnownContainer } from "../core/state.ts";
import type { ContainerFacts, Restarter } from "../plugin.ts";
import { errorText } from "../shell/error-text.ts";
import type { WiredService } from "./tick.ts";

export interface Inspector {
  /** Facts by service. `fault`: why an engine does not answer; `null` when it does; absent when none was asked. */
  inspect(
    names: readonly string[],
    signal: AbortSignal,
  ): Promise<{ facts: Map<string, ContainerFacts>; fault: string | null | undefined }>;
  /** What the rules need of a container's facts. */
  known(name: string, facts: ContainerFacts, signal: AbortSignal): Promise<KnownContainer>;
}

/** Asks the restarters about the containers of services. Never rejects. */
export function createInspector(services: ReadonlyMap<string, WiredService>, policies: Policies): Inspector {
  /** The names to look at, by the restarter that knows their containers. */
  function byRestarter(names: readonly string[]): Map<Restarter, string[]> {
    const groups = new Map<Restarter, string[]>();
    for (const name of names) {
      const restarter = services.get(name)?.restarter;
      if (restarter?.inspect === undefined || policies.get(name)!.container === "") continue;
      const group = groups.get(restarter);
      if (group) group.push(name);
      else groups.set(restarter, [name]);
    }
    return groups;
  }

  async function inspect(names: readonly string[], signal: AbortSignal) {
    const facts = new Map<string, ContainerFacts>();
    let fault: string | null | undefined;
    for (const [restarter, group] of byRestarter(names)) {
      const containers = group.map((name) => policies.get(name)!.container);
      const found = await restarter.inspect!(containers, signal).catch((error) => ({
        ok: false as const,
        reason: errorText(error),
        fault: undefined,
      }));
      if (found.ok) {
        fault ??= null;
        for (const name of group) {
          const one = found.containers[policies.get(name)!.container];
          if (one) facts.set(name, one);
        }
      } else if (found.fault === "engine_unreachable") fault = found.reason;
    }
    return { facts, fault };
  }

  async function known(name: string, facts: ContainerFacts, signal: AbortSignal): Promise<KnownContainer> {
    const { id, image, configHash, startedAt, startPeriodMs, networkParent } = facts;
    const byHand = policies.get(name)!.respectManualStop
      ? await stoppedByHand(name, facts, signal)
      : undefined;
    return {
      id,
      build: `${image} ${configHash}`.trim(),
      startedAt,
      ...(startPeriodMs === undefined ? {} : { startPeriodMs }),
      ...(networkParent === undefined ? {} : { networkParent }),
      ...(byHand === undefined ? {} : { stoppedByHand: byHand }),
    };
  }

  async function stoppedByHand(name: string, facts: ContainerFacts, signal: AbortSignal) {
    if (facts.status === "paused") return "paused by a person (`docker unpause` ends it)";
    if (facts.status !== "exited") return undefined;
    return services.get(name)!.restarter?.stoppedByHand?.(policies.get(name)!.container, signal);
  }

  return { inspect, known };
}
