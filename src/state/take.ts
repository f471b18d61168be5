/**
 * Creates a lock file, or replaces a stale one: a race that one contender wins.
 *
 * Whoever wants to end the lock of token T, its owner too, must first create `<lock>.T` exclusively. T never
 * returns, so the holder of that claim alone replaces T's lock, by renaming the claim over it. A claim whose
 * own holder died is taken over the same way.
 */
import type { Clock } from "../plugin.ts";
import { codeOf, discard, type StateFs } from "./disk.ts";
import { formatOwner, isStale, type Owner, parseOwner } from "./owner.ts";

/** A claim on a claim on a claim: as many crashes in the middle of takeovers in a row. */
const MOST_CLAIMS = 4;
const MOST_ATTEMPTS = 5;

export type Handle = Awaited<ReturnType<StateFs["open"]>>;
export type Taken = { handle: Handle; from?: Owner } | { heldBy: Owner };

export interface TakeOptions {
  path: string;
  fs: StateFs;
  clock: Clock;
  leaseMs: number;
}

/** Throws the disk's error, and leaves nothing of ours then. */
export function takeLock(options: TakeOptions, me: Owner): Promise<Taken> {
  return take(options, me, options.path, 0);
}

async function take(options: TakeOptions, me: Owner, name: string, depth: number): Promise<Taken> {
  const { fs, clock, path, leaseMs } = options;
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    const handle = await create(fs, name, me, clock.now());
    if (handle) return { handle };
    const found = await readOwner(fs, name);
    if (!found) continue;
    if (!isStale(found, clock.now(), leaseMs) || depth === MOST_CLAIMS) return { heldBy: found };
    const claim = `${path}.${found.token}`;
    const claimed = await take(options, me, claim, depth + 1);
    if ("heldBy" in claimed) return claimed;
    const still = await readOwner(fs, name);
    if (still?.token === found.token && isStale(still, clock.now(), leaseMs)) {
      const failed = await fs.rename(claim, name).catch((error: unknown) => error);
      // Had we been suspended since the claim, somebody may have taken it, and the lock with it.
      if (!failed && (await readOwner(fs, name))?.token === me.token) {
        return { handle: claimed.handle, from: found };
      }
      if (failed && codeOf(failed) !== "ENOENT") {
        await drop(fs, claim, claimed.handle);
        throw failed;
      }
    }
    await drop(fs, claim, claimed.handle);
  }
  throw new Error("the lock changes hands too fast; the next save tries again");
}

/**
 * `undefined` when the file exists. Throws when the disk refuses, and leaves nothing then. Made whole under
 * another name and linked, so that nobody ever reads a lock that is half written, not even after a crash.
 */
export async function create(fs: StateFs, name: string, me: Owner, now: number): Promise<Handle | undefined> {
  me.renewedAt = now;
  const fresh = `${name}.new-${me.token}`;
  const handle = await createWhole(fs, fresh, me);
  if (handle === undefined) return undefined;
  const refusal = await fs.link(fresh, name).catch((error: unknown) => error);
  if (!refusal) {
    await discard(fs, fresh);
    return handle;
  }
  await drop(fs, fresh, handle);
  // Not every file system has links.
  return codeOf(refusal) === "EEXIST" ? undefined : createWhole(fs, name, me);
}

async function createWhole(fs: StateFs, name: string, me: Owner): Promise<Handle | undefined> {
  let handle: Handle;
  try {
    handle = await fs.open(name, "wx", 0o600);
  } catch (error) {
    if (codeOf(error) === "EEXIST") return undefined;
    throw error;
  }
  try {
    await writeOwner(handle, me);
    return handle;
  } catch (error) {
    await drop(fs, name, handle);
    throw error;
  }
}

export async function writeOwner(handle: Handle, owner: Owner): Promise<void> {
  const bytes = Buffer.from(formatOwner(owner));
  await handle.write(bytes, 0, bytes.length, 0);
}

export async function drop(fs: StateFs, name: string, handle: Handle): Promise<void> {
  await handle.close().catch(() => undefined);
  await discard(fs, name);
}

/** A lock that cannot be read (half written, another user's) is held by a stranger for a lease from its last change. */
export async function readOwner(fs: StateFs, name: string): Promise<Owner | undefined> {
  let text = "";
  try {
    text = await fs.readFile(name, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    if (!["EACCES", "EPERM", "EISDIR"].includes(codeOf(error))) throw error;
  }
  const owner = parseOwner(text);
  if (owner) return owner;
  try {
    const changedAt = Math.trunc((await fs.stat(name)).mtimeMs);
    const stranger = { pid: 0, host: "", rootInode: "", pidStart: "" };
    return { ...stranger, token: `unknown-${changedAt}`, startedAt: changedAt, renewedAt: changedAt };
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
