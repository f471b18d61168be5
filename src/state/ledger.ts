/**
 * The only holder of the state. Every change goes through the pure core here. Alerts enter the outbox together with
 * the transition that caused them, and are saved together with it.
 */
import { openDraft } from "../core/context.ts";
import type { BrakeRule, Effect, WatchdogEvent } from "../core/event.ts";
import { holdSinceOrder } from "../core/holds.ts";
import { enqueue, type Routes, rested } from "../core/outbox.ts";
import type { Policies } from "../core/policy.ts";
import { shiftTimes } from "../core/shift-times.ts";
import type { WatchdogState } from "../core/state.ts";
import { transition } from "../core/transition.ts";
import type { TroubleId } from "../core/trouble-state.ts";
import { words } from "../core/words.ts";
import type { Ports } from "../plugin/contract.ts";
import { narrate } from "./narration.ts";
import type { StateStore } from "./store.ts";

/** Longer than any scheduler waits between two ticks: the watchdog did not run, or the clock was set. */
const LONG_REST_MS = 6 * 3_600_000;
/** Clocks are slewed all the time; only a step is a jump. */
const CLOCK_TOLERANCE_MS = 2000;

/** The services in a maintenance window at a time, with the end of the window. */
export type Calendar = (now: number) => Record<string, number>;

export interface Ledger {
  readonly state: WatchdogState;
  /** Applies an event: its alerts go to the outbox, its notes to the log. The other effects are for the caller. */
  apply(event: WatchdogEvent): Effect[];
  /** The time now. When the wall clock was set, this first moves the times in the state along. */
  now(): number;
  update(change: (state: WatchdogState) => WatchdogState): void;
  /** `false` when the save failed: the watchdog goes on in memory, and logs and tells it. */
  save(): Promise<boolean>;
  /** Whether an entry of the outbox may be sent: a save that includes it has ended, or failed and was told. */
  isStored(entryId: string): boolean;
  /** Why the last save failed; `undefined` when it did not. */
  unsaved(): string | undefined;
  /** Why another process owns the state now, for good: this one starts, tells and saves nothing any more. */
  lost(): string | undefined;
  /** Why the restart of a service may not begin now; `undefined` when it may, in this turn of the event loop. */
  mayAct(service: string): Promise<string | undefined>;
  /** Whether the state is ours, for what at worst happens twice (a delivery). */
  isOwner(): Promise<boolean>;
}

/** What the ledger decides by. A reload of the configuration replaces it as a whole. */
export interface Rules {
  policies: Policies;
  routes: Routes;
  brake?: BrakeRule;
  calendar?: Calendar;
}

export function createLedger(
  initial: WatchdogState,
  rules: () => Rules,
  file: StateStore,
  ports: Ports,
): Ledger {
  let state = initial;
  let unsaved: string | undefined;
  /** Entries of the outbox that no completed save includes. */
  const fresh = new Set<string>();
  let events = 0;
  const { clock } = ports;
  const run = runId(ports);

  // After a weekend without power, the alerts of the last hour before it are still worth sending.
  const unwatchedMs = initial.clockAt > 0 ? clock.now() - initial.clockAt : 0;
  if (unwatchedMs > LONG_REST_MS) state = { ...state, outbox: rested(state.outbox, unwatchedMs) };

  // A state from the future was written before the clock was set back.
  let offsetMs = initial.clockAt > clock.now() ? initial.clockAt - clock.monotonicMs() : wallOffsetMs();

  function wallOffsetMs(): number {
    return clock.now() - clock.monotonicMs();
  }

  /** Between two calls, the wall clock must have moved as far as the monotonic clock. */
  function now(): number {
    const jumpMs = wallOffsetMs() - offsetMs;
    if (Math.abs(jumpMs) > CLOCK_TOLERANCE_MS) {
      const seconds = Math.round(jumpMs / 1000);
      ports.log.warn(
        `the clock was set by ${seconds} s, or the machine slept: all waits continue where they were`,
      );
      state = shiftTimes(state, jumpMs);
    }
    offsetMs += jumpMs;
    return clock.now();
  }

  function worldAt(at: number) {
    const { policies, routes, brake, calendar } = rules();
    return { policies, routes, maintenance: calendar?.(at) ?? {}, ...(brake ? { brake } : {}) };
  }

  function apply(event: WatchdogEvent): Effect[] {
    const at = now();
    const moment = { now: at, id: `${run}${(events++).toString(36)}x` };
    const { routes, ...world } = worldAt(at);
    const next = transition(state, event, { ...world, moment });
    const alerts = next.effects.filter((effect) => effect.type === "alert");
    const sinks = event.type === "trouble" ? othersThan(event.trouble, routes) : routes;
    const { outbox, dropped } = enqueue(next.state.outbox, alerts, sinks, at);
    narrate(ports.log, next.effects, dropped);
    const known = next.state.outbox.entries.length - dropped.length;
    for (const { id } of outbox.entries.slice(known)) fresh.add(id);
    state = { ...next.state, outbox };
    return next.effects;
  }

  /** Saves the state. Afterwards, what was in the outbox before may be sent, whether or not the save succeeded. */
  async function store(): Promise<{ ok: true } | { ok: false; reason: string }> {
    const covered = [...fresh];
    const saved = await file.save(state);
    // Decisions of a process that no longer owns the state do not count.
    if (file.lost() === undefined) for (const id of covered) fresh.delete(id);
    return saved;
  }

  async function save(): Promise<boolean> {
    const saved = await store();
    if (!saved.ok) {
      unsaved = saved.reason;
      if (file.lost() !== undefined) return false;
      apply({ type: "trouble", trouble: "state", reason: saved.reason, tried: "save the state" });
      return false;
    }
    unsaved = undefined;
    if (state.troubles.state === undefined) return true;
    apply({ type: "trouble", trouble: "state", reason: null, tried: "save the state" });
    return (await store()).ok;
  }

  /** A hold that came up after the restart was ordered. */
  function holdSinceOrderOf(service: string): string | undefined {
    const at = now();
    const world = { ...worldAt(at), moment: { now: at, id: "" } };
    const policy = world.policies.get(service);
    if (policy === undefined) return words.notWatched;
    return holdSinceOrder(openDraft(state, world), policy)?.reason;
  }

  return {
    get state() {
      return state;
    },
    apply,
    now,
    update(change) {
      state = change(state);
    },
    save,
    isStored: (entryId) => !fresh.has(entryId),
    unsaved: () => unsaved,
    lost: file.lost,
    mayAct: async (service) => (await file.mayAct()) ?? holdSinceOrderOf(service),
    isOwner: file.isOwner,
  };
}

/** The failure of a sink is told through the other sinks. */
function othersThan(trouble: TroubleId, routes: Routes): Routes {
  return new Map([...routes].filter(([sink]) => trouble !== `sink:${sink}`));
}

/** Unique for this process, so that no two runs create the same id. */
function runId(ports: Ports): string {
  let id = ports.clock.now().toString(36);
  while (id.length < 16) id += Math.floor(ports.random() * 36).toString(36);
  return id;
}
