/** What is kept of a container before it is restarted: its state and its last words, bounded and redacted. */
import type { Evidence } from "../../src/plugin.ts";
import type { Client } from "./client.ts";
import { faultOf, showS } from "./fault.ts";
import { hintOf } from "./hint.ts";
import { inspectContainers } from "./inspect.ts";
import { oneLine, type Redact, secretValues } from "./redact.ts";

/** Characters of all texts of one evidence, and of one line of it. */
const MAX_TOTAL = 16_384;
const MAX_LINE = 500;
/** A line is redacted before it is cut to `MAX_LINE`, but not whole: it may be megabytes. */
const MAX_RAW_LINE = 4000;
/** Bytes of log that are read at most. */
const MAX_RAW = 1_048_576;
const HEALTH_ENTRIES = 5;

export interface EvidenceOptions {
  logLines: number;
  timeoutMs: number;
  redact: Redact;
}

/** Asks for state and log at once, so that both fit in one `timeoutMs`. Never rejects; says what is missing. */
export async function takeEvidence(
  client: Client,
  name: string,
  options: EvidenceOptions,
  signal: AbortSignal,
): Promise<Evidence> {
  const { redact, timeoutMs } = options;
  const [inspection, logs] = await Promise.all([
    inspectContainers(client, [name], redact, signal, timeoutMs),
    client({
      verb: `logs --timestamps --tail ${options.logLines}`,
      names: [name],
      // Logs come on both streams and docker-cli-js keeps one; `tail` bounds what comes into memory.
      tail: ` 2>&1 | tail -c ${MAX_RAW}`,
      deadlineMs: timeoutMs,
      signal,
    }),
  ]);
  const container = inspection.ok ? inspection.found.get(name) : undefined;
  const secrets = secretValues(container?.env ?? []);
  const clean = (text: string) => oneLine(redact(text.slice(0, MAX_RAW_LINE), secrets), MAX_LINE);

  const missing: string[] = [];
  if (!inspection.ok) missing.push(`docker inspect: ${inspection.reason}`);
  else if (!container) missing.push(`docker inspect: no container named ${name}`);
  let said: LogText = { lines: [], notes: [] };
  if (logs.end === "ok") said = readLog(logs.stdout);
  else if (logs.end === "expired") missing.push(`docker logs took longer than ${showS(timeoutMs)}`);
  else missing.push(`docker logs: ${faultOf(logs, name, redact).reason}`);
  if (said.notes.length > 0 && container) missing.push(`docker logs: ${clean(said.notes.join(" "))}`);

  const healthLog = (container?.healthLog ?? []).slice(-HEALTH_ENTRIES).map(clean);
  const logLines = boundLines(
    redactLines(said.lines, (text) => redact(text, secrets)),
    MAX_TOTAL - sizeOf(healthLog),
  );
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

interface LogText {
  lines: string[];
  /** What the client itself said: with `--timestamps` only a line of the log begins with a time. */
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

/** Redacts across lines, because a private key is more than one, then cuts each. */
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
