/**
 * The one holder of the state: every change goes through the pure core here, alerts enter the outbox
 * with the transition that caused them, and saves are shared by whoever asks for one.
 */

import type { Alert } from "../core/alert.ts";
import { shiftTimes } from "../core/clock.ts";
import type { BrakeRule, Effect, WatchdogEvent } from "../core/event.ts";
import { enqueue, type Routes } from "../core/outbox.ts";
import type { Policies } from "../core/policy.ts";
import type { WatchdogState } from "../core/state.ts";
import { transition } from "../core/transition.ts";
import { words } from "../core/words.ts";
import type { Ports } from "../plugin.ts";
import type { StateStore } from "../state/file.ts";
import type { Calendar } from "./maintenance.ts";

/** Clocks are slewed all the time; only a step is a jump. */
const CLOCK_TOLERANCE_MS = 2000;

export interface Ledger {
  readonly state: WatchdogState;
  /** Applies an event; its alerts are in the outbox, its notes are logged, the rest is the caller's to do. */
  apply(event: WatchdogEvent): Effect[];
  /** Now, after the state was moved along with a wall clock that was set. */
  now(): number;
  update(change: (state: WatchdogState) => WatchdogState): void;
  /** `false` when it could not be saved: the watchdog goes on in memory and says so. */
  save(): Promise<boolean>;
  /** Whether an entry of the outbox may go out: a save that holds it has ended, or has failed loudly. */
  isStored(entryId: string): boolean;
  /** Why the last save failed; `undefined` when it did not. */
  unsaved(): string | undefined;
}

export function createLedger(
  initial: WatchdogState,
  policies: Policies,
  file: StateStore,
  ports: Ports,
  routes: () => Routes,
  rules: { brake?: BrakeRule; calendar?: Calendar } = {},
): Ledger {
  let state = initial;
  let unsaved: string | undefined;
  /** Entries that no ended save holds. */
  const fresh = new Set<string>();
  let events = 0;
  const brake = rules.brake === undefined ? {} : { brake: rules.brake };
  const { clock } = ports;
  const run = runId(ports);

  // A state from the future was written before the clock was set back.
  let offsetMs = initial.clockAt > clock.now() ? initial.clockAt - clock.monotonicMs() : wallOffsetMs();

  function wallOffsetMs(): number {
    return clock.now() - clock.monotonicMs();
  }

  /** Between two looks, the wall clock must have moved as far as the monotonic one. */
  function now(): number {
    const jumpMs = wallOffsetMs() - offsetMs;
    if (Math.abs(jumpMs) > CLOCK_TOLERANCE_MS) {
      const seconds = Math.round(jumpMs / 1000);
      ports.log.warn(`the clock was set by ${seconds} s, or the machine slept: all waits go on as they were`);
      state = shiftTimes(state, jumpMs);
    }
    offsetMs += jumpMs;
    return clock.now();
  }

  function apply(event: WatchdogEvent): Effect[] {
    const at = now();
    const moment = { now: at, id: `${run}${(events++).toString(36)}x` };
    const maintenance = rules.calendar?.(at) ?? {};
    const next = transition(state, event, { policies, moment, maintenance, ...brake });
    const alerts = next.effects.filter((effect) => effect.type === "alert");
    for (const effect of next.effects) logEffect(ports, effect);
    const sinks = event.type === "trouble" ? othersThan(event.trouble, routes()) : routes();
    const { outbox, dropped } = enqueue(next.state.outbox, alerts, sinks, at);
    for (const { alert, sink } of dropped) ports.log.error(words.dropped(alert.message, sink));
    const known = next.state.outbox.entries.length - dropped.length;
    for (const { id } of outbox.entries.slice(known)) fresh.add(id);
    state = { ...next.state, outbox };
    return next.effects;
  }

  /** Saves what there is now. What entered the outbox before may go out afterwards, saved or not. */
  async function store(): Promise<{ ok: true } | { ok: false; reason: string }> {
    const covered = [...fresh];
    const saved = await file.save(state);
    for (const id of covered) fresh.delete(id);
    return saved;
  }

  async function save(): Promise<boolean> {
    const saved = await store();
    if (!saved.ok) {
      unsaved = saved.reason;
      apply({ type: "trouble", trouble: "state", reason: saved.reason, tried: "save the state" });
      return false;
    }
    unsaved = undefined;
    if (state.troubles.state === undefined) return true;
    apply({ type: "trouble", trouble: "state", reason: null, tried: "save the state" });
    return (await store()).ok;
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
  };
}

/** A dead sink is told through the others. */
function othersThan(trouble: string, routes: Routes): Routes {
  return new Map([...routes].filter(([sink]) => trouble !== `sink:${sink}`));
}

function logEffect(ports: Ports, effect: Effect): void {
  if (effect.type === "note") ports.log[effect.level](effect.text, { service: effect.service });
  if (effect.type === "alert") logAlert(ports, effect.alert);
}

function logAlert(ports: Ports, alert: Alert): void {
  const level = alert.severity === "INFO" ? "info" : alert.severity === "WARNING" ? "warn" : "error";
  const fields = { event_type: alert.event_type, service: alert.params.component_name, alert_id: alert.id };
  ports.log[level](alert.message, fields);
}

/** A word of this process's own, so that no two runs make the same id. */
function runId(ports: Ports): string {
  let id = ports.clock.now().toString(36);
  while (id.length < 16) id += Math.floor(ports.random() * 36).toString(36);
  return id;
}
