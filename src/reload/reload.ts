/** Loads the configuration again while the watchdog runs: all of it, or nothing. */
import { isDeepStrictEqual } from "node:util";
import type { Config, ConfigurationReport, Reloaded } from "../config/config.ts";
import { type Fault, formatFaults } from "../config/fault.ts";
import type { Tracked } from "../config/tracked-files.ts";
import { counted } from "../core/phrases.ts";
import { words } from "../core/words.ts";
import type { Ports } from "../plugin/contract.ts";
import type { Part } from "../plugin/registry.ts";
import { listed } from "../preflight.ts";
import { type Prepared, release, type Setup } from "../setup.ts";
import { errorText } from "../system/log.ts";
import { watchFiles } from "./watch.ts";

/** What a running watchdog can do about its configuration. */
export interface ReloadWorld {
  current(): Setup;
  /** Everything that the current configuration was read from. */
  tracked: Tracked;
  prepareAgain(before: readonly Part[]): Promise<Prepared>;
  /** Runs on this setup from now on. If it rejects, it is an error of ours. */
  adopt(setup: Setup): Promise<void>;
  /** Tells that a changed configuration cannot be used, or (`null`) that it can again. */
  trouble(reason: string | null): Promise<void>;
  ports: Ports;
  /** Aborts when the process ends: nothing new is taken up. */
  ending: AbortSignal;
}

export interface Reloads {
  /** Reads everything again, after a reload that is under way. `why`: who asks for it, for the log. */
  reload(why: string): Promise<Reloaded>;
  /** Reloads when the content of a file has changed, until the process ends. */
  watch(): Promise<void>;
  report(): ConfigurationReport;
}

export function createReloads(world: ReloadWorld): Reloads {
  const { ports, current, ending } = world;
  let tracked = world.tracked;
  let loadedAt = ports.clock.now();
  let refused: ConfigurationReport["refused"] = null;
  let last: Promise<unknown> = Promise.resolve();
  let waiting: Promise<Reloaded> | undefined;

  async function reloadOnce(why: string): Promise<Reloaded> {
    const before = current();
    const prepared = await world.prepareAgain(before.parts);
    if (ending.aborted) {
      if (prepared.ok) release(prepared.setup.parts, before.parts);
      return { ok: false, text: words.shuttingDown, faults: [] };
    }
    tracked = prepared.tracked;
    if (!prepared.ok) return refuse(why, prepared.source, prepared.faults);
    const { setup } = prepared;
    const faults = fixedFaults(before.config, setup.config);
    if (faults.length > 0) {
      release(setup.parts, before.parts);
      return refuse(why, setup.config.source, faults);
    }
    const isSame = isAsBefore(before, setup);
    if (!isSame) await adopt(setup, before);
    const was = refused;
    refused = null;
    if (was !== null) await world.trouble(null);
    if (!isSame) loadedAt = ports.clock.now();
    const text = isSame ? SAME : loadedText(before, setup);
    // An editor's temporary file beside the configuration changes nothing that anybody wants to know.
    ports.log[isSame && why === FILE_CHANGED ? "debug" : "info"](`${why}: ${text}`);
    return { ok: true, text };
  }

  async function adopt(setup: Setup, before: Setup): Promise<void> {
    try {
      await world.adopt(setup);
    } catch (error) {
      if (current() === before) release(setup.parts, before.parts);
      throw error;
    }
  }

  async function refuse(why: string, source: string, faults: readonly Fault[]): Promise<Reloaded> {
    const text = formatFaults(faults, source, "it is not used, and the one before stays in force");
    refused = { at: refused?.at ?? ports.clock.now(), faults };
    ports.log.error(`${why}: ${text}`);
    await world.trouble(text);
    return { ok: false, text, faults };
  }

  /** One that comes while another runs may be asked for because of a later change: it is made afterwards. */
  function reload(why: string): Promise<Reloaded> {
    waiting ??= last.then(() => {
      waiting = undefined;
      return reloadOnce(why).catch((error) => refuse(why, "configuration", [bug(error)]));
    });
    last = waiting.catch(() => {});
    return waiting;
  }

  return {
    reload,
    watch: () =>
      watchFiles(
        () => tracked,
        () => reload(FILE_CHANGED),
        ports,
        ending,
      ),
    report: () => ({ source: current().config.source, loadedAt, refused }),
  };
}

/** What a reload cannot change, because it belongs to the process. */
const FIXED = ["host", "port", "stateFile", "logFormat"] as const satisfies readonly (keyof Config)[];

function fixedFaults(before: Config, after: Config): Fault[] {
  // A full disk empties a file, and nobody means to watch other services by that.
  if (after.serviceSource.isBuiltIn && !before.serviceSource.isBuiltIn) {
    const accepted = "services; to watch the built-in ones instead, restart the watchdog";
    return [{ path: "services", found: "none", accepted }];
  }
  return FIXED.filter((key) => before[key] !== after[key]).map((key) => ({
    path: key,
    found: JSON.stringify(after[key]),
    accepted: `${JSON.stringify(before[key])}, as this process was started; restart the watchdog to change it`,
  }));
}

/** Plugins are the same parts when nothing was set up anew. */
function isAsBefore(before: Setup, after: Setup): boolean {
  const { plugins: _, sections: __, serviceSource: wasRead, ...was } = before.config;
  const { plugins: ___, sections: ____, serviceSource: isRead, ...is } = after.config;
  const isOld = (part: Part) => before.parts.includes(part);
  return (
    before.parts.length === after.parts.length &&
    after.parts.every(isOld) &&
    isDeepStrictEqual([was, wasRead.file.said], [is, isRead.file.said])
  );
}

const bug = (error: unknown): Fault => ({
  path: "configuration",
  found: `an error of ours: ${errorText(error)}`,
  accepted: "a bug report",
});

const FILE_CHANGED = "a file of the configuration has changed";

const SAME = "the configuration is as it was";

function loadedText(before: Setup, after: Setup): string {
  const was = before.config.services;
  const is = after.config.services;
  const changes = {
    added: [...is.keys()].filter((name) => !was.has(name)),
    removed: [...was.keys()].filter((name) => !is.has(name)),
    "set up anew": after.parts
      .filter((part) => !before.parts.includes(part))
      .map(({ wanted }) => wanted.name),
  };
  const told = Object.entries(changes).filter(([, names]) => names.length > 0);
  const parts = told.map(([what, names]) => `${what}: ${listed(names)}`);
  return `the new configuration is in force (${[counted(is.size, "service"), ...parts].join("; ")})`;
}
