/**
 * Restarts and stops containers: one command at a time for each container, and an honest result when the time is up.
 */
import type { Clock, Log, MayAct, Redact, RestartResult, ServiceTarget } from "../../src/plugin.ts";
import { type Client, type Ended, isContainerName, type Outcome } from "./client.ts";
import type { DiskFault } from "./disk.ts";
import { type Inspected, isOnlyAName } from "./facts.ts";
import { type Fault, faultOf, isRefused, noSuchContainer, showS } from "./fault.ts";
import { inspectContainers } from "./inspect.ts";
import type { Restarted } from "./post-restart.ts";
import { refuseFull, refuseParent, refuseSwarm, type Verb } from "./refuse.ts";

/** The engine's own stop timeout for a container that has none. */
const ENGINE_STOP_TIMEOUT_MS = 10_000;
/** How long a restart may take besides the stop: network, volumes, start. Unless set. */
const MARGIN_MS = 30_000;
/** A container may have an endless stop timeout. Wait this long at most. */
const MAX_STOP_WAIT_MS = 3_600_000;

/** The settings of a service. Times in ms. */
export interface ServiceSettings {
  stopTimeout?: number | undefined;
}

export interface ActOptions extends ServiceSettings {
  commandTimeout?: number | undefined;
  restartTimeout?: number | undefined;
}

interface Flight {
  verb: Verb;
  begunMs: number;
  /** The id of the container, because another container may take over its name. */
  id: string;
  /** The engine's clock before the command. */
  startedAtBefore: number;
  /** Ends when the client ends, which may be later than the call. */
  running: boolean;
  /** The time was up before the client ended. */
  expired: boolean;
}

interface World {
  client: Client;
  clock: Clock;
  log: Log;
  redact: Redact;
  options: ActOptions;
  /** Whether the engine's disk is full, where that can be seen. */
  diskFault: DiskFault;
  flights: Map<string, Flight>;
  /** Called when a restart was tried, whatever became of it. */
  onRestarted?: ((restarted: Restarted) => void) | undefined;
  /** The proxy in front of the engine allows only names, not ids. */
  byName: boolean;
}

export type Act = (
  verb: Verb,
  service: ServiceTarget<ServiceSettings>,
  signal: AbortSignal,
  mayAct: MayAct,
) => Promise<RestartResult>;

/** Never rejects, and always ends. */
export function createAct(parts: Omit<World, "flights" | "byName">): Act {
  const world: World = { ...parts, flights: new Map(), byName: false };
  return async (verb, service, signal, mayAct) => {
    const name = service.container;
    if (!isContainerName(name)) {
      return {
        ok: false,
        fault: "other",
        untried: true,
        reason: `${JSON.stringify(String(name).slice(0, 80))} is not a container name: letters, digits, "_", "." and "-", beginning with a letter or digit`,
      };
    }
    const earlier = world.flights.get(name);
    if (earlier && !(await isOver(world, earlier, name, signal))) return inFlight(world, earlier);
    const other = world.flights.get(name);
    if (other && other !== earlier) return inFlight(world, other);

    const flight: Flight = {
      verb,
      begunMs: world.clock.monotonicMs(),
      id: "",
      startedAtBefore: 0,
      running: false,
      expired: false,
    };
    world.flights.set(name, flight);
    try {
      return await attempt(world, flight, service, signal, mayAct);
    } finally {
      if (!flight.running) land(world, name, flight);
    }
  };
}

/** The result when the command was not run. A call that was aborted is not a failure. */
function notAsked({ fault, reason }: Fault, signal: AbortSignal): RestartResult {
  const told = `${reason}; nothing was done`;
  if (signal.aborted) return { ok: false, unknown: true, reason: told };
  return { ok: false, fault, untried: true, reason: told };
}

function land(world: World, name: string, flight: Flight): void {
  if (world.flights.get(name) === flight) world.flights.delete(name);
}

function inFlight(world: World, { verb, begunMs }: Flight): RestartResult {
  const since = showS(world.clock.monotonicMs() - begunMs);
  return {
    ok: false,
    unknown: true,
    reason: `an earlier \`docker ${verb}\` of this container, begun ${since} ago, has not ended: no second one was started`,
  };
}

/** A client may hang although the engine has finished. It must not block the container for ever. */
async function isOver(world: World, flight: Flight, name: string, signal: AbortSignal): Promise<boolean> {
  if (!flight.expired) return false;
  const look = await inspectContainers(world.client, [name], world.redact, signal);
  if (!look.ok) return false;
  const now = look.found.get(name);
  return now?.facts.id !== flight.id || isDone(flight, now);
}

function isDone(flight: Flight, after: Inspected | undefined): boolean {
  if (after?.facts.id !== flight.id) return false;
  if (flight.verb === "restart") return after.facts.startedAt > flight.startedAtBefore;
  return after.facts.status === "exited" || after.facts.status === "dead";
}

async function attempt(
  world: World,
  flight: Flight,
  service: ServiceTarget<ServiceSettings>,
  signal: AbortSignal,
  mayAct: MayAct,
): Promise<RestartResult> {
  const { client, clock, redact } = world;
  const name = service.container;
  const { verb } = flight;
  const look = await inspectContainers(client, [name], redact, signal);
  if (!look.ok) return notAsked(look, signal);
  const before = look.found.get(name);
  if (!before) return { ok: false, ...noSuchContainer(name, look.mistaken.get(name)) };
  flight.id = before.facts.id;
  flight.startedAtBefore = before.facts.startedAt;
  const refusal =
    refuseSwarm(before, verb) ??
    (verb === "restart" ? await refuseParent(client, before, redact, signal) : undefined) ??
    (verb === "restart" ? refuseFull(await world.diskFault(signal, false)) : undefined);
  if (refusal) return refusal;

  const stopTimeout = service.options?.stopTimeout ?? world.options.stopTimeout;
  const deadlineMs =
    world.options.commandTimeout ?? deadlineOf(before, stopTimeout, world.options.restartTimeout);
  // Use the id: another container may have taken over the name since the inspection.
  const target = world.byName && isOnlyAName(name) ? name : flight.id;
  const outcome = await client({
    // Without -t, the container's own stop timeout applies.
    words: stopTimeout === undefined ? [verb] : [verb, "-t", String(Math.ceil(stopTimeout / 1000))],
    names: [target],
    deadlineMs,
    signal,
    mayBegin: mayAct,
    onStart: () => {
      flight.running = true;
    },
    onEnd: (ended, late) => {
      flight.running = false;
      if (!late) return;
      land(world, name, flight);
      tellLate(world, name, flight, ended);
    },
  });
  if (outcome.end === "withheld") return { ok: false, reason: "nothing was done" };
  if (target !== name && isOnlyAName(name) && isRefused(outcome)) {
    // A proxy that matches names rejects ids. Here the name is safe: it cannot be the beginning of an id.
    world.byName = true;
    return attempt(world, flight, service, signal, mayAct);
  }
  if (verb === "restart" && outcome.end !== "stuck") {
    world.onRestarted?.({
      name,
      id: flight.id,
      shortId: flight.id.slice(0, 12),
      state: before.facts.status,
      stopTimeout: String(Math.ceil(stopMsOf(before, stopTimeout) / 1000)),
    });
  }
  flight.expired = outcome.end === "expired" || outcome.end === "aborted";
  if (outcome.end === "ok") {
    const took = showS(clock.monotonicMs() - flight.begunMs);
    // The engine itself unpauses a paused container after it has sent the signal.
    return {
      ok: true,
      reason: `${past(verb)} in ${took}${before.facts.status === "paused" ? " (it was paused)" : ""}`,
    };
  }
  return settle(world, flight, name, outcome, signal);
}

const stopMsOf = ({ facts }: Inspected, stopTimeoutMs: number | undefined) =>
  stopTimeoutMs ?? facts.stopTimeoutMs ?? ENGINE_STOP_TIMEOUT_MS;

/** A deadline shorter than the container's own stop timeout would report every slow stop as a failure. */
export function deadlineOf(
  container: Inspected,
  stopTimeoutMs: number | undefined,
  marginMs = MARGIN_MS,
): number {
  return Math.min(stopMsOf(container, stopTimeoutMs), MAX_STOP_WAIT_MS) + marginMs;
}

/** The command failed or took too long. If the outcome is unclear, ask the engine. */
async function settle(
  world: World,
  flight: Flight,
  name: string,
  outcome: Exclude<Outcome, { end: "ok" }>,
  signal: AbortSignal,
): Promise<RestartResult> {
  const { verb } = flight;
  const fault = faultOf(outcome, name, world.redact);
  // Other things than the disk run out with the same words, such as the kernel's control groups.
  const hasRoom = fault.fault === "disk_full" && (await world.diskFault(signal, false)) === null;
  if (!fault.unknown) return { ok: false, ...fault, ...(hasRoom ? { fault: "other" } : {}) };
  const late =
    outcome.end === "expired" ? `the client's time was up after ${showS(outcome.afterMs)}` : fault.reason;
  const look = await inspectContainers(world.client, [name], world.redact, signal);
  if (look.ok && isDone(flight, look.found.get(name))) {
    return { ok: true, reason: `${past(verb)} (${late}; the engine had finished it)` };
  }
  const seen = look.ok ? "the engine has not finished it yet, and may still do so" : `then: ${look.reason}`;
  return {
    ok: false,
    unknown: true,
    reason: `\`docker ${verb} ${name}\`: outcome unknown: ${late}; ${seen}`,
  };
}

function tellLate(world: World, name: string, { verb, begunMs }: Flight, ended: Ended): void {
  const took = showS(world.clock.monotonicMs() - begunMs);
  if (ended.end === "ok") world.log.info(`docker ${verb} ${name} succeeded after ${took}`);
  else
    world.log.warn(
      `docker ${verb} ${name} failed after ${took}: ${faultOf(ended, name, world.redact).reason}`,
    );
}

function past(verb: Verb): string {
  return verb === "restart" ? "restarted" : "stopped";
}
