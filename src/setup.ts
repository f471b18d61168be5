/** From a configuration to what can run on it, at the start and at each reload: everything, or every fault. */
import type { Config } from "./config/config.ts";
import { type Fault, joinPath } from "./config/fault.ts";
import { loadConfig } from "./config/load.ts";
import { type Tracked, trackFiles } from "./config/tracked-files.ts";
import type { Plugin, PluginDeclaration, Ports } from "./plugin/contract.ts";
import { type Part, setUpPlugins } from "./plugin/registry.ts";
import { cronIntervalMs } from "./tick/intervals.ts";
import type { Configured } from "./tick/roster.ts";
import { wiringFaults } from "./tick/services.ts";

/** A configuration, with its plugins set up. */
export interface Setup extends Configured {
  parts: readonly Part[];
}

export type Prepared = { tracked: Tracked } & (
  | { ok: true; setup: Setup }
  | {
      ok: false;
      source: string;
      faults: readonly Fault[];
      /** The configuration is right, but a plugin could not be set up. */
      isRight: boolean;
    }
);

type BuiltIn = Readonly<Record<string, ((options: never) => Plugin) & PluginDeclaration<unknown>>>;

export interface Origin {
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  builtIn: BuiltIn;
}

/**
 * `portsFor` is called once, when the configuration could be read, even if it has faults. A plugin of `before` that is
 * configured as it was is used again.
 */
export async function prepare(
  { env, cwd, builtIn }: Origin,
  portsFor: (config: Config, env: Ports["env"], isRight: boolean) => Ports,
  before: readonly Part[] = [],
): Promise<Prepared> {
  const tracked = trackFiles();
  const loaded = await loadConfig({ env, cwd, plugins: builtIn, ...tracked.io });
  if (!loaded.ok && loaded.broken === undefined) {
    return { ok: false, source: loaded.source, faults: loaded.faults, isRight: false, tracked };
  }
  const { config, env: complete } = loaded.ok ? loaded : loaded.broken!;
  const ports = portsFor(config, complete, loaded.ok);
  const wanted = config.plugins.map(({ name, options, factory = builtIn[name]! }) => ({
    name,
    options,
    factory,
  }));
  const set = await setUpPlugins(wanted, ports, cronIntervalMs(config), before);
  const setUpFaults = (set.ok ? [] : set.failed).map(({ name, reason }) => ({
    path: joinPath(["plugins", name]),
    found: `a plugin that could not be set up: ${reason}`,
    accepted: "a plugin whose setup succeeds",
  }));
  const faults = [...(loaded.ok ? [] : loaded.faults), ...setUpFaults];
  const told = new Set(faults.map(({ path }) => path));
  const { names, lostPlugins = [] } = loaded.ok ? {} : loaded.broken!;
  const lost = [...lostPlugins, ...(set.ok ? [] : set.failed.map(({ name }) => name))];
  faults.push(...wiringFaults(config, set.registry, names, lost).filter(({ path }) => !told.has(path)));
  if (set.ok && faults.length === 0) {
    return { ok: true, setup: { config, registry: set.registry, parts: set.parts }, tracked };
  }
  if (set.ok) release(set.parts, before);
  return { ok: false, source: config.source, faults, isRight: faults.length === setUpFaults.length, tracked };
}

/** Ends those parts that are not among `kept`. */
export function release(parts: readonly Part[], kept: readonly Part[]): void {
  for (const part of parts) if (!kept.includes(part)) part.ending.abort("it is not used");
}
