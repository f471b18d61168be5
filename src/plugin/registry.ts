/** Sets plugins up, and keeps what each of them registered. */
import { isDeepStrictEqual } from "node:util";
import type { Redact } from "../redaction/redactor.ts";
import { errorText } from "../system/log.ts";
import type { Check, Plugin, Ports, Restarter, Sink, Trigger, Watchdog } from "./contract.ts";
import type { Discoverer } from "./discovery.ts";
import type { TickHook } from "./hook.ts";
import { redactedCheck, redactedError, redactedRestarter } from "./redacted.ts";

export interface Registry {
  checks: Map<string, Check>;
  restarters: Map<string, Restarter>;
  sinks: Map<string, Sink>;
  triggers: Map<string, Trigger>;
  hooks: Map<string, TickHook>;
  discoverers: Map<string, Discoverer>;
}

const KINDS = {
  checks: "check",
  restarters: "restarter",
  sinks: "sink",
  triggers: "trigger",
  hooks: "hook",
  discoverers: "discoverer",
} as const satisfies Record<keyof Registry, string>;

const SETUP_TIMEOUT_MS = 10_000;

/** A plugin that is on, with its settings. */
export interface Wanted {
  name: string;
  options: unknown;
  factory: (options: never) => Plugin;
}

/** A plugin that was set up. */
export interface Part {
  wanted: Wanted;
  /** What it registered. */
  brought: Registry;
  /** How often a trigger should tick. The plugin reads it whenever it needs it. */
  intervalMs: number;
  /** Aborts when the plugin is not used any more: its triggers end, and it lets go of what it holds. */
  ending: AbortController;
}

export type SetUp =
  | { ok: true; registry: Registry; parts: Part[] }
  /** `registry` holds what the others registered. */
  | { ok: false; registry: Registry; failed: { name: string; reason: string }[]; reason: string };

/**
 * Sets the plugins up, one after another. If one fails, the others are still set up, so that all failures are reported
 * together. A part of `before` whose plugin is wanted with the same settings is used again.
 */
export async function setUpPlugins(
  plugins: readonly Wanted[],
  ports: Ports,
  intervalMs: number,
  before: readonly Part[] = [],
): Promise<SetUp> {
  const parts: Part[] = [];
  const failed: { name: string; reason: string }[] = [];
  const registry = emptyRegistry();
  for (const wanted of plugins) {
    try {
      const known = before.find((part) => isOf(part, wanted));
      const part = known ?? (await setUp(wanted, ports, intervalMs));
      parts.push(part);
      add(part.brought, registry);
    } catch (error) {
      failed.push({ name: wanted.name, reason: errorText(redactedError(error, ports.redact)) });
    }
  }
  if (failed.length === 0) return { ok: true, registry, parts };
  for (const part of parts) if (!before.includes(part)) part.ending.abort("it is not used");
  const reasons = failed.map(({ name, reason }) => `the plugin ${name} could not be set up: ${reason}`);
  return { ok: false, registry, failed, reason: reasons.join("; ") };
}

function isOf({ wanted }: Part, { name, options, factory }: Wanted): boolean {
  return wanted.name === name && wanted.factory === factory && isDeepStrictEqual(wanted.options, options);
}

async function setUp(wanted: Wanted, ports: Ports, intervalMs: number): Promise<Part> {
  const part: Part = { wanted, brought: emptyRegistry(), intervalMs, ending: new AbortController() };
  const watchdog: Watchdog = {
    ...ports,
    ...registrar(part.brought, ports.redact),
    ending: part.ending.signal,
    get intervalMs() {
      return part.intervalMs;
    },
  };
  const over = new AbortController();
  try {
    const late = ports.clock.wait(SETUP_TIMEOUT_MS, over.signal).then(() => {
      if (!over.signal.aborted) throw new Error("its setup did not end in 10 s");
    });
    const { factory, options } = wanted;
    await Promise.race([Promise.resolve(factory(options as never).setup(watchdog)), late]);
    return part;
  } catch (error) {
    part.ending.abort("its setup failed");
    throw error;
  } finally {
    over.abort();
  }
}

function registrar(into: Registry, redact: Redact): Omit<Watchdog, keyof Ports | "intervalMs" | "ending"> {
  return {
    check: (check) => put("checks", redactedCheck(check, redact), into),
    restarter: (restarter) => put("restarters", redactedRestarter(restarter, redact), into),
    sink: (sink) => put("sinks", sink, into),
    trigger: (trigger) => put("triggers", trigger, into),
    hook: (hook) => put("hooks", hook, into),
    discoverer: (discoverer) => put("discoverers", discoverer, into),
  };
}

function add(brought: Registry, registry: Registry): void {
  for (const kind of Object.keys(KINDS) as (keyof Registry)[]) {
    for (const thing of brought[kind].values()) put(kind, thing, registry);
  }
}

function put(kind: keyof Registry, thing: { name: string }, into: Registry): void {
  const things = into[kind] as Map<string, { name: string }>;
  if (things.has(thing.name)) throw new Error(`there are two ${KINDS[kind]}s named "${thing.name}"`);
  things.set(thing.name, thing);
}

function emptyRegistry(): Registry {
  return {
    checks: new Map(),
    restarters: new Map(),
    sinks: new Map(),
    triggers: new Map(),
    hooks: new Map(),
    discoverers: new Map(),
  };
}
