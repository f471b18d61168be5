/** The incidents in a folder, and which of them are the oldest. */
import { readdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { type IncidentFile, readIncident } from "./file.ts";

const FILE = /^(inc_[a-z0-9]+)\.json$/;
const UNFINISHED = /^inc_[a-z0-9]+\.json\.tmp$/;

export interface Entry {
  id: string;
  service: string;
  /** 0 in a file of 0.1.0, which did not count its writes. */
  sequence: number;
  /** When it ended; for an open incident, when its last evidence was taken. */
  at: number;
  closed: boolean;
}

/**
 * Orders from old to new. Neither file names nor times are reliable: ids end in a counter without a fixed width,
 * and clocks are set back. So every write is numbered; files without a number are older than the others.
 */
export function byAge(a: Entry, b: Entry): number {
  return a.sequence - b.sequence || a.at - b.at || (a.id < b.id ? -1 : 1);
}

export function entryOf(file: IncidentFile): Entry {
  const { id, service, sequence, endedAt, evidence } = file;
  const at = endedAt ?? evidence.at(-1)?.takenAt;
  return {
    id,
    service,
    sequence: Number.isSafeInteger(sequence) ? sequence! : 0,
    at: typeof at === "number" ? at : 0,
    closed: endedAt !== undefined,
  };
}

/** Reads every file once. A file that cannot be read counts as the oldest. */
export async function readCatalogue(folder: string): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  for (const name of await namesIn(folder)) {
    const id = FILE.exec(name)?.[1];
    if (id === undefined) continue;
    const file = await readIncident(folder, id);
    entries.set(id, entryOf(file ?? { id, service: "", evidence: [] }));
  }
  return entries;
}

/** Removes what a process left when it died while writing. Only the owner of the folder may call this. */
export async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    if (UNFINISHED.test(name)) await unlink(join(folder, name)).catch(() => {});
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
