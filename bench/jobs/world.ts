/** Made-up services for the pure parts: their policies, and a state in which all of them are healthy. */
import type { Verdict } from "../../src/core/event.ts";
import { DEFAULT_POLICY, type Policies } from "../../src/core/policy.ts";
import { emptyState, type WatchdogState } from "../../src/core/state.ts";
import { transition } from "../../src/core/transition.ts";

export const nameOf = (i: number) => `service-${i}`;

export function policiesOf(count: number, dependsOn: (i: number) => string[]): Policies {
  const policies = new Map();
  for (let i = 0; i < count; i++) {
    const name = nameOf(i);
    policies.set(name, {
      ...DEFAULT_POLICY,
      name,
      displayName: `Service ${i}`,
      container: `bench-${name}`,
      dependsOn: dependsOn(i),
    });
  }
  return policies;
}

export function verdictsOf(policies: Policies, isUp: (i: number) => boolean): Record<string, Verdict> {
  const verdicts: Record<string, Verdict> = {};
  let i = 0;
  for (const name of policies.keys()) {
    verdicts[name] = isUp(i++)
      ? { ok: true, reason: "HTTP 200 in 3 ms" }
      : { ok: false, reason: "HTTP 503 in 3 ms" };
  }
  return verdicts;
}

/** Loaded, and all checked once at `now`. */
export function stateAfter(policies: Policies, now: number): WatchdogState {
  const world = (id: string) => ({ policies, moment: { now, id } });
  const loaded = transition(emptyState(), { type: "loaded" }, world("a")).state;
  const verdicts = verdictsOf(policies, () => true);
  return transition(loaded, { type: "checked", verdicts }, world("b")).state;
}
