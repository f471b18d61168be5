/** Restarts and stops containers: one command at a time for each, and an honest word when its time is up. */
import type { Clock, Log, RestartResult, ServiceTarget } from "../../src/plugin.ts";
import { type Client, type Ended, isContainerName, type Outcome } from "./client.ts";
import type { Inspected } from "./facts.ts";
import { type Fault, faultOf, noSuchContainer, showS } from "./fault.ts";
import { inspectContainers } from "./inspect.ts";
import type { Redact } from "./redact.ts";
import { refuseParent, refuseSwarm, type Verb } from "./refuse.ts";

/** The engine's own stop timeout for a container that has none. */
const ENGINE_STOP_TIMEOUT_MS = 10_000;
/** What a restart may take beyond the stop: network, volumes, start. */
const MARGIN_MS = 30_000;
/** A container that may stop "for ever" is not waited for longer. */
const MAX_STOP_WAIT_MS = 3_600_000;

/** What a service may say. Times in ms. */
export interface ServiceSettings {
  stopTimeout?: number | undefined;
}

export interface ActOptions extends ServiceSettings {
  commandTimeout?: number | undefined;
}

interface Flight {
  verb: Verb;
  begunMs: number;
  /** The engine's clock, before our command. */
  startedAtBefore: number;
  /** The client runs: the flight ends with it, not with the call. */
  running: boolean;
  /** Our time was up before the client ended. */
  expired: boolean;
}

interface World {
  client: Client;
  clock: Clock;
  log: Log;
  redact: Redact;
  options: ActOptions;
  flights: Map<string, Flight>;
}

export type Act = (
  verb: Verb,
  service: ServiceTarget<ServiceSettings>,
  signal: AbortSignal,
) => Promise<RestartResult>;

/** Never rejects; ends by itself. */
export function createAct(parts: Omit<World, "flights">): Act {
  const world: World = { ...parts, flights: new Map() };
  return async (verb, service, signal) => {
    const name = service.container;
    if (!isContainerName(name)) {
      return {
        ok: false,
        fault: "other",
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
      startedAtBefore: 0,
      running: false,
      expired: false,
    };
    world.flights.set(name, flight);
    try {
      return await attempt(world, flight, service, signal);
    } finally {
      if (!flight.running) land(world, name, flight);
    }
  };
}

/** Nothing was done. Only a call that was called off counts as nothing. */
function notAsked({ fault, reason }: Fault, signal: AbortSignal): RestartResult {
  const told = `${reason}; nothing was done`;
  return signal.aborted ? { ok: false, unknown: true, reason: told } : { ok: false, fault, reason: told };
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

/** A client that hangs although the engine has long done its work must not hold the container for ever. */
async function isOver(world: World, flight: Flight, name: string, signal: AbortSignal): Promise<boolean> {
  if (!flight.expired) return false;
  const look = await inspectContainers(world.client, [name], world.redact, signal);
  return look.ok && isDone(flight, look.found.get(name));
}

function isDone(flight: Flight, after: Inspected | undefined): boolean {
  if (!after) return false;
  if (flight.verb === "restart") return after.facts.startedAt > flight.startedAtBefore;
  return after.facts.status === "exited" || after.facts.status === "dead";
}

async function attempt(
  world: World,
  flight: Flight,
  service: ServiceTarget<ServiceSettings>,
  signal: AbortSignal,
): Promise<RestartResult> {
  const { client, clock, redact } = world;
  const name = service.container;
  const { verb } = flight;
  const look = await inspectContainers(client, [name], redact, signal);
  if (!look.ok) return notAsked(look, signal);
  const before = look.found.get(name);
  if (!before) return { ok: false, ...noSuchContainer(name) };
  flight.startedAtBefore = before.facts.startedAt;
  const refusal =
    refuseSwarm(before, verb) ??
    (verb === "restart" ? await refuseParent(client, before, redact, signal) : undefined);
  if (refusal) return refusal;

  const stopTimeout = service.options?.stopTimeout ?? world.options.stopTimeout;
  const deadlineMs = world.options.commandTimeout ?? deadlineOf(before, stopTimeout);
  const outcome = await client({
    // Without -t the container's own stop timeout counts.
    verb: stopTimeout === undefined ? verb : `${verb} -t ${Math.ceil(stopTimeout / 1000)}`,
    names: [name],
    deadlineMs,
    signal,
    onStart: () => {
      flight.running = true;
    },
    onEnd: (ended, late) => {
      flight.running = false;
      land(world, name, flight);
      if (late) tellLate(world, name, flight, ended);
    },
  });
  flight.expired = outcome.end === "expired" || outcome.end === "aborted";
  if (outcome.end === "ok") {
    const took = showS(clock.monotonicMs() - flight.begunMs);
    // The engine itself thaws a paused container, once it has sent the signal to end.
    return {
      ok: true,
      reason: `${past(verb)} in ${took}${before.facts.status === "paused" ? " (it was paused)" : ""}`,
    };
  }
  return settle(world, flight, name, outcome, signal);
}

/** A deadline of ours that ends before the container's own stop would make a lie of every slow stop. */
export function deadlineOf(container: Inspected, stopTimeoutMs: number | undefined): number {
  const stopMs = stopTimeoutMs ?? container.facts.stopTimeoutMs ?? ENGINE_STOP_TIMEOUT_MS;
  return Math.min(stopMs, MAX_STOP_WAIT_MS) + MARGIN_MS;
}

/** The command did not end well, or not in time: where nobody can say what came of it, the engine is asked. */
async function settle(
  world: World,
  flight: Flight,
  name: string,
  outcome: Exclude<Outcome, { end: "ok" }>,
  signal: AbortSignal,
): Promise<RestartResult> {
  const { verb } = flight;
  const fault = faultOf(outcome, name, world.redact);
  if (!fault.unknown) return { ok: false, ...fault };
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
  if (ended.end === "ok") world.log.info(`docker ${verb} ${name} ended well after ${took}`);
  else
    world.log.warn(
      `docker ${verb} ${name} failed after ${took}: ${faultOf(ended, name, world.redact).reason}`,
    );
}

function past(verb: Verb): string {
  return verb === "restart" ? "restarted" : "stopped";
}
