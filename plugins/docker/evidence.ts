/** The evidence of a container before its restart: its state and its last log lines, bounded and without secrets. */
import type { Clock, Evidence, Redact } from "../../src/plugin.ts";
import type { Client, Outcome } from "./client.ts";
import { hidingVariables, isOnlyAName } from "./facts.ts";
import { faultOf, oneLine, showS } from "./fault.ts";
import { hintOf } from "./hint.ts";
import { type Inspection, inspectContainers } from "./inspect.ts";

/** Characters of all texts of one piece of evidence, and of one line in it. */
const MAX_TOTAL = 16_384;
const MAX_LINE = 500;
/**
 * Secrets are hidden before a line is cut to `MAX_LINE`; but a line may be megabytes, so it is cut to this length
 * first.
 */
const MAX_RAW_LINE = 4000;
/** The most bytes of log that are read. */
const MAX_RAW = 1_048_576;
const HEALTH_ENTRIES = 5;

export interface EvidenceOptions {
  clock: Clock;
  logLines: number;
  timeoutMs: number;
  redact: Redact;
}

/**
 * Asks for state and log at the same time, so that both fit in one `timeoutMs`. Never rejects; says what is missing.
 */
export async function takeEvidence(
  client: Client,
  name: string,
  options: EvidenceOptions,
  signal: AbortSignal,
): Promise<Evidence> {
  const { redact, timeoutMs } = options;
  const readLogs = (target: string, deadlineMs: number) =>
    client({
      words: ["logs", "--timestamps", "--tail", String(options.logLines)],
      names: [target],
      lastBytes: MAX_RAW,
      deadlineMs,
      signal,
    });
  const look = (deadlineMs: number) => inspectContainers(client, [name], redact, signal, deadlineMs);
  const [inspection, logs] = isOnlyAName(name)
    ? await Promise.all([look(timeoutMs), readLogs(name, timeoutMs)])
    : await oneByOne(name, options, look, readLogs);
  const container = inspection.ok ? inspection.found.get(name) : undefined;
  const hide = hidingVariables(container?.env ?? []);
  const hidden = (text: string) => redact(hide(text));
  const clean = (text: string) => oneLine(hidden(text.slice(0, MAX_RAW_LINE)), MAX_LINE);

  const missing: string[] = [];
  if (!inspection.ok) missing.push(`docker inspect: ${inspection.reason}`);
  else if (!container) missing.push(`docker inspect: no container named ${name}`);
  let said: LogText = { lines: [], notes: [] };
  // The error output of a failed client is a note beside the lines that it did read.
  if (logs.end === "ok" || (logs.end === "failed" && logs.stdout !== "")) said = readLog(logs.stdout);
  else if (logs.end === "expired") missing.push(`docker logs took longer than ${showS(timeoutMs)}`);
  else missing.push(`docker logs: ${faultOf(logs, name, redact).reason}`);
  if (said.notes.length > 0 && container) missing.push(`docker logs: ${clean(said.notes.join(" "))}`);

  const healthLog = (container?.healthLog ?? []).slice(-HEALTH_ENTRIES).map(clean);
  const logLines = boundLines(redactLines(said.lines, hidden), MAX_TOTAL - sizeOf(healthLog));
  const evidence: Evidence = { healthLog, logLines };
  if (container) evidence.facts = { ...container.facts, error: clean(container.facts.error) };
  const hint = hintOf({
    ...evidence.facts,
    texts: [evidence.facts?.error ?? "", ...logLines, ...healthLog],
    ...(container?.failedHealth ? { failedHealth: clean(container.failedHealth) } : {}),
  });
  if (hint) evidence.hint = hint;
  if (missing.length > 0) evidence.missing = missing.join("; ");
  return evidence;
}

/**
 * A name may be the beginning of another container's id. Then ask for the container's own id, so that its logs are
 * not mixed up with those of the other one.
 */
async function oneByOne(
  name: string,
  { clock, timeoutMs }: EvidenceOptions,
  look: (deadlineMs: number) => Promise<Inspection>,
  readLogs: (target: string, deadlineMs: number) => Promise<Outcome>,
): Promise<[Inspection, Outcome]> {
  const begunMs = clock.monotonicMs();
  const inspection = await look(timeoutMs);
  const id = inspection.ok ? inspection.found.get(name)?.facts.id : undefined;
  if (id === undefined) return [inspection, NO_LOGS];
  return [inspection, await readLogs(id, timeoutMs - (clock.monotonicMs() - begunMs))];
}

const NO_LOGS: Outcome = { end: "ok", stdout: "" };

interface LogText {
  lines: string[];
  /** The client's own messages: with `--timestamps`, every line of the log begins with a time. */
  notes: string[];
}

const STAMPED = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d) ?/;

export function readLog(stdout: string): LogText {
  const lines: string[] = [];
  const notes: string[] = [];
  const wasCut = stdout.length >= MAX_RAW / 2;
  for (const [index, line] of stdout.split("\n").entries()) {
    if (line.trim() === "") continue;
    if (STAMPED.test(line)) lines.push(line);
    else if (index === 0 && wasCut) lines.push(`… ${line}`);
    else notes.push(line);
  }
  return { lines, notes };
}

/** Hides secrets across lines, because a private key has several lines, then cuts each line. */
export function redactLines(lines: readonly string[], redact: (text: string) => string): string[] {
  return redact(lines.map((line) => line.slice(0, MAX_RAW_LINE)).join("\n"))
    .split("\n")
    .map((line) => oneLine(line, MAX_LINE));
}

/** The newest lines that fit in `max` characters, oldest first. */
export function boundLines(lines: readonly string[], max: number): string[] {
  let left = max;
  const kept: string[] = [];
  for (const line of [...lines].reverse()) {
    left -= line.length;
    if (left < 0) break;
    if (line !== "") kept.unshift(line);
  }
  return kept;
}

function sizeOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + line.length, 0);
}
