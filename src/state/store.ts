/** The state file and its journal: one writer, replaced atomically, and kept through disk errors. */
import { basename, dirname, join, resolve } from "node:path";
import type { Clock, Log } from "../plugin/contract.ts";
import {
  type Decoded,
  decodeState,
  encodeState,
  type Lists,
  type Pointer,
  type StateFormat,
} from "./codec.ts";
import { codeOf, discard, explainDiskError, realFs, replaceFile, type StateFs, setFileAside } from "./fs.ts";
import { type Appended, createJournal } from "./journal.ts";
import { freshToken, socketPath } from "./lock-owner.ts";
import { createOwnership, type Refusal } from "./ownership.ts";

export type SaveResult = { ok: true } | { ok: false; reason: string };

export interface StateStore {
  /**
   * Resolves when a save that includes `value`, or a later one, has ended. At most one save runs and one waits.
   * The caller never changes `value` afterwards. Every save tries again, including the lock.
   */
  save(value: object): Promise<SaveResult>;
  /**
   * Why nothing may begin now; `undefined` if it may. Ask this last before a restart: it renews the lease and looks
   * at the lock. The answer is valid in the turn of the event loop in which it arrives.
   */
  mayAct(): Promise<string | undefined>;
  /**
   * Whether the state is ours, for actions that do little harm if they happen twice. Reads no file while the lease is
   * valid.
   */
  isOwner(): Promise<boolean>;
  /** Why the state is no longer ours, for good; `undefined` while it is. */
  lost(): string | undefined;
  /** Ends the saves under way and gives the lock back. */
  close(): Promise<void>;
}

export interface StateFileOptions {
  path: string;
  format: StateFormat;
  clock: Clock;
  log: Log;
  fs?: StateFs;
  leaseMs?: number;
  renewMs?: number;
  /** Called once, when another process owns the state. */
  onLost?(reason: string): void;
}

export type OpenedState =
  | {
      ok: true;
      store: StateStore;
      /** The saved value, with times in ms; absent if there is nothing to load. */
      loaded?: unknown;
      /** The version of the format of `loaded`. */
      loadedVersion?: number;
      /** A file that could not be used, and where it is kept. */
      setAside?: { path: string; reason: string };
      /** What is missing from the journal. */
      damaged?: string;
      /** Why nothing can be saved at present (a full or read-only disk); the next save tries again. */
      unwritable?: string;
    }
  | { ok: false; fault: "locked" | "newer" | "unusable"; reason: string; retryInMs?: number };

/** Opens the file and takes its lock. A disk that cannot be written does not prevent this; see `unwritable`. */
export async function openStateFile(options: StateFileOptions): Promise<OpenedState> {
  const { format, log, fs = realFs } = options;
  const path = await fs.realpath(options.path).catch(() => resolve(options.path));
  const files = createFiles({ ...options, fs, path });

  let unwritable: string | undefined;
  const refusal = await files.begin();
  if (refusal?.fault === "held") {
    return { ok: false, fault: "locked", reason: refusal.reason, retryInMs: refusal.retryInMs };
  }
  if (refusal?.fault === "wrong") return { ok: false, fault: "unusable", reason: refusal.reason };
  if (refusal) {
    unwritable = refusal.reason;
    log.warn(`the state cannot be saved for now: ${unwritable}`);
  }

  const read = await readState(fs, path, format);
  if (read.kind === "newer" || read.kind === "unusable") {
    await files.release();
    return { ok: false, fault: read.kind, reason: read.reason };
  }
  const store = createStore(files);
  if (read.kind === "none") {
    await files.loadLists(undefined);
    return { ok: true, store, unwritable };
  }
  if (read.kind === "state") {
    try {
      const { lists, fault } = await files.loadLists(read.pointer);
      if (fault) log.error(fault);
      const loaded = format.journal?.put(read.value, lists) ?? read.value;
      const damaged = fault === undefined ? {} : { damaged: fault };
      return { ok: true, store, loaded, loadedVersion: read.version, unwritable, ...damaged };
    } catch (error) {
      await files.release();
      const reason = `the waiting alerts cannot be read: ${explainDiskError(error, path)}`;
      return { ok: false, fault: "unusable", reason };
    }
  }
  const moved = await files.setAside();
  const reason = `${read.reason}; ${moved.what}, and the watchdog starts with an empty state`;
  log.warn(reason);
  return { ok: true, store, setAside: { path: moved.path, reason }, unwritable };
}

async function readState(
  fs: StateFs,
  path: string,
  format: StateFormat,
): Promise<Decoded | { kind: "none" } | { kind: "unusable"; reason: string }> {
  try {
    const stats = await fs.stat(path);
    if (!stats.isFile()) {
      return { kind: "unusable", reason: `${path} is not a plain file: set STATE_FILE to another place` };
    }
    return decodeState(format, await fs.readFile(path), path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return { kind: "none" };
    return { kind: "unusable", reason: `the state cannot be read: ${explainDiskError(error, path)}` };
  }
}

type Files = ReturnType<typeof createFiles>;

/** The state file and what lies beside it, while we own its lock. */
function createFiles(options: StateFileOptions & { fs: StateFs }) {
  const { path, fs, clock, log, format } = options;
  const ownership = createOwnership(options);
  const journal = createJournal(fs, path, format.journal?.times ?? {});
  const temp = `${path}.tmp-${freshToken()}`;
  let brokenInPlace = false;

  async function moveAside(): Promise<string> {
    const moved = await setFileAside(fs, path, clock.now());
    brokenInPlace = false;
    return moved;
  }

  async function tidy(): Promise<void> {
    const [name, directory] = [basename(path), dirname(path)];
    const names = await fs.readdir(directory).catch(() => []);
    // A claim on our own lock belongs to a process that is taking it over right now.
    const token = ownership.token() ?? "";
    const own = [`${name}.lock.${token}`, basename(socketPath(`${path}.lock`, token))];
    const left = (entry: string) =>
      entry.startsWith(`${name}.tmp-`) || (entry.startsWith(`${name}.lock.`) && !own.includes(entry));
    await Promise.all(names.filter(left).map((entry) => discard(fs, join(directory, entry))));
  }

  /** Takes the lock, removes what a crash left, and remembers the file as it is. */
  async function begin(): Promise<Refusal | undefined> {
    const refusal = await ownership.acquire();
    if (!refusal) await tidy();
    await ownership.remember();
    return refusal;
  }

  /** What the state file's pointer leads to. Called once, also without a pointer. */
  async function loadLists(pointer: Pointer | undefined): Promise<{ lists: Lists; fault?: string }> {
    const loaded = pointer === undefined ? { lists: {} } : await journal.load(pointer);
    if (ownership.token() !== undefined) await journal.tidy();
    return loaded;
  }

  /** Lists go into the journal; the rest goes into the state file, with a pointer to them. */
  async function write(value: object): Promise<SaveResult> {
    let mayHaveWritten = false;
    let appended: Appended | undefined;
    const mayReplace = async () => {
      const refusal = await ownership.mayWrite();
      mayHaveWritten = refusal === undefined;
      return refusal;
    };
    try {
      const refusal = await ownership.own();
      if (refusal !== undefined) return { ok: false, reason: refusal };
      if (brokenInPlace) log.warn(`moved ${path}, which was broken, to ${await moveAside()}`);
      const { document, lists } = format.journal?.take(value) ?? { document: value, lists: {} };
      appended = await journal.append(lists);
      const { pointer } = appended;
      const text = encodeState(format, pointer === undefined ? document : { journal: pointer, ...document });
      const stopped = await replaceFile(fs, path, temp, text, mayReplace);
      if (stopped !== undefined) return { ok: false, reason: stopped };
      const { committed } = appended;
      appended = undefined;
      await committed();
      return { ok: true };
    } catch (error) {
      return { ok: false, reason: explainDiskError(error, path) };
    } finally {
      await appended?.failed();
      if (mayHaveWritten) await ownership.remember();
    }
  }

  /** Moves a broken file away: now, or, while the disk cannot be written, before the first save. */
  async function setAside(): Promise<{ path: string; what: string }> {
    brokenInPlace = true;
    const refusal = await ownership.mayWrite();
    try {
      if (refusal === undefined) {
        const moved = await moveAside();
        return { path: moved, what: `it was moved to ${moved}` };
      }
    } catch (error) {
      log.warn(`the broken state file cannot be moved: ${explainDiskError(error, path)}`);
    }
    return { path, what: "it stays where it is until the disk can be written" };
  }

  async function release(): Promise<void> {
    await journal.close();
    await ownership.release();
  }

  const { mayAct, isOwner, lost } = ownership;
  return { begin, write, loadLists, setAside, mayAct, isOwner, lost, release };
}

/** Serialises the saves: at most one runs and one waits, and that one takes the latest value. */
function createStore(files: Files): StateStore {
  let running: Promise<SaveResult> | undefined;
  let waiting: { value: object; done: Promise<SaveResult> } | undefined;
  let closed = false;

  async function start(value: object): Promise<SaveResult> {
    const current = files.write(value);
    running = current;
    const result = await current;
    if (running === current) running = undefined;
    return result;
  }

  return {
    save(value) {
      if (closed) return Promise.resolve({ ok: false, reason: "the state file was closed" });
      if (waiting) {
        waiting.value = value;
        return waiting.done;
      }
      if (!running) return start(value);
      const done = running.then(() => {
        const latest = waiting?.value ?? value;
        waiting = undefined;
        return start(latest);
      });
      waiting = { value, done };
      return done;
    },
    mayAct: files.mayAct,
    isOwner: files.isOwner,
    lost: files.lost,
    async close() {
      closed = true;
      await (waiting?.done ?? running);
      await files.release();
    },
  };
}
