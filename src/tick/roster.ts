/** Whom the watchdog watches, and how: all that follows from one configuration. A reload makes the next one. */
import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config/config.ts";
import type { Sink } from "../plugin/contract.ts";
import type { TickHook } from "../plugin/hook.ts";
import type { Registry } from "../plugin/registry.ts";
import type { Rules } from "../state/ledger.ts";
import { createCalendar } from "./calendar.ts";
import { isSpread } from "./intervals.ts";
import { createSentinel, type WiredService, wireServices } from "./services.ts";

/** A configuration, and what its plugins provide. */
export interface Configured {
  config: Config;
  registry: Registry;
}

/** It is replaced as a whole, never changed. */
export interface Roster extends Rules {
  services: ReadonlyMap<string, WiredService>;
  /** Asks whether the watchdog's own network works; absent when no sentinel is configured. */
  sentinel?: (signal: AbortSignal) => Promise<string | null>;
  /** Alerts go to these. */
  sinks: ReadonlyMap<string, Sink>;
  hooks: readonly TickHook[];
  /** A tick returns within this time; unfinished work goes on behind it. */
  budgetMs: number;
  /** Spreads the first checks over the first interval, for a trigger that ticks several times per interval. */
  spread: boolean;
  maxConcurrentRestarts: number;
}

/** A service that is configured as in `before` is the same object there and here. */
export async function createRoster({ config, registry }: Configured, before?: Roster): Promise<Roster> {
  const { brake, services: policies } = config;
  const sentinel = createSentinel(config, registry);
  return {
    policies,
    routes: new Map([...registry.sinks].map(([name, { settings }]) => [name, settings])),
    ...(brake === undefined ? {} : { brake }),
    calendar: await createCalendar(config.maintenance, policies),
    services: kept(wireServices(config, registry), before?.services),
    ...(sentinel === undefined ? {} : { sentinel }),
    sinks: registry.sinks,
    hooks: [...registry.hooks.values()],
    budgetMs: config.tickBudgetMs,
    spread: isSpread(config),
    maxConcurrentRestarts: config.maxConcurrentRestarts,
  };
}

function kept(
  services: ReadonlyMap<string, WiredService>,
  before: ReadonlyMap<string, WiredService> = new Map(),
): Map<string, WiredService> {
  const same = (name: string, wired: WiredService) => {
    const old = before.get(name);
    return old !== undefined && isSame(old, wired) ? old : wired;
  };
  return new Map([...services].map(([name, wired]) => [name, same(name, wired)]));
}

function isSame(one: WiredService, other: WiredService): boolean {
  return (
    one.check === other.check &&
    one.restarter === other.restarter &&
    isDeepStrictEqual(
      [one.target, one.checkOptions, one.restarterOptions],
      [other.target, other.checkOptions, other.restarterOptions],
    )
  );
}
