import { setMaxListeners } from "node:events";
import type { Outcome, RestartOrder } from "../core/event.ts";
import { words } from "../core/words.ts";
import type { Evidence, MayAct, Ports, Restarter, RestartResult, ServiceTarget } from "../plugin/contract.ts";
import { withDeadline } from "../system/clock.ts";
import { errorText } from "../system/log.ts";
import type { WiredService } from "./services.ts";

/** Longer than any restarter's own deadline should be: a restarter that hangs longer is given up on. */
const LONGEST_RESTART_MS = 15 * 60_000;

/** For a restarter that does not bound its own collection of evidence. */
const EVIDENCE_MS = 3000;

interface RestartJob {
  order: RestartOrder;
  /** The service as it was configured when the restart was ordered. */
  wired: WiredService;
}

export interface Restarts {
  /** Starts a restart, or queues it behind `maxConcurrent` others. Resolves when it has settled. */
  run(job: RestartJob): Promise<void>;
  /** How many are under way or queued. */
  pending(): number;
  /** Resolves when none is under way or queued. */
  idle(): Promise<void>;
}

export interface RestartWorld {
  maxConcurrent(): number;
  ports: Ports;
  /** Aborts, with a reason for people, when nothing new may begin. Queued restarts are then withheld. */
  ending: AbortSignal;
  /** Why a restart may not begin now; asked last. */
  mayAct(job: RestartJob): Promise<string | undefined>;
  /** Called once for each restart that began, with what happened. */
  settled(order: RestartOrder, outcome: Outcome): Promise<void>;
  /** Called once for each restart that did not begin. */
  withheld(order: RestartOrder, why: string): Promise<void>;
  kept(order: RestartOrder, evidence: Evidence): void;
}

/**
 * Runs restarts, at most `maxConcurrent` at once: a hundred containers must not start together. When a restarter
 * throws, the outcome is unknown, and the reason names the restarter.
 */
export function createRestarts(world: RestartWorld): Restarts {
  const { maxConcurrent, ports, ending } = world;
  const queue: ((mayStart: boolean) => void)[] = [];
  const jobs = new Set<Promise<void>>();
  /** The order whose command runs, by container: after a reload, another service may have the same one. */
  const commands = new Map<string, string>();
  let running = 0;

  /** Resolves to true when it is this restart's turn, and to false when nothing new may begin. */
  async function turn(): Promise<boolean> {
    if (ending.aborted) return false;
    if (running >= maxConcurrent()) return new Promise<boolean>((go) => queue.push(go));
    running++;
    return true;
  }

  function leave(): void {
    const next = queue.shift();
    if (next) next(true);
    else running--;
  }

  // Each restart that collects evidence listens, too.
  setMaxListeners(0, ending);
  ending.addEventListener("abort", () => {
    for (const go of queue.splice(0)) go(false);
  });

  async function run(job: RestartJob): Promise<void> {
    if (!(await turn())) return world.withheld(job.order, String(ending.reason));
    const evidence = await takeEvidence(job, ports, ending);
    if (evidence !== undefined) world.kept(job.order, evidence);
    const made = await makeRestart(job);
    leave();
    if ("withheld" in made) return world.withheld(job.order, made.withheld);
    await world.settled(job.order, evidence?.hint === undefined ? made : { ...made, hint: evidence.hint });
  }

  async function makeRestart(job: RestartJob): Promise<Outcome | { withheld: string }> {
    const { order, wired } = job;
    const { restarter, target } = wired;
    const isBusy = () => target.container !== "" && (commands.get(target.container) ?? order.id) !== order.id;
    if (restarter === undefined) return untried("no plugin provides its restarter");
    const action = order.action === "stop" ? restarter.stop : restarter.restart;
    if (!action) return untried(`the ${restarter.name} restarter cannot ${order.action}`);
    let withheld: string | undefined;
    const mayAct: MayAct = async () => {
      const refusal = await world.mayAct(job);
      // Between this answer and the command of the restarter lies no other turn of the event loop.
      withheld ??= ending.aborted ? String(ending.reason) : isBusy() ? words.restartUnderWay : refusal;
      return withheld === undefined;
    };
    // Also for restarters that never ask; what happens between this answer and their command is their risk.
    if (!(await mayAct())) return { withheld: withheld! };
    commands.set(target.container, order.id);
    const made = await outcomeWithin(ports, restarter, (signal) => action(targetOf(wired), signal, mayAct));
    commands.delete(target.container);
    return withheld === undefined ? made : { withheld };
  }

  return {
    run(job) {
      const made = run(job).finally(() => jobs.delete(made));
      jobs.add(made);
      return made;
    },
    pending: () => jobs.size,
    async idle() {
      while (jobs.size > 0) await Promise.all(jobs);
    },
  };
}

/** Collects what a restart would destroy. Delays the restart by `EVIDENCE_MS` at most. */
async function takeEvidence(
  { order, wired }: RestartJob,
  ports: Ports,
  ending: AbortSignal,
): Promise<Evidence | undefined> {
  const { restarter } = wired;
  if (restarter?.evidence === undefined || order.incident === "") return undefined;
  const over = new AbortController();
  const stop = () => over.abort("ending");
  ending.addEventListener("abort", stop);
  let evidence: Evidence | undefined;
  const taken = Promise.resolve()
    .then(() => restarter.evidence!(targetOf(wired), over.signal))
    .then(
      (found) => {
        evidence = found;
      },
      (error) => ports.log.warn(`no evidence of ${order.service}: ${errorText(error)}`),
    );
  const ended = new Promise<void>((resolve) => over.signal.addEventListener("abort", () => resolve()));
  await withDeadline(ports.clock, EVIDENCE_MS, Promise.race([taken, ended]));
  ending.removeEventListener("abort", stop);
  over.abort("taken");
  return evidence;
}

async function outcomeWithin(
  ports: Ports,
  { name }: Restarter,
  act: (signal: AbortSignal) => Promise<RestartResult>,
): Promise<Outcome> {
  const over = new AbortController();
  try {
    const expiry = ports.clock.wait(LONGEST_RESTART_MS, over.signal).then(
      (): RestartResult => ({
        ok: false,
        unknown: true,
        reason: `the ${name} restarter did not end in 15 min`,
      }),
    );
    return outcomeOf(await Promise.race([act(over.signal), expiry]));
  } catch (error) {
    return { outcome: "unknown", reason: `the ${name} restarter itself failed: ${errorText(error)}` };
  } finally {
    over.abort();
  }
}

const targetOf = ({ target, restarterOptions }: WiredService): ServiceTarget => ({
  ...target,
  options: restarterOptions,
});

const untried = (reason: string): Outcome => ({ outcome: "failed", untried: true, reason });

function outcomeOf(result: RestartResult): Outcome {
  if (result.ok) return { outcome: "restarted", reason: result.reason };
  const { reason, fault, unknown, untried } = result;
  return {
    outcome: unknown ? "unknown" : "failed",
    reason,
    ...(fault ? { fault } : {}),
    ...(untried && !unknown ? { untried } : {}),
  };
}
