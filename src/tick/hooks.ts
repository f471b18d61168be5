import type { Policies } from "../core/policy.ts";
import type { WatchdogState } from "../core/state.ts";
import type { Ports } from "../plugin/contract.ts";
import type { TickHook, TickSummary } from "../plugin/hook.ts";
import { withDeadline } from "../system/clock.ts";
import { errorText } from "../system/log.ts";

const HOOK_MS = 15_000;

export interface Hooks {
  /** Calls the hooks without waiting for them. A hook that throws or hangs is named in the log, and stops nothing. */
  call(ok: boolean, state: WatchdogState): void;
  /** Resolves when no hook is running: a one-shot process must not end in the middle of a ping. */
  idle(): Promise<void>;
}

/** `shutdown` aborts running hooks. */
export function createHooks(
  roster: () => { hooks: readonly TickHook[]; policies: Policies },
  ports: Ports,
  shutdown: AbortSignal,
): Hooks {
  const underWay = new Set<Promise<void>>();
  return {
    call(ok, state) {
      const { hooks, policies } = roster();
      if (hooks.length === 0) return;
      const summary = summarise(ok, policies, state);
      for (const hook of hooks) {
        const called = callHook(hook, summary, ports, shutdown).finally(() => underWay.delete(called));
        underWay.add(called);
      }
    },
    async idle() {
      await Promise.all(underWay);
    },
  };
}

async function callHook(
  hook: TickHook,
  summary: TickSummary,
  ports: Ports,
  shutdown: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const stop = () => over.abort("the watchdog stops");
  shutdown.addEventListener("abort", stop);
  try {
    const called = Promise.resolve().then(() => hook.ticked(summary, over.signal));
    if (!(await withDeadline(ports.clock, HOOK_MS, called))) {
      ports.log.warn(`the hook ${hook.name} did not end in ${HOOK_MS / 1000} s and was abandoned`);
    }
  } catch (error) {
    ports.log.warn(`the hook ${hook.name} failed: ${errorText(error)}`);
  } finally {
    shutdown.removeEventListener("abort", stop);
    over.abort("over");
  }
}

function summarise(ok: boolean, policies: Policies, state: WatchdogState): TickSummary {
  return {
    ok,
    startedAt: state.lastTick?.startedAt ?? 0,
    gapMs: Math.max(0, ...(state.lastTick?.gapsMs ?? [])),
    services: [...policies.values()].map(({ name, displayName, container }) => {
      const service = state.services[name];
      const outage = service?.outage;
      const told = outage != null && outage.toldAt > 0;
      return {
        name,
        displayName,
        container,
        status: service?.status ?? "unknown",
        incident: told
          ? { id: outage.id, startedAt: outage.startedAt, message: outage.log.at(-1)?.text ?? "" }
          : null,
      };
    }),
  };
}
