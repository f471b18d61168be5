/**
 * Remembers our processes in a file beside the state. A killed watchdog leaves them running, and the next one must
 * find them. The file is written in the same turn of the event loop in which a process starts. If that failed (a
 * crash in between, a full disk), the process is found by a mark in its environment, unless the program overwrites
 * its environment, as programs do that change their title.
 */
import { readFileSync, realpathSync, renameSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import type { Log } from "../../src/plugin.ts";
import type { Child } from "./child.ts";
import type { Marked, Proc } from "./proc.ts";

export const MARK = "SPREADPILOT_WATCHDOG_CHILD";

export interface Remembered {
  service: string;
  pid: number;
  start: string;
  /** A unique word for each start. All children of the process inherit the mark. */
  word: string;
  /** A digest of the settings that it was started with; empty if unknown. */
  settings: string;
}

export interface Memory {
  /** The processes that earlier watchdogs of this state wrote down, running or not. */
  recall(): Remembered[];
  /** The processes that run but were not written down, at most one for each service. */
  search(): Promise<Remembered[]>;
  /** The children that a process left behind in its group when it ended. */
  leftBy(process: Pick<Remembered, "service" | "pid" | "word">): Promise<Marked[]>;
  /** Writes down which processes are ours now, by service. */
  keep(members: Kept): void;
  /** Whether no other watchdog has taken them over since. */
  isOurs(): boolean;
  markOf(service: string, word: string): string;
}

type Kept = ReadonlyMap<string, { child: Child; word: string; settings: string }>;

interface Content {
  world: string;
  owner: string;
  processes: Remembered[];
}

export function openMemory(file: string, proc: Proc, log: Log): Memory {
  const owner = `${process.pid} ${proc.find(process.pid)?.start ?? ""}`;
  const id = `${hostname()}/${inodeOf("/")}:${join(real(dirname(file)), basename(file))}`;
  let isWritten = true;

  function read(): Content | undefined {
    try {
      const content = JSON.parse(readFileSync(file, "utf8")) as Content;
      const isOfHere = proc.world !== "" && content.world === proc.world;
      return isOfHere ? { ...content, processes: content.processes.filter(isWhole) } : undefined;
    } catch {
      return undefined;
    }
  }

  async function search(): Promise<Remembered[]> {
    const words = new Set((read()?.processes ?? []).map(({ word }) => word));
    const found = new Map<string, Remembered>();
    for (const { pid, start, group, value } of await proc.marked(MARK)) {
      const [service = "", word = "", ...rest] = value.split(" ");
      if (group !== pid || rest.join(" ") !== id || words.has(word) || found.has(service)) continue;
      found.set(service, { service, pid, start, word, settings: "" });
    }
    return [...found.values()];
  }

  const markOf = (service: string, word: string) => `${service} ${word} ${id}`;

  /** The number of a group is not enough: after all of its processes have ended, another group may get the number. */
  async function leftBy({ service, pid, word }: Pick<Remembered, "service" | "pid" | "word">) {
    const mark = markOf(service, word);
    const marked = await proc.marked(MARK);
    return marked.filter(({ group, value }) => group === pid && value === mark);
  }

  function keep(members: Kept): void {
    try {
      const processes = [...members].map(([service, { child, word, settings }]) => {
        const { pid, start } = child;
        return { service, pid, start, word, settings };
      });
      const content: Content = { world: proc.world, owner, processes };
      writeFileSync(`${file}.tmp`, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
      // No sync is needed: after a power cut, none of these processes exists.
      renameSync(`${file}.tmp`, file);
      isWritten = true;
    } catch (error) {
      if (isWritten)
        log.warn(`it could not be written down which processes run: ${(error as Error).message}`);
      isWritten = false;
    }
  }

  return {
    recall: () => read()?.processes ?? [],
    search,
    leftBy,
    keep,
    isOurs: () => (read()?.owner ?? owner) === owner,
    markOf,
  };
}

function isWhole({ service, pid, start, word }: Remembered): boolean {
  return typeof service === "string" && Number.isSafeInteger(pid) && pid > 1 && Boolean(start && word);
}

/** Together with the host name, this tells a container from its host if they share process numbers. */
function inodeOf(path: string): string {
  try {
    return String(statSync(path, { bigint: true }).ino);
  } catch {
    return "";
  }
}

function real(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}
