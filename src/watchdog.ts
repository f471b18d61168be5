/** A watchdog, wired: configuration, plugins and state file become something that can tick. */
import { dirname, join } from "node:path";
import type { Config } from "./config/config.ts";
import type { OperatorRequest } from "./core/event.ts";
import { replay } from "./core/outbox.ts";
import { STATE_VERSION } from "./core/state.ts";
import { type Courier, createCourier } from "./delivery/courier.ts";
import { createIncidentStore } from "./incidents/store.ts";
import type { Ports } from "./plugin.ts";
import type { Registry } from "./plugins/registry.ts";
import { keepHeapSmall } from "./shell/heap.ts";
import { hiding, secretsOf } from "./shell/secrets.ts";
import { within } from "./shell/within.ts";
import type { StateStore } from "./state/file.ts";
import { openStateFile } from "./state/file.ts";
import { createLedger, type Ledger } from "./tick/ledger.ts";
import { createCalendar } from "./tick/maintenance.ts";
import type { TickResult } from "./tick/report.ts";
import { restoreState } from "./tick/restore.ts";
import { createLookout } from "./tick/surroundings.ts";
import { createTicker, type Ticker } from "./tick/tick.ts";
import { wireServices } from "./tick/wiring.ts";

/** The sentinel is asked by the ordinary HTTP check: any answer says that the network is there. */
function sentinelOf(config: Config, registry: Registry) {
  const check = registry.checks.get("http");
  if (config.sentinel === undefined || check === undefined) return undefined;
  const options = { status: [[100, 599]] };
  const { url } = config.sentinel;
  const target = { name: "sentinel", displayName: "Sentinel", url, container: "", timeoutMs: 1500, options };
  return async (signal: AbortSignal) => {
    const result = await check.run(target, signal);
    return result.ok || result.unknown ? null : result.reason;
  };
}

/** A process that ends gives its last alerts this long. */
const LAST_DELIVERIES_MS = 5000;

/** What there is while this process holds the state. */
interface Live {
  store: StateStore;
  ledger: Ledger;
  courier: Courier;
  ticker: Ticker;
}

export type Opening = { ok: true } | { ok: false; fault: "locked" | "newer" | "unusable"; reason: string };

export type Watchdog = ReturnType<typeof createWatchdog>;

/** `tick`, `operate` and `deliver` take the state when they can; `close` ends what runs and gives it back. */
export function createWatchdog(
  config: Config,
  registry: Registry,
  ports: Ports,
  { spread = false }: { spread?: boolean } = {},
) {
  const shutdown = new AbortController();
  const hide = hiding(secretsOf(config));
  const services = wireServices(config, registry);
  const incidents = createIncidentStore(join(dirname(config.stateFile), "incidents"), ports.log);
  let live: Live | null = null;
  let lastTickMs: number | undefined;

  /** Takes the state, unless another process holds it. */
  async function open(): Promise<Opening> {
    if (live !== null && live.store.lost() === undefined) return { ok: true };
    live = null;
    await keepHeapSmall(config.services.size);
    const opened = await openStateFile({ path: config.stateFile, version: STATE_VERSION, ...ports });
    if (!opened.ok) return opened;
    const { state, trouble } = restoreState(opened);
    const calendar = await createCalendar(config.maintenance, config.services);
    const sentinel = sentinelOf(config, registry);
    const lookout = createLookout({ services, policies: config.services, sentinel, ports });
    const routes = new Map([...registry.sinks].map(([name, { settings }]) => [name, settings]));
    const ledger = createLedger(state, config.services, opened.store, ports, () => routes, {
      ...(config.brake === undefined ? {} : { brake: config.brake }),
      calendar,
    });
    ledger.apply({ type: "loaded", ends: await lookout.ends(state) });
    if (trouble) ledger.apply({ type: "trouble", trouble: "state-file", reason: trouble, tried: "load" });
    const courier = createCourier(
      ledger,
      () => registry.sinks,
      ports,
      async (sink, alerts) => {
        const { deliver } = await import("./delivery/send.ts");
        const delivery = await deliver(sink, alerts, ports, shutdown.signal);
        // Receivers echo what they were sent, and not always as it was sent.
        return { ...delivery, reason: hide(delivery.reason) };
      },
    );
    const ticker = createTicker({
      ledger,
      policies: config.services,
      services,
      courier,
      ports,
      budgetMs: config.tickBudgetMs,
      spread,
      maxConcurrentRestarts: config.maxConcurrentRestarts,
      lookout,
      incidents,
      hooks: [...registry.hooks.values()],
      shutdown: shutdown.signal,
    });
    live = { store: opened.store, ledger, courier, ticker };
    return { ok: true };
  }

  async function tick(): Promise<TickResult> {
    const opening = await openOnce();
    if (!opening.ok) {
      if (opening.fault !== "locked") return { ok: false, reason: opening.reason };
      return { ok: true, report: { status: "skipped", reason: "locked", detail: opening.reason } };
    }
    const result = await live!.ticker.tick();
    if (result.ok) lastTickMs = ports.clock.monotonicMs();
    return result;
  }

  let opening: Promise<Opening> | null = null;
  function openOnce(): Promise<Opening> {
    opening ??= open().finally(() => {
      opening = null;
    });
    return opening;
  }

  async function close(graceMs: number): Promise<void> {
    if (live === null) return;
    const { ticker, courier, ledger, store } = live;
    await within(ports.clock, graceMs / 2, ticker.idle());
    // What is not delivered soon waits in the outbox for the next process.
    await within(ports.clock, Math.min(graceMs / 4, LAST_DELIVERIES_MS), courier.flush());
    // What hangs is cut off: checks become unknown, deliveries are tried again.
    shutdown.abort("shutting down");
    await within(ports.clock, graceMs / 4, ticker.idle());
    await ledger.save();
    await store.close();
    live = null;
  }

  return {
    open: openOnce,
    tick,
    ledger: () => live?.ledger,
    incidents,
    /** Tries a dead letter again, at once. */
    async replay(id: string): Promise<boolean> {
      const now = ports.clock.now();
      const outbox = live && replay(live.ledger.state.outbox, id, now);
      if (!live || !outbox) return false;
      live.ledger.update((state) => ({ ...state, outbox }));
      await live.ledger.save();
      void live.courier.flush();
      return true;
    },
    async operate(request: OperatorRequest): Promise<{ done: boolean; text: string }> {
      const opening = await openOnce();
      if (!opening.ok) return { done: false, text: opening.reason };
      return live!.ticker.operate(request);
    },
    async deliver(signal: AbortSignal) {
      while (!signal.aborted) {
        if (live) await live.courier.run(signal);
        else await ports.clock.wait(1000, signal);
      }
    },
    lastTickMs: () => lastTickMs,
    close,
  };
}
