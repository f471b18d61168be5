/** One incident as a JSON file. Its times are ms since the epoch in memory and ISO 8601 in the file. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Incident } from "../core/event.ts";
import type { TimesOf } from "../core/times.ts";
import type { Evidence } from "../plugin/contract.ts";
import { encodeJson, timesFromText } from "../state/times.ts";

export interface KeptEvidence extends Evidence {
  takenAt: number;
}

/** While the outage lasts, the file has evidence and nothing else. */
export interface IncidentFile extends Partial<Omit<Incident, "id" | "service">> {
  id: string;
  service: string;
  evidence: KeptEvidence[];
  /** Counts the writes in this folder. */
  sequence?: number;
}

/** The facts of a container are written as the engine reported them, with times in ms. */
type Texts = Omit<IncidentFile, "evidence"> & { evidence: readonly Omit<KeptEvidence, "facts">[] };

const incidentTimes: TimesOf<Texts> = {
  startedAt: "time",
  endedAt: "time",
  log: [{ at: "time" }],
  evidence: [{ takenAt: "time" }],
};

/** The incident as the file holds it, and as `GET /incidents/:id` answers it. */
export function incidentJson(file: IncidentFile): Record<string, unknown> {
  return JSON.parse(encodeJson(file, incidentTimes));
}

/** `undefined` when the file is missing or broken. */
export async function readIncident(folder: string, id: string): Promise<IncidentFile | undefined> {
  try {
    const value = JSON.parse(await readFile(join(folder, `${id}.json`), "utf8"));
    timesFromText(value, incidentTimes);
    return { ...value, id, evidence: Array.isArray(value.evidence) ? value.evidence : [] };
  } catch {
    return undefined;
  }
}

/** Replaces the file in one step. Throws the disk's error. */
export async function writeIncident(folder: string, file: IncidentFile): Promise<void> {
  const path = join(folder, `${file.id}.json`);
  await writeFile(`${path}.tmp`, `${encodeJson(file, incidentTimes, 2)}\n`, { mode: 0o600 });
  await rename(`${path}.tmp`, path);
}
