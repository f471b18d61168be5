/**
 * The journal beside the state file: waiting alerts and dead letters, of which there may be thousands. It is an
 * append-only file with one line of JSON per change, so that a save writes only what changed.
 *
 * The state file names its journal and how many of its bytes are valid, so one rename commits both: what was appended
 * by a save that did not finish is ignored. Every owner of the state starts a new journal, so that an earlier owner
 * cannot change a valid one. A journal that consists mostly of history is rewritten.
 */
import { basename, dirname, join } from "node:path";
import type { Times } from "../core/times.ts";
import type { Lists, Pointer, Row } from "./codec.ts";
import { discard, exists, type Handle, readIfThere, type StateFs, syncDirectory, writeAll } from "./fs.ts";
import { freshToken } from "./lock-owner.ts";
import { encodeJson, timesFromText } from "./times.ts";

/** A save's part: `pointer` goes into the state file. Call `committed` after its rename, or `failed`. */
export interface Appended {
  pointer: Pointer | undefined;
  committed(): Promise<void>;
  failed(): Promise<void>;
}

/** A shorter file is not worth rewriting. */
const SMALL_BYTES = 128 * 1024;
/** How many times longer than its content a file may get. */
const MOST_HISTORY = 4;

/** `times`: the times in the rows of each list. */
export function createJournal(fs: StateFs, statePath: string, times: Readonly<Record<string, Times>>) {
  const folder = dirname(statePath);
  const stem = `${basename(statePath)}.outbox-`;
  const mine = `${stem}${freshToken().slice(0, 8)}`;
  let generation = 0;
  /** Our own journal; absent while the journal of an earlier owner is valid, or there is none. */
  let handle: Handle | undefined;
  let file: string | undefined;
  let bytes = 0;
  const kept: Kept = new Map();
  /** The lists of the last save: those that are still the same objects need no comparison. */
  let last: Lists = {};
  /** How many rows were written as a whole, to estimate how much of the file is history. */
  const written = { rows: 0, bytes: 0 };

  const pointer = (): Pointer | undefined => (bytes === 0 ? undefined : { file: file!, bytes });
  const encode = (change: Change) => encodeChange(change, times);

  /** Reads what a state file points to; `fault` says what is missing. Throws the disk's error. */
  async function load(from: Pointer): Promise<{ lists: Lists; fault?: string }> {
    const path = join(folder, from.file);
    const isOurs = from.file.startsWith(stem) && basename(from.file) === from.file;
    const read = isOurs ? (await readIfThere(fs, path))?.subarray(0, from.bytes) : undefined;
    if (read === undefined) return { lists: {}, fault: `${path} is missing, and so are the waiting alerts` };
    const found = readChanges(new TextDecoder().decode(read), times);
    for (const [list, rows] of found.kept) kept.set(list, rows);
    [file, bytes] = [from.file, from.bytes];
    Object.assign(written, { rows: countOf(kept), bytes });
    const whole = found.broken === 0 && read.length === from.bytes;
    const lists = Object.fromEntries([...kept].map(([list, rows]) => [list, [...rows.values()]]));
    return { lists, ...(whole ? {} : { fault: `${path} is damaged: alerts may be missing` }) };
  }

  /** Removes the files of earlier owners, except the one that counts. */
  async function tidy(): Promise<void> {
    const names = await fs.readdir(folder).catch(() => []);
    const left = names.filter((name) => name.startsWith(stem) && name !== file);
    await Promise.all(left.map((name) => discard(fs, join(folder, name))));
  }

  /** Whether the file that counts is still where the state file says. */
  async function isThere(): Promise<boolean> {
    if (bytes === 0) return true;
    if (handle) return (await handle.stat()).nlink > 0;
    return exists(fs, join(folder, file!)).catch(() => true);
  }

  /** Makes all changes durable. Throws the disk's error; then nothing has changed. */
  async function append(lists: Lists): Promise<Appended> {
    const there = await isThere();
    const same = Object.keys(lists).every((list) => lists[list] === last[list]);
    const changes = same ? [] : changesOf(kept, lists);
    if (there && changes.length === 0) return done(pointer(), async () => remember(lists, []));
    if (Object.values(lists).every((rows) => rows.length === 0))
      return done(undefined, () => empty(lists, changes));
    const lines = changes.map(encode);
    const added = Buffer.from(lines.join(""));
    const total = bytes + added.length;
    if (handle === undefined || !there || isHistory(total, lists)) return begin(lists, changes);
    await writeAll(handle, added, bytes);
    await handle.datasync();
    return done({ file: file!, bytes: total }, async () => {
      bytes = total;
      remember(lists, changes);
      for (const [index, { row, fields }] of changes.entries()) {
        if (row === undefined || fields !== undefined) continue;
        written.rows++;
        written.bytes += lines[index]!.length;
      }
    });
  }

  function isHistory(totalBytes: number, lists: Lists): boolean {
    const rows = Object.values(lists).reduce((sum, list) => sum + list.length, 0);
    const aliveBytes = (rows * written.bytes) / Math.max(written.rows, 1);
    return totalBytes > SMALL_BYTES && totalBytes > MOST_HISTORY * aliveBytes;
  }

  function remember(lists: Lists, changes: readonly Change[]): void {
    keep(kept, changes);
    last = lists;
  }

  /** Nothing waits: the state file names no journal, and our file is ready for the next alert. */
  async function empty(lists: Lists, changes: readonly Change[]): Promise<void> {
    const earlier = handle === undefined ? file : undefined;
    bytes = 0;
    Object.assign(written, { rows: 0, bytes: 0 });
    remember(lists, changes);
    await handle?.truncate(0).catch(() => undefined);
    if (earlier === undefined) return;
    file = undefined;
    await discard(fs, join(folder, earlier));
  }

  /** Writes all rows into a new file. */
  async function begin(lists: Lists, changes: readonly Change[]): Promise<Appended> {
    const name = `${mine}-${++generation}`;
    const path = join(folder, name);
    const whole = Buffer.from(changesOf(new Map(), lists).map(encode).join(""));
    const fresh = await fs.open(path, "wx", 0o600);
    const failed = async () => {
      await fresh.close().catch(() => undefined);
      await discard(fs, path);
    };
    try {
      await writeAll(fresh, whole, 0);
      await fresh.sync();
      // The state file must never name a file that a power cut can remove.
      await syncDirectory(fs, folder);
    } catch (error) {
      await failed();
      throw error;
    }
    const committed = async () => {
      const [oldHandle, oldFile] = [handle, file];
      [handle, file, bytes] = [fresh, name, whole.length];
      remember(lists, changes);
      Object.assign(written, { rows: countOf(kept), bytes });
      await oldHandle?.close().catch(() => undefined);
      if (oldFile !== undefined) await discard(fs, join(folder, oldFile));
    };
    return { pointer: { file: name, bytes: whole.length }, committed, failed };
  }

  async function close(): Promise<void> {
    await handle?.close().catch(() => undefined);
    if (handle && bytes === 0) await discard(fs, join(folder, file!));
    handle = undefined;
  }

  return { load, tidy, append, close };
}

const nothing = async () => {};

function done(pointer: Pointer | undefined, committed: () => Promise<void>): Appended {
  return { pointer, committed, failed: nothing };
}

/** The content of a journal: rows by id, in order, for each list. */
type Kept = Map<string, Map<string, Row>>;

/** `fields`: the changed fields of a known row; absent for a whole row. `row`: absent if the row was removed. */
interface Change {
  list: string;
  id: string;
  row?: Row;
  fields?: Record<string, unknown>;
}

/** The changes from the stored content to `lists`. */
function changesOf(kept: Kept, lists: Lists): Change[] {
  return Object.entries(lists).flatMap(([list, rows]) => changesIn(list, kept.get(list) ?? new Map(), rows));
}

function changesIn(list: string, known: ReadonlyMap<string, Row>, rows: readonly Row[]): Change[] {
  const changes: Change[] = [];
  /** Rows that were removed, or that moved behind a row that followed them. */
  const passed = new Set<string>();
  const inOrder = known.keys();
  const pass = (until?: string) => {
    for (let next = inOrder.next(); !next.done && next.value !== until; next = inOrder.next())
      passed.add(next.value);
  };
  for (const row of rows) {
    const before = passed.has(row.id) ? undefined : known.get(row.id);
    if (before !== undefined) pass(row.id);
    if (before !== row) changes.push({ list, id: row.id, row, ...changedFields(before, row) });
  }
  pass();
  // Removals come first, so that a row that comes back goes to the end.
  return [...[...passed].map((id) => ({ list, id })), ...changes];
}

/** Empty if the row must be written as a whole, because it is new or lost a field. */
function changedFields(before: object | undefined, row: object): Pick<Change, "fields"> {
  if (before === undefined || Object.keys(before).some((field) => !Object.hasOwn(row, field))) return {};
  const old = before as Record<string, unknown>;
  const fresh = Object.entries(row).filter(([field, value]) => old[field] !== value);
  return { fields: Object.fromEntries(fresh) };
}

function keep(kept: Kept, changes: readonly Change[]): void {
  for (const { list, id, row } of changes) {
    const rows = kept.get(list) ?? new Map<string, Row>();
    kept.set(list, rows);
    if (row === undefined) rows.delete(id);
    else rows.set(id, row);
  }
}

function countOf(kept: Kept): number {
  return [...kept.values()].reduce((sum, rows) => sum + rows.size, 0);
}

function encodeChange({ list, id, row, fields }: Change, times: Readonly<Record<string, Times>>): string {
  if (row === undefined) return `${JSON.stringify({ drop: list, id })}\n`;
  const rowTimes = times[list] ?? {};
  const change = fields === undefined ? { set: list, row } : { patch: list, id, with: fields };
  return `${encodeJson(change, { row: rowTimes, with: rowTimes })}\n`;
}

/** `broken`: the number of unreadable lines, as after a disk fault. */
function readChanges(text: string, times: Readonly<Record<string, Times>>): { kept: Kept; broken: number } {
  const kept: Kept = new Map();
  let broken = 0;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const change = readChange(line, kept, times);
    if (change === undefined) broken++;
    else keep(kept, [change]);
  }
  return { kept, broken };
}

function readChange(line: string, kept: Kept, times: Readonly<Record<string, Times>>): Change | undefined {
  try {
    const said = JSON.parse(line);
    const list = said.set ?? said.patch ?? said.drop;
    const id = said.row?.id ?? said.id;
    if (typeof list !== "string" || typeof id !== "string") return undefined;
    timesFromText(said.row ?? said.with, times[list] ?? {});
    if (said.set !== undefined) return { list, id, row: said.row };
    const before = kept.get(list)?.get(id);
    if (before === undefined) return undefined;
    return said.drop === undefined ? { list, id, row: { ...before, ...said.with, id } } : { list, id };
  } catch {
    return undefined;
  }
}
