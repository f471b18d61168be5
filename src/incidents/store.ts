/**
 * The records of incidents, one file each in a folder beside the state: what failed, what was done, what the
 * container logged before its restart, and the outcome. Bounded; the oldest are removed first.
 */
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Incident } from "../core/event.ts";
import type { Evidence, Log } from "../plugin/contract.ts";
import { makeDirectory, realFs } from "../state/fs.ts";
import { errorText } from "../system/log.ts";
import { byAge, type Entry, entryOf, readCatalogue, removeUnfinished } from "./catalogue.ts";
import { type IncidentFile, type KeptEvidence, readIncident, writeIncident } from "./file.ts";

const MOST_INCIDENTS = 200;
/** In a crash loop, the first evidence says most; of the later ones only the last is kept. */
const MOST_EVIDENCE = 4;
const ID = /^inc_[a-z0-9]+$/;

export interface IncidentStore {
  /** Removes what a crash left unfinished. Called when this process has become the owner of the folder. */
  open(): Promise<void>;
  addEvidence(id: string, service: string, evidence: Evidence, now: number): Promise<void>;
  close(incident: Incident): Promise<void>;
  read(id: string): Promise<IncidentFile | undefined>;
  /** The last closed incidents, newest first; of one service, or of all when `service` is undefined. */
  last(service: string | undefined, most: number): Promise<IncidentFile[]>;
  /** Resolves when everything is written. */
  idle(): Promise<void>;
}

/**
 * When the folder cannot be written, only the record is lost, with a warning in the log. `isOpen` says whether an
 * outage still lasts; the evidence of open outages is removed last.
 */
export function createIncidentStore(
  folder: string,
  log: Log,
  isOpen: (service: string, id: string) => boolean = () => false,
): IncidentStore {
  let turn: Promise<unknown> = Promise.resolve();
  /** Cached from the first write on: only the owner of the folder writes, so nobody else changes it. */
  let known: Promise<Map<string, Entry>> | undefined;

  /** Runs changes one after another: evidence and the end of an incident may arrive together. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    const done = turn.then(work);
    turn = done;
    return done;
  }

  function change(id: string, service: string, apply: (file: IncidentFile) => IncidentFile): Promise<void> {
    return inTurn(async () => {
      if (!ID.test(id)) return;
      try {
        known ??= readCatalogue(folder);
        const entries = await known;
        await makeDirectory(realFs, folder);
        const before = (await readIncident(folder, id)) ?? { id, service, evidence: [] };
        const file = { ...apply(before), sequence: nextSequence(entries) };
        await writeIncident(folder, file);
        entries.set(id, entryOf(file));
        await prune(entries);
      } catch (error) {
        log.warn(`the incident ${id} could not be kept: ${errorText(error)}`);
      }
    });
  }

  async function prune(entries: Map<string, Entry>): Promise<void> {
    const excess = entries.size - MOST_INCIDENTS;
    if (excess <= 0) return;
    const lasts = ({ closed, service, id }: Entry) => Number(!closed && isOpen(service, id));
    const oldestFirst = [...entries.values()].sort((a, b) => lasts(a) - lasts(b) || byAge(a, b));
    for (const { id } of oldestFirst.slice(0, excess)) {
      entries.delete(id);
      await unlink(join(folder, `${id}.json`)).catch((error) => {
        if (error.code !== "ENOENT") log.warn(`the old incident ${id} stays: ${errorText(error)}`);
      });
    }
  }

  return {
    open: () =>
      inTurn(async () => {
        known = undefined;
        await removeUnfinished(folder);
      }),
    addEvidence(id, service, evidence, now) {
      const kept: KeptEvidence = { takenAt: now, ...evidence };
      return change(id, service, (file) => {
        const first = file.evidence.slice(0, MOST_EVIDENCE - 1);
        return { ...file, evidence: [...first, kept] };
      });
    },
    close: (incident) => change(incident.id, incident.service, (file) => ({ ...file, ...incident })),
    read: async (id) => (ID.test(id) ? readIncident(folder, id) : undefined),
    async last(service, most) {
      const entries = await (known ?? readCatalogue(folder));
      const newestFirst = [...entries.values()]
        .filter((entry) => entry.closed && (service === undefined || entry.service === service))
        .sort((a, b) => byAge(b, a));
      const found: IncidentFile[] = [];
      for (const { id } of newestFirst) {
        if (found.length === most) break;
        const file = await readIncident(folder, id);
        if (file) found.push(file);
      }
      return found;
    },
    idle: () => inTurn(async () => {}),
  };
}

function nextSequence(entries: ReadonlyMap<string, Entry>): number {
  let last = 0;
  for (const { sequence } of entries.values()) if (sequence > last) last = sequence;
  return last + 1;
}
