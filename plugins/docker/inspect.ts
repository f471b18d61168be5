/** Asks the engine about containers with `docker inspect`; missing containers are no error. */
import type { Redact } from "../../src/plugin.ts";
import { type Client, isContainerName } from "./client.ts";
import { type Inspected, identified, mistaken, named, parseInspect } from "./facts.ts";
import { type Fault, faultOf, garbage } from "./fault.ts";

/** Names in one command. A shell's text may have 128 KiB, and the whole answer about 100 stays far below its bound. */
const CHUNK_BYTES = 64 * 1024;
const CHUNK = 100;
/** The short answer about that many is shorter than the whole one about `CHUNK`. */
const CHUNK_SHORT = 1000;

/** What `docker inspect` is asked to print: all of a container, or one line with its state. */
interface Form {
  words: readonly string[];
  most: number;
  parse(stdout: string): unknown;
}

const WHOLE: Form = { words: [], most: CHUNK, parse };

const PRINTED = ["Id", "Name", "RestartCount", "State"].map((key) => `"${key}":{{json .${key}}}`);

/** The state alone, and the environment, whose secrets are taken out of what is told. */
export const STATE: Form = {
  words: ["--format", `{${PRINTED.join(",")},"Config":{"Env":{{json .Config.Env}}}}`],
  most: CHUNK_SHORT,
  parse: (stdout) => parse(`[${stdout.trim().split("\n").join(",")}]`),
};

/** A working engine answers an inspection much faster. */
const INSPECT_TIMEOUT_MS = 10_000;

/** `mistaken`: names of other containers whose id begins with a name that was asked for. */
export type Inspection =
  | { ok: true; found: Map<string, Inspected>; mistaken: Map<string, string> }
  | ({ ok: false } & Fault);

/** By the exact name that was asked for. Absent: no such container, or not a valid name. */
export function inspectContainers(
  client: Client,
  names: readonly string[],
  redact: Redact,
  signal: AbortSignal,
  deadlineMs = INSPECT_TIMEOUT_MS,
  form = WHOLE,
): Promise<Inspection> {
  return inspect(client, names, redact, signal, deadlineMs, named, form);
}

/** By the full id, exactly. */
export function inspectById(
  client: Client,
  id: string,
  redact: Redact,
  signal: AbortSignal,
): Promise<Inspection> {
  return inspect(client, [id], redact, signal, INSPECT_TIMEOUT_MS, identified);
}

async function inspect(
  client: Client,
  names: readonly string[],
  redact: Redact,
  signal: AbortSignal,
  deadlineMs: number,
  pick: typeof named,
  form = WHOLE,
): Promise<Inspection> {
  const asked = [...new Set(names)].filter(isContainerName);
  const found = new Map<string, Inspected>();
  const others = new Map<string, string>();
  for (const chunk of chunksOf(asked, form.most)) {
    const outcome = await client({
      words: ["inspect", "--type", "container", ...form.words],
      names: chunk,
      deadlineMs,
      signal,
    });
    if (outcome.end !== "ok" && !(outcome.end === "failed" && onlyMissing(outcome.stderr)))
      return { ok: false, ...faultOf(outcome, chunk.join(", "), redact) };
    const answer = form.parse(outcome.stdout);
    if (!Array.isArray(answer)) return { ok: false, ...garbage(outcome.stdout, redact) };
    const containers = parseInspect(answer);
    for (const name of chunk) {
      const container = pick(containers, name);
      const other = container ? undefined : mistaken(containers, name);
      if (container) found.set(name, container);
      if (other) others.set(name, other.name);
    }
  }
  return { ok: true, found, mistaken: others };
}

function chunksOf(names: readonly string[], most: number): string[][] {
  const chunks: string[][] = [];
  let bytes = 0;
  for (const name of names) {
    const chunk = chunks.at(-1);
    // Quotes and a space come with each.
    bytes += name.length + 3;
    if (chunk && chunk.length < most && bytes <= CHUNK_BYTES) chunk.push(name);
    else {
      chunks.push([name]);
      bytes = name.length + 3;
    }
  }
  return chunks;
}

/** Also a name that does not exist and is the beginning of more than one id. */
const MISSING = /^Error.*: (?:no such (?:container|object): |multiple IDs found with provided prefix)/i;

/** If one of many containers is missing, the client prints the others and exits with 1. */
function onlyMissing(stderr: string): boolean {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("WARNING:"));
  return lines.length > 0 && lines.every((line) => MISSING.test(line));
}

function parse(stdout: string): unknown {
  try {
    return JSON.parse(stdout);
  } catch {
    return undefined;
  }
}
