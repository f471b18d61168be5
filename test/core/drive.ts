/** Drives one or more services through the pure core and writes what happens as short words. */
import type {
  BrakeRule,
  Effect,
  Outcome,
  RestartFault,
  Surroundings,
  Verdict,
  WatchdogEvent,
} from "../../src/core/event.ts";
import type { ServicePolicy } from "../../src/core/policy.ts";
import { DEFAULT_POLICY } from "../../src/core/policy.ts";
import type { WatchdogState } from "../../src/core/state.ts";
import { emptyState } from "../../src/core/state.ts";
import { transition } from "../../src/core/transition.ts";

export const T0 = Date.UTC(2026, 10, 23, 18, 0, 0);

export function policy(name: string, changes: Partial<ServicePolicy> = {}): ServicePolicy {
  return {
    ...DEFAULT_POLICY,
    name,
    displayName: name[0]!.toUpperCase() + name.slice(1),
    container: `spreadpilot-${name}`,
    backoff: { ...DEFAULT_POLICY.backoff, jitter: 0 },
    ...changes,
  };
}

export interface Drive {
  state: WatchdogState;
  now: number;
  effects: Effect[];
  around: Surroundings;
  brake?: BrakeRule;
  maintenance: Record<string, number>;
  send(event: WatchdogEvent): Effect[];
  pass(...names: string[]): Effect[];
  fail(...names: string[]): Effect[];
  /** All are checked: those named fail, the others pass. */
  see(down: string[]): Effect[];
  check(verdicts: Record<string, Verdict>): Effect[];
  settle(name: string, outcome: Outcome["outcome"], fault?: RestartFault): Effect[];
  wait(ms: number): void;
}

export function drive(...policies: ServicePolicy[]): Drive {
  let events = 0;
  const verdicts = (names: string[], verdict: Verdict): Record<string, Verdict> =>
    Object.fromEntries((names.length ? names : policies.map((p) => p.name)).map((name) => [name, verdict]));
  const self: Drive = {
    state: emptyState(),
    now: T0,
    effects: [],
    around: {},
    maintenance: {},
    send(event) {
      const moment = { now: self.now, id: `e${events++}x` };
      const next = transition(self.state, event, {
        policies: new Map(policies.map((p) => [p.name, p])),
        moment,
        maintenance: self.maintenance,
        ...(self.brake ? { brake: self.brake } : {}),
      });
      self.state = next.state;
      self.effects.push(...next.effects);
      return next.effects;
    },
    pass: (...names) => self.check(verdicts(names, { ok: true, reason: "HTTP 200 in 8 ms" })),
    fail: (...names) => self.check(verdicts(names, { ok: false, reason: "HTTP 503 in 8 ms" })),
    check: (all) => self.send({ type: "checked", verdicts: all, around: self.around }),
    see(down) {
      const up = policies.map((p) => p.name).filter((name) => !down.includes(name));
      return self.check({
        ...verdicts(up, { ok: true, reason: "HTTP 200 in 8 ms" }),
        ...(down.length > 0 ? verdicts(down, { ok: false, reason: "HTTP 503 in 8 ms" }) : {}),
      });
    },
    settle: (name, outcome, fault) =>
      self.send({
        type: "settled",
        outcomes: { [name]: { outcome, reason: `restart ${outcome}`, ...(fault ? { fault } : {}) } },
      }),
    wait(ms) {
      self.now += ms;
    },
  };
  self.send({ type: "loaded" });
  return self;
}

/** `COMPONENT_DOWN/restart/3`, `restart` and so on; notes are left out. */
export function said(effects: readonly Effect[]): string[] {
  return effects.flatMap((effect) => {
    if (effect.type === "restart") return [effect.order.action];
    if (effect.type !== "alert") return [];
    const { event_type, params } = effect.alert;
    const name = event_type.replace("COMPONENT_", "").replace("WATCHDOG_", "");
    return [`${name}/${params.action}/${params.consecutive_failures}`];
  });
}

const STEPS: Record<string, (d: Drive, name: string) => Effect[]> = {
  p: (d, name) => d.pass(name),
  f: (d, name) => d.fail(name),
  "?": (d, name) => d.send({ type: "checked", verdicts: { [name]: { ok: null, reason: "aborted" } } }),
  R: (d, name) => d.settle(name, "restarted"),
  X: (d, name) => d.settle(name, "failed"),
  U: (d, name) => d.settle(name, "unknown"),
  L: (d) => d.send({ type: "loaded" }),
};

/**
 * Plays letters 15 s apart (p pass, f fail, ? unknown, R restarted, X restart failed, U unknown outcome,
 * L loaded again; capitals take no time) and answers `status` or `status+said,said` for each.
 */
export function play(one: ServicePolicy, letters: string): { life: string; drive: Drive } {
  const d = drive(one);
  const life = [...letters.replaceAll(" ", "")].map((letter) => {
    if (!/[A-Z]/.test(letter)) d.wait(15_000);
    const effects = said(STEPS[letter]!(d, one.name));
    const { status } = d.state.services[one.name]!;
    return effects.length > 0 ? `${status}+${effects.join(",")}` : status;
  });
  return { life: life.join(" "), drive: d };
}
