/** Whether a container that has ended was ended by a person: the engine's own events tell. */
import type { Client } from "./client.ts";
import type { Inspected } from "./facts.ts";
import { inspectContainers } from "./inspect.ts";
import type { Redact } from "./redact.ts";

/** The engine's own stop timeout for a container that has none. */
const ENGINE_STOP_TIMEOUT_MS = 10_000;
/** How far back a signal is looked for, whatever the container's stop timeout. */
const MAX_BACK_MS = 3_600_000;
const MARGIN_MS = 5000;
/** `stop` comes right after the end. Later events are of no interest, and a later time would be waited for. */
const AFTER_MS = 500;
const EVENTS_TIMEOUT_MS = 3000;
/** Signals that end a program; others (HUP, USR1) mostly ask it to read its configuration anew. */
const KILL = "9";
const DEADLY = new Set(["2", "3", "6", KILL, "15"]);

/** One line of `docker events`. */
export interface EngineEvent {
  action: string;
  signal: string;
  atMs: number;
}

/** Never rejects. `undefined`: it runs, it ended by itself, or the engine has forgotten (it keeps 256 events). */
export type ByHand = (name: string, signal: AbortSignal) => Promise<string | undefined>;

export function createByHand(client: Client, redact: Redact): ByHand {
  // The engine forgets a stop within minutes where many events come, such as those of health checks.
  const found = new Map<string, { id: string; finishedAt: number; how: string }>();
  return async (name, signal) => {
    const look = await inspectContainers(client, [name], redact, signal);
    const container = look.ok ? look.found.get(name) : undefined;
    if (!container || !hasEnded(container)) return undefined;
    const { id, finishedAt } = container.facts;
    const known = found.get(name);
    if (known?.id === id && known.finishedAt === finishedAt) return known.how;
    const outcome = await client({
      verb: eventsOf(container),
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

/** An `error` is left by a start that failed, be it the second half of a restart of ours: nobody stopped that. */
function hasEnded({ facts }: Inspected): boolean {
  const ended = facts.status === "exited" && facts.finishedAt > 0 && facts.error === "";
  // The id goes into a shell's command.
  return ended && /^[0-9a-f]{64}$/.test(facts.id);
}

/** All times are the engine's, whose clock may not be ours. */
function eventsOf({ facts }: Inspected): string {
  const backMs = Math.min(facts.stopTimeoutMs ?? ENGINE_STOP_TIMEOUT_MS, MAX_BACK_MS) + MARGIN_MS;
  const since = seconds(facts.finishedAt - backMs);
  const until = seconds(facts.finishedAt + AFTER_MS);
  const filters = ["type=container", `container=${facts.id}`, "event=start", "event=kill", "event=die"];
  const all = [...filters, "event=stop"].map((filter) => `--filter ${filter}`).join(" ");
  return `events --since ${since} --until ${until} ${all} --format '{{json .}}'`;
}

const seconds = (ms: number) => (Math.max(0, ms) / 1000).toFixed(3);

/** What is not an event is left out. */
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
 * Says how a person ended the last life of a container that has ended, oldest event first. `docker stop` is a
 * kill, a die and a stop; `docker kill` a kill and a die; a crash a die alone. On a busy host the later ones
 * may not be there yet, so a signal is enough, and a polite one is taken for a stop. What came before the
 * last start, such as the first half of a restart, is of an earlier life.
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
