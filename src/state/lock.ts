/**
 * One writer: `<path>.lock` says who owns the state file, and holds a lease. The lock is stale when the lease
 * is over, or at once when its owner is known to be dead; `take.ts` tells how it changes hands. The owner
 * renews through its open file, so it can never write over the lock of a successor.
 */
import { clearInterval, setInterval } from "node:timers";
import type { Clock, Log } from "../plugin.ts";
import { discard, explain, type StateFs } from "./disk.ts";
import { isStale, newOwner, type Owner, setHeldHere } from "./owner.ts";
import { create, drop, type Handle, readOwner, takeLock, writeOwner } from "./take.ts";

const LEASE_MS = 20_000;
const RENEW_MS = 5_000;

export interface LockOptions {
  path: string;
  fs: StateFs;
  clock: Clock;
  log: Log;
  /** Told once, when another process has the lock that was ours. */
  onTaken(reason: string): void;
  leaseMs?: number;
  renewMs?: number;
}

/** `gone`: nobody has it. `unsure`: the disk does not say, or a takeover is under way. */
export type Holding = { state: "ours" } | { state: "gone" | "taken" | "unsure"; reason: string };

export interface Lock {
  token: string;
  /** Renews the lease when that is due, and says whether the lock is still ours. */
  verify(): Promise<Holding>;
  /** Removes the lock if it is still ours, and lets go of it in any case. */
  release(): Promise<void>;
}

export type Acquired =
  | { ok: true; lock: Lock }
  | { ok: false; fault: "held"; reason: string; retryInMs: number }
  | { ok: false; fault: "disk"; error: unknown };

/** Takes the lock now or says who holds it; never waits for it. */
export async function acquireLock(options: LockOptions): Promise<Acquired> {
  const { clock, path, log, leaseMs = LEASE_MS } = options;
  const me = newOwner(clock.now());
  setHeldHere(me, true);
  try {
    const taken = await takeLock({ ...options, leaseMs }, me);
    if ("handle" in taken) {
      if (taken.from) log.warn(`took over the lock of ${describe(taken.from)}, which gives no sign of life`);
      return { ok: true, lock: hold(options, me, taken.handle) };
    }
    setHeldHere(me, false);
    const retryInMs = Math.max(0, taken.heldBy.renewedAt + leaseMs - clock.now());
    const reason = whoHolds(path, taken.heldBy, clock.now(), retryInMs);
    return { ok: false, fault: "held", reason, retryInMs };
  } catch (error) {
    setHeldHere(me, false);
    return { ok: false, fault: "disk", error };
  }
}

function hold(options: LockOptions, me: Owner, handle: Handle): Lock {
  const { fs, clock, path, leaseMs = LEASE_MS, renewMs = RENEW_MS } = options;
  let checking = false;
  /** Our lease was over, and it is not yet sure that nobody makes use of that. */
  let overdue = false;

  async function renew(): Promise<unknown> {
    const before = me.renewedAt;
    me.renewedAt = clock.now();
    return writeOwner(handle, me).catch((error) => {
      me.renewedAt = before;
      return error;
    });
  }

  async function verify(due: boolean): Promise<Holding> {
    const age = clock.now() - me.renewedAt;
    try {
      // A negative age: the clock was set back, and our time must not stand in the future of others.
      const failed = due || age < 0 || age >= renewMs ? await renew() : undefined;
      const found = await readOwner(fs, path);
      if (!found) return { state: "gone", reason: `the lock ${path} was removed` };
      if (found.token !== me.token) return { state: "taken", reason: whoTook(path, found, me) };
      overdue ||= age > leaseMs;
      if (!overdue) return { state: "ours" };
      // As after a suspend. Who claims our lock reads it once more before replacing it: either that one sees
      // our renewal, or we see the claim.
      if (failed) return { state: "unsure", reason: explain(failed, path) };
      const claimed = await readOwner(fs, `${path}.${me.token}`);
      overdue = claimed !== undefined && !isStale(claimed, clock.now(), leaseMs);
      if (!claimed || !overdue) return { state: "ours" };
      return { state: "unsure", reason: `${describe(claimed)} is about to take over the lock ${path}` };
    } catch (error) {
      return { state: "unsure", reason: explain(error, path) };
    }
  }

  const timer = setInterval(async () => {
    if (checking) return;
    checking = true;
    const holding = await verify(true);
    checking = false;
    if (holding.state !== "taken") return;
    clearInterval(timer);
    options.onTaken(holding.reason);
  }, renewMs);
  timer.unref();

  async function release(): Promise<void> {
    clearInterval(timer);
    const claim = `${path}.${me.token}`;
    try {
      if ((await readOwner(fs, path))?.token === me.token) {
        // Ending our own lock is a takeover like any other: `undefined` means that somebody else is at it.
        const ending = await create(fs, claim, me, clock.now()).catch(() => "full" as const);
        if (ending) await discard(fs, path);
        if (ending && ending !== "full") await drop(fs, claim, ending);
      }
    } catch {
      // The lease, or our death, ends what cannot be read.
    }
    await handle.close().catch(() => undefined);
    setHeldHere(me, false);
  }

  return { token: me.token, verify: () => verify(false), release };
}

function describe(owner: Owner): string {
  return owner.pid ? `process ${owner.pid} on host ${owner.host}` : "an unknown process";
}

function whoTook(path: string, owner: Owner, me: Owner): string {
  const [since, last] = [owner.startedAt, me.renewedAt].map((ms) => new Date(ms).toISOString());
  return `${describe(owner)} took over ${path} at ${since}: this process had not renewed its lease in time (last ${last}), so it no longer saves; stop one of the two`;
}

function whoHolds(path: string, owner: Owner, now: number, retryInMs: number): string {
  const since = new Date(owner.startedAt).toISOString();
  const ago = Math.max(0, Math.round((now - owner.renewedAt) / 1000));
  return `${path} is held by ${describe(owner)} since ${since} (last sign of life ${ago} s ago): stop that watchdog, or set STATE_FILE to another file; if it no longer runs, the lock ends by itself in ${Math.ceil(retryInMs / 1000)} s`;
}
