/** The check `docker`: asks the engine how the service's container is. All that are asked in one turn share one look. */
import { setImmediate } from "node:timers";
import type { Check, CheckResult, Clock, Log, Redact, ServiceTarget } from "../../src/plugin.ts";
import { type Client, isContainerName } from "./client.ts";
import type { Loops } from "./crash-loop.ts";
import { hidingVariables } from "./facts.ts";
import { noSuchContainer, oneLine, showS } from "./fault.ts";
import { type Inspection, inspectContainers, STATE } from "./inspect.ts";
import { type Require, wellness } from "./wellness.ts";

const MAX_REASON = 300;

export interface CheckSettings {
  require?: Require | undefined;
}

interface World {
  client: Client;
  clock: Clock;
  log: Log;
  redact: Redact;
  /** What it sees of engine restarts; inspections read it. */
  loops: Loops;
}

/** Never rejects. A check that cannot be made is unknown: a silent engine says nothing about a container. */
export function createCheck(world: World): Check<CheckSettings> {
  const { clock, redact, loops } = world;
  const look = createSharedLook(world);
  const tell = createTeller(world.log);
  return {
    name: "docker",
    async run(service, signal) {
      const { container: name, options } = service;
      if (!isContainerName(name)) return unknown("its container has no name of Docker's grammar");
      const found = await inTime(look(name, service.timeoutMs, signal), service, signal, clock);
      if (found === undefined)
        return blocked(`the Docker engine gave no answer in ${showS(service.timeoutMs)}`, signal);
      tell(found);
      if (!found.ok) return blocked(oneLine(found.reason, MAX_REASON), signal);
      const container = found.found.get(name);
      if (!container) {
        loops.forget(name);
        return { ok: false, reason: noSuchContainer(name, found.mistaken.get(name)).reason };
      }
      const loop = loops.see(name, container.facts, { at: clock.now(), monotonicMs: clock.monotonicMs() });
      const result = wellness(container, loop, options.require);
      if (result.ok) return result;
      return {
        ...result,
        reason: oneLine(redact(hidingVariables(container.env)(result.reason)), MAX_REASON),
      };
    },
  };
}

function unknown(reason: string): CheckResult {
  return { ok: false, unknown: true, reason };
}

/** The engine says nothing. A check that was given up itself is no fault of the engine's. */
function blocked(reason: string, signal: AbortSignal): CheckResult {
  return { ok: false, unknown: true, reason, ...(signal.aborted ? {} : { blocked: true }) };
}

/** Names that wait for the look of this turn. */
interface Batch {
  names: Set<string>;
  longestMs: number;
  /** Resolves when nobody joins it any more. */
  asked: Promise<void>;
  result: Promise<Inspection>;
}

type Look = (name: string, timeoutMs: number, signal: AbortSignal) => Batch;

function createSharedLook({ client, redact }: World): Look {
  // By signal: those who share one stop at the same time.
  const waiting = new Map<AbortSignal, Batch>();
  return (name, timeoutMs, signal) => {
    const batch = waiting.get(signal) ?? begin(signal);
    batch.names.add(name);
    batch.longestMs = Math.max(batch.longestMs, timeoutMs);
    return batch;
  };

  function begin(signal: AbortSignal): Batch {
    const names = new Set<string>();
    const asked = new Promise<void>((resolve) => setImmediate(resolve));
    const result = asked.then(() => {
      waiting.delete(signal);
      return inspectContainers(client, [...names], redact, signal, batch.longestMs, STATE);
    });
    const batch: Batch = { names, longestMs: 0, asked, result };
    waiting.set(signal, batch);
    return batch;
  }
}

/** The look ends with the longest timeout that shares it; a shorter one ends by itself, `undefined`. */
async function inTime(
  batch: Batch,
  { timeoutMs }: ServiceTarget,
  signal: AbortSignal,
  clock: Clock,
): Promise<Inspection | undefined> {
  // Only when all have asked is it known which timeout is the longest.
  await batch.asked;
  if (timeoutMs >= batch.longestMs) return batch.result;
  const over = new AbortController();
  const stop = AbortSignal.any([signal, over.signal]);
  const late = clock.wait(timeoutMs, stop).then(() => (signal.aborted ? batch.result : undefined));
  const first = await Promise.race([batch.result, late]);
  over.abort();
  return first;
}

/** Logs once that the engine cannot be asked, and once that it can again: unknown checks fail nothing and tell nobody. */
function createTeller(log: Log): (look: Inspection) => void {
  let isAway = false;
  return (look) => {
    if (look.ok === !isAway) return;
    isAway = !look.ok;
    if (look.ok) log.info("the Docker engine can be asked again: docker checks are made");
    else log.warn(`docker checks cannot be made: ${look.reason}`);
  };
}
