/**
 * Incidents, one JSON file each in a folder beside the state: what failed, what was done, what the
 * container said before it was restarted, what came of it. Bounded; the oldest go first.
 */
import { mkdir, readdir, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Incident } from "../core/event.ts";
import type { Evidence, Log } from "../plugin.ts";
import { errorText } from "../shell/error-text.ts";

const MOST_INCIDENTS = 200;
/** The first evidence says most; of a crash loop's later ones, the last. */
const MOST_EVIDENCE = 4;
const ID = /^inc_[a-z0-9]+$/;

export interface KeptEvidence extends Evidence {
  takenAt: string;
}

export interface IncidentFile extends Partial<Omit<Incident, "id">> {
  id: string;
  service: string;
  evidence: KeptEvidence[];
}

export interface IncidentStore {
  addEvidence(id: string, service: string, evidence: Evidence, now: number): Promise<void>;
  close(incident: Incident): Promise<void>;
  read(id: string): Promise<IncidentFile | undefined>;
  /** The last closed incidents of a service, newest first. */
  last(service: string, most: number): Promise<IncidentFile[]>;
}

/** A folder that cannot be written costs the record and nothing else: it is said in the log. */
export function createIncidentStore(folder: string, log: Log): IncidentStore {
  let turn: Promise<unknown> = Promise.resolve();

  /** One after another: evidence and the end of an incident may come at once. */
  function change(id: string, service: string, apply: (file: IncidentFile) => IncidentFile): Promise<void> {
    const done = turn.then(async () => {
      if (!ID.test(id)) return;
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        const known = (await read(id)) ?? { id, service, evidence: [] };
        const path = join(folder, `${id}.json`);
        await writeFile(`${path}.tmp`, `${JSON.stringify(apply(known), null, 2)}\n`, { mode: 0o600 });
        await rename(`${path}.tmp`, path);
        await prune();
      } catch (error) {
        log.warn(`the incident ${id} could not be kept: ${errorText(error)}`);
      }
    });
    turn = done;
    return done;
  }

  /** Ids begin with the time of the process that made them, so that their order is that of time. */
  async function names(): Promise<string[]> {
    const all = await readdir(folder).catch(() => []);
    return all.filter((name) => name.endsWith(".json")).sort();
  }

  async function prune(): Promise<void> {
    const all = await names();
    for (const name of all.slice(0, Math.max(0, all.length - MOST_INCIDENTS)))
      await unlink(join(folder, name));
  }

  async function read(id: string): Promise<IncidentFile | undefined> {
    if (!ID.test(id)) return undefined;
    try {
      return JSON.parse(await readFile(join(folder, `${id}.json`), "utf8")) as IncidentFile;
    } catch {
      return undefined;
    }
  }

  return {
    addEvidence(id, service, evidence, now) {
      const kept: KeptEvidence = { takenAt: new Date(now).toISOString(), ...evidence };
      return change(id, service, (file) => {
        const first = file.evidence.slice(0, MOST_EVIDENCE - 1);
        return { ...file, evidence: [...first, kept] };
      });
    },
    close: (incident) =>
      change(incident.id, incident.service, (file) => ({ ...file, ...readable(incident) })),
    read,
    async last(service, most) {
      const found: IncidentFile[] = [];
      for (const name of (await names()).reverse()) {
        if (found.length === most) break;
        const file = await read(name.slice(0, -".json".length));
        if (file?.service === service && file.endedAt !== undefined) found.push(file);
      }
      return found;
    },
  };
}

function readable(incident: Incident): object {
  const iso = (at: number) => new Date(at).toISOString();
  return {
    ...incident,
    startedAt: iso(incident.startedAt),
    endedAt: iso(incident.endedAt),
    log: incident.log.map(({ at, text }) => ({ at: iso(at), text })),
  };
}
