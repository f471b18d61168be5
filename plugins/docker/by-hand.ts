/** Finds out from the engine's events whether a person stopped a container, or is stopping it. */
import type { Clock, Redact } from "../../src/plugin.ts";
import type { Client } from "./client.ts";
import type { Inspected } from "./facts.ts";
import { inspectContainers } from "./inspect.ts";

/** The engine's stop timeout for a container that has none of its own. */
const ENGINE_STOP_TIMEOUT_MS = 10_000;
/** How far back to look for a signal, whatever the container's stop timeout. */
const MAX_BACK_MS = 3_600_000;
const MARGIN_MS = 5000;
/**
 * The event `stop` follows the end at once. Later events do not matter, and the client would wait for a later time.
 */
const AFTER_MS = 500;
const EVENTS_TIMEOUT_MS = 3000;
/**
 * For a container that still runs. If the engine's clock is behind ours, the engine answers only when it has caught
 * up.
 */
const RUNNING_TIMEOUT_MS = 1000;
/** Signals that end a program. Others (HUP, USR1) usually ask a program to reload its configuration. */
const KILL = "9";
const DEADLY = new Set(["2", "3", "6", KILL, "15"]);

/** One line of `docker events`. */
export interface EngineEvent {
  action: string;
  signal: string;
  atMs: number;
}

/**
 * Never rejects. `undefined`: nobody stopped it, it ended by itself, or the engine no longer knows (it keeps 256
 * events). While a container is being stopped, the engine still reports it as running.
 */
export type ByHand = (name: string, signal: AbortSignal) => Promise<string | undefined>;

export function createByHand(client: Client, clock: Clock, redact: Redact): ByHand {
  // Where events are frequent, such as those of health checks, the engine forgets a stop within minutes.
  const found = new Map<string, { id: string; finishedAt: number; how: string }>();

  async function beingEnded(container: Inspected, signal: AbortSignal): Promise<string | undefined> {
    const now = clock.now();
    const words = eventsOf(container, seconds(now - lookBackMs(container)), seconds(now));
    const outcome = await client({ words, names: [], deadlineMs: RUNNING_TIMEOUT_MS, signal });
    if (outcome.end !== "ok") return undefined;
    // The stop may belong to an earlier run, if the event of the latest start has not arrived yet.
    const life = parseEvents(outcome.stdout).filter(({ atMs }) => atMs > container.facts.startedAt);
    return endedByHand(life);
  }

  return async (name, signal) => {
    const look = await inspectContainers(client, [name], redact, signal);
    const container = look.ok ? look.found.get(name) : undefined;
    if (!container || !/^[0-9a-f]{64}$/.test(container.facts.id)) return undefined;
    if (container.facts.status === "running") return beingEnded(container, signal);
    if (!hasEnded(container)) return undefined;
    const { id, finishedAt } = container.facts;
    const known = found.get(name);
    if (known?.id === id && known.finishedAt === finishedAt) return known.how;
    const outcome = await client({
      words: eventsOf(container, seconds(finishedAt - lookBackMs(container)), seconds(finishedAt + AFTER_MS)),
      names: [],
      deadlineMs: EVENTS_TIMEOUT_MS,
      signal,
    });
    const how = outcome.end === "ok" ? endedByHand(parseEvents(outcome.stdout)) : undefined;
    if (how === undefined) found.delete(name);
    else found.set(name, { id, finishedAt, how });
    return how;
  };
}

/**
 * A failed start leaves an `error`. It may be the second half of our own restart, so nobody stopped the container.
 */
function hasEnded({ facts }: Inspected): boolean {
  return facts.status === "exited" && facts.finishedAt > 0 && facts.error === "";
}

/** A stop sends a signal first, then waits for up to the container's stop timeout. */
function lookBackMs({ facts }: Inspected): number {
  return Math.min(facts.stopTimeoutMs ?? ENGINE_STOP_TIMEOUT_MS, MAX_BACK_MS) + MARGIN_MS;
}

/** Times are relative to the engine's clock, which may differ from ours. */
function eventsOf({ facts }: Inspected, since: string, until: string): string[] {
  const filters = ["type=container", `container=${facts.id}`, "event=start", "event=kill", "event=die"];
  const all = [...filters, "event=stop"].flatMap((filter) => ["--filter", filter]);
  return ["events", "--since", since, "--until", until, ...all, "--format", "{{json .}}"];
}

const seconds = (ms: number) => (Math.max(0, ms) / 1000).toFixed(3);

/** Skips lines that are not events. */
export function parseEvents(stdout: string): EngineEvent[] {
  return stdout.split("\n").flatMap((line) => {
    try {
      const { Action, Actor, timeNano, time } = JSON.parse(line);
      const atMs = typeof timeNano === "number" ? timeNano / 1e6 : Number(time) * 1000;
      if (typeof Action !== "string" || !Number.isFinite(atMs)) return [];
      return [{ action: Action, signal: String(Actor?.Attributes?.signal ?? ""), atMs }];
    } catch {
      return [];
    }
  });
}

/**
 * Says how a person ended, or is ending, the latest run of a container; oldest event first. `docker stop` is a kill,
 * a die and a stop; `docker kill` is a kill and a die; a crash is only a die. On a busy host the later events may be
 * missing, so one signal is enough, and SIGTERM counts as a stop. Events before the last start, such as the first
 * half of a restart, belong to an earlier run.
 */
export function endedByHand(events: readonly EngineEvent[]): string | undefined {
  const life = events.slice(events.findLastIndex(({ action }) => action === "start") + 1);
  const die = life.findLastIndex(({ action }) => action === "die");
  const stop = life.slice(die + 1).find(({ action }) => action === "stop");
  if (stop) return said("docker stop", stop.atMs);
  const signals = life.slice(0, die < 0 ? life.length : die);
  const kill = signals.find(({ action, signal }) => action === "kill" && DEADLY.has(signal));
  return kill && said(kill.signal === KILL ? "docker kill" : "docker stop", kill.atMs);
}

function said(command: string, atMs: number): string {
  const at = new Date(atMs).toISOString().slice(0, 19).replace("T", " ");
  return `stopped by a person at ${at} UTC (${command})`;
}
