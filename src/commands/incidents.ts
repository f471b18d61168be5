/** Shows incidents. It asks the running watchdog, because only the watchdog's own user can read the files. */
import { askConfigured } from "./client.ts";
import { EXIT } from "./command.ts";

/** Prints one line for each incident; with an id, the whole record of that one. */
export async function incidentsCommand(id: string | undefined, asJson: boolean): Promise<number> {
  const path = id === undefined ? "/incidents" : `/incidents/${encodeURIComponent(id)}`;
  const answer = await askConfigured(path);
  if (!answer.ok) return answer.exit;
  const shown = asJson
    ? answer.text
    : id === undefined
      ? list(answer.value as { incidents: Listed[] })
      : record(answer.value as Incident);
  process.stdout.write(`${shown}\n`);
  return EXIT.ok;
}

interface Listed {
  id: string;
  service: string;
  started_at: string | null;
  outcome: string | null;
  reason: string | null;
  hint: string | null;
}

function list({ incidents }: { incidents: Listed[] }): string {
  if (incidents.length === 0) return "no incidents";
  const width = Math.max(...incidents.map(({ service }) => service.length));
  const lines = incidents.map(({ id, service, started_at, outcome, reason, hint }) => {
    const what = outcome ?? `ongoing; first failure: ${reason}`;
    return `${when(started_at)}  ${id}  ${service.padEnd(width)}  ${printable(hint ? `${what} (${hint})` : what)}`;
  });
  return [...lines, "", "To see one in full: spreadpilot-watchdog incidents ID"].join("\n");
}

interface Incident {
  id: string;
  displayName?: string;
  service: string;
  container?: string;
  startedAt?: string;
  endedAt?: string | null;
  outcome?: string;
  hint?: string;
  log?: { at: string; text: string }[];
  evidence: { takenAt: string; healthLog: string[]; logLines: string[]; hint?: string; missing?: string }[];
}

function record({
  id,
  displayName,
  service,
  container,
  startedAt,
  outcome,
  hint,
  log,
  evidence,
}: Incident): string {
  const lines = [
    `${id}: ${displayName ?? service}${container ? `, container ${container}` : ""}`,
    `since ${when(startedAt)} UTC: ${outcome ?? "ongoing"}`,
    ...(hint ? [`hint: ${hint}`] : []),
    "",
    ...(log ?? []).map(({ at, text }) => `${when(at)}  ${text}`),
  ];
  for (const { takenAt, healthLog, logLines, hint: ownHint, missing } of evidence) {
    lines.push("", `container at ${when(takenAt)} UTC${ownHint ? `: ${ownHint}` : ""}`);
    if (missing) lines.push(`  missing: ${missing}`);
    lines.push(
      ...healthLog.map((line) => `  health check: ${line}`),
      ...logLines.map((line) => `  | ${line}`),
    );
  }
  return lines.map(printable).join("\n");
}

/** To the second. */
function when(at: string | null | undefined): string {
  return at ? at.slice(0, 19).replace("T", " ") : "unknown time";
}

/** The output of a container may hold control sequences that would garble the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}+/gu, " ");
}
