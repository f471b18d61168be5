/** Restarters for tests of what they do: they may act whenever they ask, unless the test passes its own answer. */
import type { MayAct, Restarter, RestartResult, ServiceTarget } from "../../src/plugin.ts";

type Action = (service: ServiceTarget, signal: AbortSignal, mayAct?: MayAct) => Promise<RestartResult>;

export type Allowed<R> = Omit<R, "restart" | "stop"> & { restart: Action; stop: Action };

export function allowed<R extends Restarter<never>>(restarter: R): Allowed<R> {
  const may = async () => true;
  const { restart, stop } = restarter as unknown as Required<Restarter>;
  return {
    ...restarter,
    restart: (service, signal, mayAct = may) => restart(service, signal, mayAct),
    stop: (service, signal, mayAct = may) => stop(service, signal, mayAct),
  };
}
