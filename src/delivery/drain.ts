/** What becomes of alerts that wait for a sink when the configuration takes it away or changes it. */
import { tryAgain } from "../core/outbox.ts";
import type { Sink } from "../plugin/contract.ts";
import type { Ledger } from "../state/ledger.ts";

type Sinks = ReadonlyMap<string, Sink>;

/**
 * What waits for a sink that was removed is still delivered; a sink that was changed is tried at once. Returns the
 * sinks to deliver to that are not configured any more; `draining` are those from before.
 */
export function drain(ledger: Ledger, before: Sinks, after: Sinks, draining: Sinks): Sinks {
  const { entries, sinks } = ledger.state.outbox;
  const waiting = new Set(entries.map(({ sink }) => sink));
  const removed = [...draining, ...before].filter(([name]) => !after.has(name));
  // What waits for a receiver that is gone for good goes to the dead letters.
  const gone = removed.map(([name]) => name).filter((name) => sinks[name]?.disabled);
  for (const [name] of removed) {
    ledger.apply({ type: "trouble", trouble: `sink:${name}`, reason: null, tried: "deliver alerts" });
  }
  const changed = [...after].filter(([name, sink]) => before.get(name) !== sink);
  const names = new Set([...changed.map(([name]) => name), ...gone]);
  ledger.update((state) => ({ ...state, outbox: tryAgain(state.outbox, names, ledger.now()) }));
  return new Map(removed.filter(([name]) => waiting.has(name) && !gone.includes(name)));
}
