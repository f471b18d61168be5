/** Asks the engine about containers: `docker inspect`, tolerant of those that do not exist. */
import { type Client, isContainerName } from "./client.ts";
import { findAsked, type Inspected, parseInspect } from "./facts.ts";
import { type Fault, faultOf } from "./fault.ts";
import type { Redact } from "./redact.ts";

/** Names in one command: 100 of the longest names stay far below what a shell takes. */
const CHUNK = 100;

/** An engine that answers at all answers an inspect in well under this. */
export const INSPECT_TIMEOUT_MS = 10_000;

export type Inspection = { ok: true; found: Map<string, Inspected> } | ({ ok: false } & Fault);

/** By the asked name. Absent: no such container, or no name of Docker's grammar. */
export async function inspectContainers(
  client: Client,
  names: readonly string[],
  redact: Redact,
  signal: AbortSignal,
  deadlineMs = INSPECT_TIMEOUT_MS,
): Promise<Inspection> {
  const asked = [...new Set(names)].filter(isContainerName);
  const found = new Map<string, Inspected>();
  for (let at = 0; at < asked.length; at += CHUNK) {
    const chunk = asked.slice(at, at + CHUNK);
    const outcome = await client({ verb: "inspect --type container", names: chunk, deadlineMs, signal });
    let answer: unknown;
    if (outcome.end === "ok") answer = outcome.object;
    else if (outcome.end === "failed" && onlyMissing(outcome.stderr)) answer = parse(outcome.stdout);
    else return { ok: false, ...faultOf(outcome, chunk.join(", "), redact) };
    const containers = parseInspect(answer);
    for (const name of chunk) {
      const container = findAsked(containers, name);
      if (container) found.set(name, container);
    }
  }
  return { ok: true, found };
}

/** The client ends with 1 when one of many is missing, having printed the others. */
function onlyMissing(stderr: string): boolean {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("WARNING:"));
  return lines.length > 0 && lines.every((line) => /^Error.*: no such (?:container|object): /i.test(line));
}

function parse(stdout: string): unknown {
  try {
    return JSON.parse(stdout);
  } catch {
    return [];
  }
}
