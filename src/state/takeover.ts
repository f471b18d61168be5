/**
 * Creates a lock file, or replaces a stale one: a race that one contender wins.
 *
 * To end the lock with token T, every process, its owner included, must first create `<lock>.T` exclusively. No
 * token is used twice, so only the holder of that claim can replace the lock, by renaming the claim over it. A
 * claim whose holder died is taken over in the same way.
 */
import type { Clock } from "../plugin/contract.ts";
import { codeOf, discard, type Handle, readIfThere, type StateFs } from "./fs.ts";
import { formatOwner, isDead, type Owner, parseOwner } from "./lock-owner.ts";

/** A claim on a claim on a claim: this many crashes in a row in the middle of a takeover. */
const MOST_CLAIMS = 4;
const MOST_ATTEMPTS = 5;

export interface TakeoverOptions {
  /** Of the lock, also where a claim on it is examined. */
  path: string;
  fs: StateFs;
  clock: Clock;
  leaseMs: number;
}

export type Taken = { handle: Handle; from?: Owner } | { heldBy: Owner };

/** Throws the disk's error, and then leaves no file behind. */
export function takeLock(options: TakeoverOptions, me: Owner): Promise<Taken> {
  return take(options, me, options.path, 0);
}

async function take(options: TakeoverOptions, me: Owner, name: string, depth: number): Promise<Taken> {
  const { fs, clock, path } = options;
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    const handle = await create(fs, name, me, clock.now());
    if (handle) return { handle };
    const found = await readOwner(fs, name);
    if (!found) continue;
    if (depth === MOST_CLAIMS || !(await isStale(options, found))) return { heldBy: found };
    const claim = `${path}.${found.token}`;
    const claimed = await take(options, me, claim, depth + 1);
    if ("heldBy" in claimed) return claimed;
    const still = await readOwner(fs, name);
    if (still?.token === found.token && (await isStale(options, still))) {
      const failed = await fs.rename(claim, name).catch((error: unknown) => error);
      // If we were suspended since the claim, another process may have taken the claim, and the lock with it.
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
 * True when the lease is over, when the process is known to be dead, or when the lease lies in the future and
 * nobody renews it.
 */
export async function isStale(options: TakeoverOptions, owner: Owner): Promise<boolean> {
  const { clock, leaseMs, path } = options;
  const ageMs = clock.now() - owner.renewedAt;
  if (ageMs > leaseMs || (await isDead(owner, path))) return true;
  return ageMs < -leaseMs && (await isUnrenewed(options, owner));
}

/**
 * A lease that ends further ahead than its length was written before a clock was set back, or by a clock ahead
 * of ours. A living owner still renews it, so the lease is counted from when it was first seen. A note beside
 * the lock keeps that time for one-shot ticks. Whoever takes the lock over removes the note.
 */
async function isUnrenewed({ path, fs, clock, leaseMs }: TakeoverOptions, owner: Owner): Promise<boolean> {
  const note = `${path}.seen-${owner.token}`;
  const now = clock.now();
  const text = new TextDecoder().decode(await readIfThere(fs, note));
  const [renewedAt, seenAt] = text.split(" ").map(Number);
  if (renewedAt === owner.renewedAt && seenAt! <= now) return now - seenAt! > leaseMs;
  const handle = await fs.open(note, "w", 0o600);
  try {
    await handle.writeFile(`${owner.renewedAt} ${now}`);
  } finally {
    await handle.close();
  }
  return false;
}

/**
 * `undefined` when the file exists. Throws when the disk refuses, and leaves nothing then. The file is written
 * under another name and linked, so that nobody ever reads half a lock, even after a crash.
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
  // Some file systems have no links.
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

/**
 * A lock that cannot be read (half written, or another user's) counts as held by an unknown process, for one
 * lease from its last change.
 */
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
    const unknown = { pid: 0, host: "", rootInode: "", pidStart: "", bootId: "" };
    return { ...unknown, token: `unknown-${changedAt}`, startedAt: changedAt, renewedAt: changedAt };
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
