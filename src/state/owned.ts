/** The state file and what lies beside it, while we own its lock. */
import { basename, dirname, join } from "node:path";
import { discard, explain } from "./disk.ts";
import { type KeepOptions, keepLock, type Refusal } from "./keep.ts";
import { replaceFile, setFileAside } from "./replace.ts";
import { freshToken } from "./token.ts";

export type SaveResult = { ok: true } | { ok: false; reason: string };

export interface OwnedFiles {
  /** Takes the lock, removes what a crash left, and looks at the file as it stands. */
  begin(): Promise<Refusal | undefined>;
  write(encode: () => string): Promise<SaveResult>;
  /** Moves a broken file away: now, or, while the disk cannot be written, before the first save. */
  setAside(): Promise<{ path: string; what: string }>;
  lost(): string | undefined;
  release(): Promise<void>;
}

export function ownedFiles(options: KeepOptions): OwnedFiles {
  const { path, fs, clock, log } = options;
  const keeper = keepLock(options);
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
    // A claim on our own lock is of somebody who is at it right now.
    const left = (entry: string) =>
      entry.startsWith(`${name}.tmp-`) ||
      (entry.startsWith(`${name}.lock.`) && entry !== `${name}.lock.${keeper.token()}`);
    await Promise.all(names.filter(left).map((entry) => discard(fs, join(directory, entry))));
  }

  async function begin(): Promise<Refusal | undefined> {
    const refusal = await keeper.acquire();
    if (!refusal) await tidy();
    await keeper.remember();
    return refusal;
  }

  async function write(encode: () => string): Promise<SaveResult> {
    let mayHaveWritten = false;
    const mayReplace = async () => {
      const refusal = await keeper.mayWrite();
      mayHaveWritten = refusal === undefined;
      return refusal;
    };
    try {
      const refusal = await keeper.own();
      if (refusal !== undefined) return { ok: false, reason: refusal };
      const text = encode();
      if (brokenInPlace) log.warn(`moved ${path}, which was broken, to ${await moveAside()}`);
      const stopped = await replaceFile(fs, path, temp, text, mayReplace);
      return stopped === undefined ? { ok: true } : { ok: false, reason: stopped };
    } catch (error) {
      return { ok: false, reason: explain(error, path) };
    } finally {
      if (mayHaveWritten) await keeper.remember();
    }
  }

  async function setAside(): Promise<{ path: string; what: string }> {
    brokenInPlace = true;
    const refusal = await keeper.mayWrite();
    try {
      if (refusal === undefined) {
        const moved = await moveAside();
        return { path: moved, what: `it was moved to ${moved}` };
      }
    } catch (error) {
      log.warn(`the broken state file cannot be moved: ${explain(error, path)}`);
    }
    return { path, what: "it stays where it is until the disk can be written" };
  }

  return { begin, write, setAside, lost: keeper.lost, release: keeper.release };
}
