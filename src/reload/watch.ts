/** Notices that the configuration has changed, by the content of the files that it was read from. */
import type { Tracked } from "../config/tracked-files.ts";
import type { Ports } from "../plugin/contract.ts";

/** How often the files are compared with what was read from them. */
const LOOK_MS = 10_000;
/** A file that is being written is read when it has not changed for this long. */
const SETTLED_MS = 1000;
const MOST_SETTLING_LOOKS = 20;

/**
 * Calls `reload` after each change, until `ending` aborts. Compares contents: events of the file system do not pass
 * through bind mounts, and Kubernetes replaces a folder behind a link.
 */
export async function watchFiles(
  tracked: () => Tracked,
  reload: () => Promise<unknown>,
  { clock, log }: Pick<Ports, "clock" | "log">,
  ending: AbortSignal,
): Promise<void> {
  let warnedOf: string | undefined;
  while (!ending.aborted) {
    await clock.wait(LOOK_MS, ending);
    if (ending.aborted) return;
    const replaced = await tracked().replaced();
    if (replaced !== undefined && replaced !== warnedOf) log.warn(staleText(replaced));
    warnedOf = replaced;
    if (await hasChanged()) await reload();
  }

  /** Whether something has changed, and does not change any more. */
  async function hasChanged(): Promise<boolean> {
    const files = tracked();
    let seen = await files.fingerprint();
    if (seen === (await files.known())) return false;
    for (let looks = 0; looks < MOST_SETTLING_LOOKS && !ending.aborted; looks++) {
      await clock.wait(SETTLED_MS, ending);
      const now = await files.fingerprint();
      if (now === seen) break;
      seen = now;
    }
    return !ending.aborted && seen !== (await files.known());
  }
}

const staleText = (path: string) =>
  `${path} was replaced by another file, and the watchdog still sees the old one: a file that is mounted alone into a container stays the same when it is replaced on the host; mount its folder instead, or restart the watchdog`;
