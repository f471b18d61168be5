/** The state file: versioned JSON with one writer, replaced atomically, that outlives a bad disk. */
import { resolve } from "node:path";
import type { Clock, Log } from "../plugin.ts";
import { encodeState } from "./codec.ts";
import { realFs, type StateFs } from "./disk.ts";
import { loadState } from "./load.ts";
import { type OwnedFiles, ownedFiles, type SaveResult } from "./owned.ts";

export interface StateStore {
  /**
   * Resolves when a save that includes `value`, or a later one, has ended. At most one save runs and one waits.
   * The caller never changes `value` afterwards. Every save tries anew, the lock included.
   */
  save(value: object): Promise<SaveResult>;
  /** Why the file is no longer ours to write, for good; `undefined` while it is. */
  lost(): string | undefined;
  /** Ends the saves under way and gives the lock back. */
  close(): Promise<void>;
}

export interface StateFileOptions {
  path: string;
  /** The version of the format that is written; older ones are loaded, newer ones refused. */
  version: number;
  clock: Clock;
  log: Log;
  fs?: StateFs;
  leaseMs?: number;
  renewMs?: number;
}

export type OpenedState =
  | {
      ok: true;
      store: StateStore;
      /** What was saved, times in ms; absent when there is nothing to load. */
      loaded?: unknown;
      /** The format's version of `loaded`. */
      loadedVersion?: number;
      /** A file that could not be used, and where it is kept. */
      setAside?: { path: string; reason: string };
      /** Why nothing can be saved at present (a full or read-only disk); the next save tries again. */
      unwritable?: string;
    }
  | { ok: false; fault: "locked" | "newer" | "unusable"; reason: string; retryInMs?: number };

/** Opens the file, and takes its lock. A disk that cannot be written does not prevent it; see `unwritable`. */
export async function openStateFile(options: StateFileOptions): Promise<OpenedState> {
  const { version, log, fs = realFs } = options;
  const path = await fs.realpath(options.path).catch(() => resolve(options.path));
  const files = ownedFiles({ ...options, fs, path });

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

  const loaded = await loadState(fs, path, version);
  if (loaded.kind === "newer" || loaded.kind === "unusable") {
    await files.release();
    return { ok: false, fault: loaded.kind, reason: loaded.reason };
  }
  const store = storeOf(files, version);
  if (loaded.kind === "none") return { ok: true, store, unwritable };
  if (loaded.kind === "state") {
    return { ok: true, store, loaded: loaded.value, loadedVersion: loaded.version, unwritable };
  }
  const moved = await files.setAside();
  const reason = `${loaded.reason}; ${moved.what}, and the watchdog goes on without a memory`;
  log.warn(reason);
  return { ok: true, store, setAside: { path: moved.path, reason }, unwritable };
}

/** Serialises the saves: at most one runs and one waits, and that one takes the latest value. */
function storeOf(files: OwnedFiles, version: number): StateStore {
  let running: Promise<SaveResult> | undefined;
  let waiting: { value: object; done: Promise<SaveResult> } | undefined;
  let closed = false;

  async function start(value: object): Promise<SaveResult> {
    const current = files.write(() => encodeState(version, value));
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
    lost: files.lost,
    async close() {
      closed = true;
      await (waiting?.done ?? running);
      await files.release();
    },
  };
}
