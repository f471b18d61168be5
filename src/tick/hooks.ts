import type { Policies } from "../core/policy.ts";
import type { WatchdogState } from "../core/state.ts";
import type { Ports, TickHook, TickSummary } from "../plugin.ts";
import { errorText } from "../shell/error-text.ts";
import { within } from "../shell/within.ts";

const HOOK_MS = 15_000;

/** Calls the hooks behind a completed tick. One that throws or hangs is named, and stops nothing. */
export function callHooks(
  hooks: readonly TickHook[],
  ok: boolean,
  policies: Policies,
  state: WatchdogState,
  ports: Ports,
): void {
  if (hooks.length === 0) return;
  const summary = summarise(ok, policies, state);
  for (const hook of hooks) void callHook(hook, summary, ports);
}

async function callHook(hook: TickHook, summary: TickSummary, ports: Ports): Promise<void> {
  const over = new AbortController();
  try {
    const called = Promise.resolve().then(() => hook.ticked(summary, over.signal));
    if (!(await within(ports.clock, HOOK_MS, called))) {
      ports.log.warn(`the hook ${hook.name} did not end in ${HOOK_MS / 1000} s and was left`);
    }
  } catch (error) {
    ports.log.warn(`the hook ${hook.name} failed: ${errorText(error)}`);
  } finally {
    over.abort("over");
  }
}

function summarise(ok: boolean, policies: Policies, state: WatchdogState): TickSummary {
  return {
    ok,
    startedAt: state.lastTick?.startedAt ?? 0,
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
