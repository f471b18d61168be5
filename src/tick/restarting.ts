import type { Outcome, RestartOrder } from "../core/event.ts";
import type { Evidence, Ports, Restarter, RestartResult, ServiceTarget } from "../plugin.ts";
import { errorText } from "../shell/error-text.ts";
import { within } from "../shell/within.ts";

/** Longer than any restarter's own deadline should be: after this, a hanging one is given up on. */
const LONGEST_RESTART_MS = 15 * 60_000;

/** Evidence is bounded by its restarter; this is for one that does not keep to it. */
const EVIDENCE_MS = 3000;

export interface RestartJob {
  order: RestartOrder;
  restarter: Restarter | undefined;
  target: ServiceTarget;
}

export interface Restarts {
  /** Starts a restart, or queues it behind `maxConcurrent` others. Resolves when it has settled. */
  run(job: RestartJob): Promise<void>;
  /** How many are under way or queued. */
  pending(): number;
  /** Resolves when none is under way. */
  idle(): Promise<void>;
}

/**
 * Makes restarts, at most `maxConcurrent` at once: a hundred must not start together. `settled` is
 * called once for each, with what happened; a restarter that throws has failed, and is named.
 */
export function createRestarts(
  maxConcurrent: number,
  ports: Ports,
  settled: (service: string, outcome: Outcome) => Promise<void>,
  kept: (order: RestartOrder, evidence: Evidence) => void,
): Restarts {
  const queue: (() => void)[] = [];
  const jobs = new Set<Promise<void>>();
  let running = 0;

  async function run(job: RestartJob): Promise<void> {
    if (running >= maxConcurrent) await new Promise<void>((turn) => queue.push(turn));
    else running++;
    const evidence = await takeEvidence(job, ports);
    if (evidence !== undefined) kept(job.order, evidence);
    const made = await makeRestart(job, ports);
    const outcome = evidence?.hint === undefined ? made : { ...made, hint: evidence.hint };
    const next = queue.shift();
    if (next) next();
    else running--;
    await settled(job.order.service, outcome);
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

/** What the container says before it is restarted, which destroys it. Never delays healing past its bound. */
async function takeEvidence(
  { order, restarter, target }: RestartJob,
  ports: Ports,
): Promise<Evidence | undefined> {
  if (restarter?.evidence === undefined || order.incident === "") return undefined;
  const over = new AbortController();
  let evidence: Evidence | undefined;
  const taken = Promise.resolve()
    .then(() => restarter.evidence!(target, over.signal))
    .then(
      (found) => {
        evidence = found;
      },
      (error) => ports.log.warn(`no evidence of ${order.service}: ${errorText(error)}`),
    );
  await within(ports.clock, EVIDENCE_MS, taken);
  over.abort("taken");
  return evidence;
}

async function makeRestart({ order, restarter, target }: RestartJob, ports: Ports): Promise<Outcome> {
  if (restarter === undefined) return { outcome: "failed", reason: "no plugin provides its restarter" };
  const action = order.action === "stop" ? restarter.stop : restarter.restart;
  if (!action) return { outcome: "failed", reason: `the ${restarter.name} restarter cannot ${order.action}` };
  const over = new AbortController();
  try {
    const expiry = ports.clock.wait(LONGEST_RESTART_MS, over.signal).then(
      (): RestartResult => ({
        ok: false,
        unknown: true,
        reason: `the ${restarter.name} restarter did not end in 15 min`,
      }),
    );
    return outcomeOf(await Promise.race([action(target, over.signal), expiry]));
  } catch (error) {
    const reason = `the ${restarter.name} restarter itself failed: ${errorText(error)}`;
    return { outcome: "unknown", reason };
  } finally {
    over.abort();
  }
}

function outcomeOf(result: RestartResult): Outcome {
  if (result.ok) return { outcome: "restarted", reason: result.reason };
  const outcome = result.unknown ? "unknown" : "failed";
  return { outcome, reason: result.reason, ...(result.fault ? { fault: result.fault } : {}) };
}
