/** Wires a watchdog: from configuration, plugins and a state file to something that can tick. */
import { dirname, join } from "node:path";
import type { Config } from "./config/config.ts";
import type { OperatorAnswer, OperatorRequest } from "./core/event.ts";
import { replay } from "./core/outbox.ts";
import { words } from "./core/words.ts";
import { type Courier, createCourier } from "./delivery/courier.ts";
import { drain } from "./delivery/drain.ts";
import { deliverUntil, prepareSending } from "./delivery/late.ts";
import { createIncidentStore } from "./incidents/store.ts";
import type { Ports, Sink } from "./plugin/contract.ts";
import { watchdogFormat } from "./state/codec.ts";
import { createLedger, type Ledger } from "./state/ledger.ts";
import { restoreState } from "./state/restore.ts";
import { openStateFile, type StateStore } from "./state/store.ts";
import { createTurns, withDeadline } from "./system/clock.ts";
import { keepHeapSmall } from "./system/heap.ts";
import { errorText } from "./system/log.ts";
import { type Looked, tellFound } from "./tick/discovery.ts";
import { createLookout } from "./tick/observe.ts";
import type { TickResult } from "./tick/report.ts";
import type { Configured, Roster } from "./tick/roster.ts";
import { takeOver } from "./tick/services.ts";
import { createTicker, type Ticker } from "./tick/tick.ts";
import { createWatched } from "./tick/watched.ts";

/** How long a tick waits for the look at this host, which otherwise ends behind it. */
const LONGEST_LOOK_MS = 2000;
/** How long an ending process waits for its last alerts to be delivered. */
const LAST_DELIVERIES_MS = 5000;

/** Exists while this process holds the state. */
interface Live {
  /** Aborts when nothing new may begin: the process ends, or another process owns the state. */
  ending: AbortController;
  /** Aborts running checks and deliveries. */
  cut: AbortController;
  store: StateStore;
  ledger: Ledger;
  courier: Courier;
  ticker: Ticker;
}

export type Opening = { ok: true } | { ok: false; fault: "locked" | "newer" | "unusable"; reason: string };

/** `not held`: this process had no state to save. */
export type Closing = { state: "saved" | "not held" } | { state: "unsaved"; reason: string };

export type Watchdog = ReturnType<typeof createWatchdog>;

interface Options {
  /** The first checks of many services may be spread over the first interval: only the internal cron ticks so often. */
  spread?: boolean;
  lease?: { leaseMs?: number; renewMs?: number };
  /** Called when services have joined, left or changed, with the configuration as it is now. */
  onSwitch?(config: Config): void;
}

/** `tick` and `operate` take the state if no other process holds it; `close` ends what runs and gives it back. */
export function createWatchdog(
  initial: Configured,
  ports: Ports,
  { spread = false, lease = {}, onSwitch = () => {} }: Options = {},
) {
  let live: Live | null = null;
  const watched = createWatched(initial, ports, spread, onUse, (service) => {
    return (live?.ledger.state.services[service]?.failures ?? 0) > 0;
  });
  /** One after another: each may replace the roster. */
  const inTurn = createTurns();
  /** Tells whoever asked for the reload that is being made. */
  let swapped = () => {};
  /** Set while alerts go to the receivers of before. */
  let formerRoutes: Roster["routes"] | undefined;
  const rules = () => (formerRoutes ? { ...watched.roster(), routes: formerRoutes } : watched.roster());
  /** Sinks that are not configured any more, while alerts wait for them. */
  let draining: ReadonlyMap<string, Sink> = new Map();
  const incidents = createIncidentStore(
    join(dirname(initial.config.stateFile), "incidents"),
    ports.log,
    (service, id) => live?.ledger.state.services[service]?.outage?.id === id,
  );
  let lastTickMs: number | undefined;
  /** Why the configuration is refused; told again whenever this process takes the state. */
  let refused: string | null = null;
  let ended = false;

  /** Takes the state, unless another process holds it. */
  async function open(): Promise<Opening> {
    if (live !== null && live.store.lost() === undefined) return { ok: true };
    live = null;
    await keepHeapSmall(initial.config.services.size);
    const ending = new AbortController();
    const cut = new AbortController();
    let store: StateStore | undefined;
    function onLost(reason: string): void {
      ending.abort(reason);
      cut.abort(reason);
      void store?.close();
    }
    const path = initial.config.stateFile;
    const opened = await openStateFile({ path, format: watchdogFormat, ...ports, ...lease, onLost });
    if (!opened.ok) return opened;
    store = opened.store;
    await incidents.open();
    const looked = await inTurn(watched.open);
    const { registry, config } = watched.current();
    await takeOver(registry.restarters.values(), watched.roster().services, config.stateFile, ports);
    const { state, trouble } = restoreState(opened);
    const lookout = createLookout(watched.roster, ports);
    const ledger = createLedger(state, rules, opened.store, ports);
    ledger.apply({ type: "loaded", ends: await lookout.ends(state), isPartial: watched.isPartial() });
    tellFound(ledger, looked, ports);
    const reason = trouble ?? opened.damaged;
    if (reason) ledger.apply({ type: "trouble", trouble: "state-file", reason, tried: "load" });
    if (refused !== null) tellRefused(ledger);
    const courier = createCourier(
      ledger,
      () => watched.roster().sinks,
      ports,
      deliverUntil(cut.signal, ports),
      () => draining,
    );
    const ticker = createTicker({
      ledger,
      roster: watched.roster,
      deliverDue: courier.flush,
      ports,
      lookout,
      incidents,
      ending: ending.signal,
      shutdown: cut.signal,
    });
    if (ended) ending.abort(words.shuttingDown);
    live = { ending, cut, store: opened.store, ledger, courier, ticker };
    return { ok: true };
  }

  async function tick(): Promise<TickResult> {
    if (ended) return { ok: false, reason: `nothing was done: ${words.shuttingDown}` };
    const before = live;
    const opening = await openOnce();
    if (!opening.ok) {
      if (opening.fault !== "locked") return { ok: false, reason: opening.reason };
      return { ok: true, report: { status: "skipped", reason: "locked", detail: opening.reason } };
    }
    // Who has just opened the state has just looked. An engine that hangs must not delay the checks.
    if (live === before) await withDeadline(ports.clock, LONGEST_LOOK_MS, refresh());
    if (live === null) return { ok: false, reason: `nothing was done: ${words.shuttingDown}` };
    const result = await live.ticker.tick();
    if (result.ok) lastTickMs = ports.clock.monotonicMs();
    return result;
  }

  /** In the turn of the event loop in which everything begins to run on another roster. */
  function onUse(before: Roster | undefined): void {
    swapped();
    swapped = () => {};
    onSwitch(watched.current().config);
    if (live === null || before === undefined || live.store.lost() !== undefined) return;
    // Receivers that were told of an outage hear of its end, also if they name their services.
    formerRoutes = before.routes;
    live.ledger.apply({ type: "configured", isPartial: watched.isPartial() });
    formerRoutes = undefined;
    draining = drain(live.ledger, before.sinks, watched.roster().sinks, draining);
  }

  /** Takes up what has changed on this host. Never rejects: the services that are known are checked all the same. */
  async function refresh(): Promise<void> {
    const before = watched.roster();
    try {
      const looked = await inTurn(watched.find);
      if (watched.roster() !== before) await carryOn(looked);
      else if (live !== null) tellFound(live.ledger, looked, ports);
    } catch (error) {
      ports.log.error(`an error of ours: what was found on this host cannot be used: ${errorText(error)}`);
    }
  }

  /**
   * From the next step on, everything runs on this configuration: `onSwap` is called in that turn of the event loop.
   * Checks and restarts that are under way go on; the outcome of a check counts only if its service is configured as it
   * was.
   */
  async function adopt(next: Configured, onSwap: () => void): Promise<void> {
    const looked = await inTurn(() => {
      swapped = onSwap;
      return watched.replace(next);
    });
    // What is being opened has begun with the services of before.
    while (opening !== null) await opening.catch(() => {});
    await carryOn(looked);
  }

  async function carryOn(looked: Looked): Promise<void> {
    const { registry, config } = watched.current();
    await keepHeapSmall(config.services.size);
    if (live === null || live.store.lost() !== undefined) return;
    tellFound(live.ledger, looked, ports);
    await live.ledger.save();
    if (live?.store.lost() !== undefined) return;
    await takeOver(registry.restarters.values(), watched.roster().services, config.stateFile, ports);
    void live?.courier.flush();
  }

  const tellRefused = (ledger: Ledger) =>
    ledger.apply({
      type: "trouble",
      trouble: "configuration",
      reason: refused,
      tried: "load the configuration",
    });

  let opening: Promise<Opening> | null = null;
  function openOnce(): Promise<Opening> {
    opening ??= open().finally(() => {
      opening = null;
    });
    return opening;
  }

  /** From now on, no tick, restart or operator request begins. Restarts that were ordered wait for the next process. */
  function end(): void {
    ended = true;
    live?.ending.abort(words.shuttingDown);
  }

  /** Ends what runs and gives the state back. Without an earlier `end`, queued restarts get half of the time. */
  async function close(graceMs: number): Promise<Closing> {
    await opening;
    if (live === null) return { state: "not held" };
    const { ticker, courier, ledger, store, cut } = live;
    await withDeadline(ports.clock, graceMs / 2, ticker.idle());
    end();
    // Alerts that are not delivered by then wait in the outbox for the next process.
    await withDeadline(ports.clock, Math.min(graceMs / 4, LAST_DELIVERIES_MS), courier.flush());
    // Abort what hangs: checks become unknown, deliveries are retried.
    cut.abort("shutting down");
    await withDeadline(ports.clock, graceMs / 4, ticker.idle());
    const saved = await ledger.save();
    await withDeadline(ports.clock, graceMs / 4, incidents.idle());
    await store.close();
    live = null;
    if (saved) return { state: "saved" };
    return { state: "unsaved", reason: store.lost() ?? ledger.unsaved() ?? "the last save failed" };
  }

  return {
    open: openOnce,
    tick,
    ledger: () => live?.ledger,
    incidents,
    /** Retries a dead letter at once. */
    async replay(id: string): Promise<boolean> {
      const outbox = live && replay(live.ledger.state.outbox, id, live.ledger.now());
      if (!live || !outbox) return false;
      live.ledger.update((state) => ({ ...state, outbox }));
      await live.ledger.save();
      void live.courier.flush();
      return true;
    },
    async operate(request: OperatorRequest): Promise<OperatorAnswer> {
      const opening = await openOnce();
      if (!opening.ok) return { code: "refused", text: opening.reason };
      return live!.ticker.operate(request);
    },
    async deliver(signal: AbortSignal) {
      while (!signal.aborted) {
        const current = live;
        if (current === null || current.cut.signal.aborted) await ports.clock.wait(1000, signal);
        else await current.courier.run(AbortSignal.any([signal, current.cut.signal]));
      }
    },
    adopt,
    current: watched.current,
    /** Something on this host has changed: it is taken up now, if this process holds the state. */
    async changed(): Promise<void> {
      watched.changed();
      if (live !== null && live.store.lost() === undefined && !ended) await refresh();
    },
    /** From now on `changed` is called for each change. */
    followed: watched.followed,
    /** Tells that a changed configuration cannot be used, or (`null`) that it can again. */
    async refuse(reason: string | null): Promise<void> {
      refused = reason;
      if (live === null || live.store.lost() !== undefined) return;
      tellRefused(live.ledger);
      await live.ledger.save();
      void live.courier.flush();
    },
    lastTickMs: () => lastTickMs,
    end,
    prepare: prepareSending,
    close,
  };
}
