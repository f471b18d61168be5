/** Hides secrets in what checks and restarters say, before anybody keeps, shows or sends it. */
import type { EngineRestarts } from "../core/container.ts";
import type { Redact } from "../redaction/redactor.ts";
import type { ContainerFacts } from "./container-facts.ts";
import type { Check, Evidence, Restarter } from "./contract.ts";

export function redactedCheck(check: Check, redact: Redact): Check {
  return { name: check.name, run: (service, signal) => said(redact, () => check.run(service, signal)) };
}

export function redactedRestarter(restarter: Restarter, redact: Redact): Restarter {
  const { name, prepare, stop, inspect, examine, stoppedByHand, diskFault, takeOver, evidence } = restarter;
  return {
    name,
    restart: (...asked) => said(redact, () => restarter.restart(...asked)),
    ...(prepare && { prepare: () => prepare.call(restarter) }),
    ...(takeOver && { takeOver: (...asked) => takeOver.call(restarter, ...asked) }),
    ...(stop && { stop: (...asked) => said(redact, () => stop.call(restarter, ...asked)) }),
    ...(inspect && {
      async inspect(...asked) {
        const found = await said(redact, () => inspect.call(restarter, ...asked));
        return found.ok ? { ok: true, containers: redactedContainers(found.containers, redact) } : found;
      },
    }),
    ...(examine && {
      async examine(...asked) {
        const findings = await orRedacted(redact, () => examine.call(restarter, ...asked));
        return findings.map((one) => ({
          ...one,
          text: redact(one.text),
          ...(one.todo !== undefined && { todo: redact(one.todo) }),
        }));
      },
    }),
    ...(stoppedByHand && {
      async stoppedByHand(...asked) {
        const how = await orRedacted(redact, () => stoppedByHand.call(restarter, ...asked));
        return how === undefined ? undefined : redact(how);
      },
    }),
    ...(diskFault && {
      async diskFault(...asked) {
        const why = await orRedacted(redact, () => diskFault.call(restarter, ...asked));
        return typeof why === "string" ? redact(why) : why;
      },
    }),
    ...(evidence && {
      evidence: async (...asked) =>
        redactedEvidence(await orRedacted(redact, () => evidence.call(restarter, ...asked)), redact),
    }),
  };
}

/** What a port resolves to, its reason without secrets. */
async function said<T extends object>(redact: Redact, ask: () => Promise<T>): Promise<T> {
  const result = await orRedacted(redact, ask);
  return "reason" in result ? { ...result, reason: redact(String(result.reason)) } : result;
}

/** A port that breaks its promise and rejects, rejects with a message without secrets. */
async function orRedacted<T>(redact: Redact, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw redactedError(error, redact);
  }
}

/** Hides secrets while the message is whole: a cut could leave the beginning of one. */
export function redactedError(error: unknown, redact: Redact): Error {
  return new Error(redact(error instanceof Error ? error.message || error.name : String(error)));
}

function redactedContainers(containers: Record<string, ContainerFacts>, redact: Redact) {
  return Object.fromEntries(
    Object.entries(containers).map(([name, facts]) => [name, redactedFacts(facts, redact)]),
  );
}

function redactedFacts(facts: ContainerFacts, redact: Redact): ContainerFacts {
  const { error, outOfReach, engineRestarts, remedy, replacedBy, stopsFor } = facts;
  return {
    ...facts,
    error: redact(error),
    ...(remedy !== undefined && { remedy: redact(remedy) }),
    ...(replacedBy !== undefined && { replacedBy: redact(replacedBy) }),
    ...(stopsFor !== undefined && { stopsFor: redact(stopsFor) }),
    ...(engineRestarts && { engineRestarts: redactedRestarts(engineRestarts, redact) }),
    ...(outOfReach && {
      outOfReach: { cause: redact(outOfReach.cause), reason: redact(outOfReach.reason) },
    }),
  };
}

function redactedRestarts(restarts: EngineRestarts, redact: Redact): EngineRestarts {
  const { policy, ended, advice } = restarts;
  return {
    ...restarts,
    policy: redact(policy),
    advice: redact(advice),
    ...(ended !== undefined && { ended: redact(ended) }),
  };
}

function redactedEvidence(evidence: Evidence, redact: Redact): Evidence {
  const { facts, healthLog, logLines, hint, missing } = evidence;
  return {
    ...evidence,
    ...(facts && { facts: redactedFacts(facts, redact) }),
    healthLog: healthLog.map(redact),
    logLines: logLines.map(redact),
    ...(hint !== undefined && { hint: redact(hint) }),
    ...(missing !== undefined && { missing: redact(missing) }),
  };
}
