/**
 * One writer: `<path>.lock` names the owner of the state file and holds a lease. The lock is stale when the lease
 * is over, or as soon as its owner is known to be dead; `takeover.ts` describes how it changes hands. The owner
 * renews through its open file, so it can never overwrite the lock of a successor.
 */
import { clearInterval, setInterval } from "node:timers";
import type { Clock, Log } from "../plugin/contract.ts";
import { codeOf, discard, explainDiskError, type Handle, type StateFs } from "./fs.ts";
import { describeOwner, listenAlive, newOwner, type Owner, setHeldHere } from "./lock-owner.ts";
import { create, drop, isStale, readOwner, takeLock, writeOwner } from "./takeover.ts";

export const LEASE_MS = 20_000;
const RENEW_MS = 5_000;
/** How often `confirm` asks again after the process slept in the middle of it. */
const MOST_CONFIRMS = 3;

export interface LockOptions {
  path: string;
  fs: StateFs;
  clock: Clock;
  log: Log;
  /** Called once, when another process has taken our lock. */
  onTaken(reason: string): void;
  leaseMs?: number;
  renewMs?: number;
}

/**
 * `gone`: nobody has the lock. `unsure`: the disk does not say, or a takeover is under way. `unrenewed`: the lease
 * is over and the disk refuses the renewal, but nobody has taken the lock over.
 */
type Holding = { state: "ours" } | { state: "gone" | "taken" | "unsure" | "unrenewed"; reason: string };

export interface Lock {
  token: string;
  /** Renews the lease when due, and says whether the lock is still ours. */
  verify(): Promise<Holding>;
  /**
   * Renews the lease and says whether the lock is ours now. The answer holds for the same turn of the event loop.
   * If the process slept while it asked, the answer is outdated, and `confirm` asks again.
   */
  confirm(): Promise<Holding>;
  /** Whether the last granted lease still runs, by both clocks. Reads no file. */
  isLeased(): boolean;
  /** Removes the lock if it is still ours, and closes its file in any case. */
  release(): Promise<void>;
}

export type Acquired =
  | { ok: true; lock: Lock }
  | { ok: false; fault: "held"; reason: string; retryInMs: number }
  | { ok: false; fault: "disk"; error: unknown };

/** Takes the lock now, or says who holds it. Never waits. */
export async function acquireLock(options: LockOptions): Promise<Acquired> {
  const { clock, path, log, leaseMs = LEASE_MS } = options;
  const me = newOwner(clock.now());
  setHeldHere(me, true);
  try {
    const taken = await takeLock({ ...options, leaseMs }, me);
    if ("handle" in taken) {
      if (taken.from)
        log.warn(`took over the lock of ${describeOwner(taken.from)}, which gives no sign of life`);
      const alive = await listenAlive(path, me.token);
      return { ok: true, lock: hold({ ...options, leaseMs }, me, taken.handle, alive) };
    }
    setHeldHere(me, false);
    const leftMs = taken.heldBy.renewedAt + leaseMs - clock.now();
    const retryInMs = Math.min(Math.max(0, leftMs), leaseMs);
    const reason = whoHolds(path, taken.heldBy, clock.now(), retryInMs);
    return { ok: false, fault: "held", reason, retryInMs };
  } catch (error) {
    setHeldHere(me, false);
    return { ok: false, fault: "disk", error };
  }
}

function hold(
  options: LockOptions & { leaseMs: number },
  me: Owner,
  handle: Handle,
  alive: { close(): void },
): Lock {
  const { fs, clock, path, leaseMs, renewMs = RENEW_MS } = options;
  let checking = false;
  /** Our lease ran out, and another process may be about to take over. */
  let overdue = false;
  /** When we asked for the last renewal that was granted. */
  let granted = { ms: clock.monotonicMs(), at: me.renewedAt };

  async function renew(): Promise<unknown> {
    const before = me.renewedAt;
    me.renewedAt = clock.now();
    return writeOwner(handle, me).catch((error) => {
      me.renewedAt = before;
      return error;
    });
  }

  /** Whether the file at `path` is the one we hold open. Needs no free file descriptor. */
  async function isOurFile(): Promise<boolean> {
    const [mine, there] = await Promise.all([handle.stat({ bigint: true }), fs.stat(path, { bigint: true })]);
    return mine.ino === there.ino && mine.dev === there.dev;
  }

  async function whoHas(): Promise<Holding> {
    try {
      if (await isOurFile()) return { state: "ours" };
    } catch (error) {
      if (codeOf(error) === "ENOENT") return { state: "gone", reason: `the lock ${path} was removed` };
    }
    const found = await readOwner(fs, path);
    if (!found) return { state: "gone", reason: `the lock ${path} was removed` };
    // Some file systems give one file several inode numbers.
    if (found.token !== me.token) return { state: "taken", reason: whoTook(path, found, granted.at) };
    return { state: "ours" };
  }

  async function verify(due: boolean): Promise<Holding> {
    const asked = { ms: clock.monotonicMs(), at: clock.now() };
    const ageMs = asked.at - me.renewedAt;
    try {
      // A negative age: the clock was set back, and others must not read a time in their future.
      const renewed = due || ageMs < 0 || ageMs >= renewMs;
      const failed = renewed ? await renew() : undefined;
      const holding = await whoHas();
      if (holding.state !== "ours") return holding;
      overdue ||= ageMs > leaseMs;
      if (renewed && !failed && !overdue) granted = asked;
      if (!overdue) return holding;
      // As after a suspend. A process that claims our lock reads it again before it replaces it: either it sees
      // our renewal, or we see its claim.
      const claimed = await readOwner(fs, `${path}.${me.token}`);
      overdue = claimed !== undefined && !(await isStale(options, claimed));
      if (claimed && overdue) {
        return {
          state: "unsure",
          reason: `${describeOwner(claimed)} is about to take over the lock ${path}`,
        };
      }
      if (failed) return { state: "unrenewed", reason: explainDiskError(failed, path) };
      granted = asked;
      return holding;
    } catch (error) {
      return { state: "unsure", reason: explainDiskError(error, path) };
    }
  }

  function isLeased(): boolean {
    const wallMs = clock.now() - granted.at;
    return clock.monotonicMs() - granted.ms < leaseMs && wallMs < leaseMs && wallMs > -leaseMs;
  }

  /** Half a lease: a command that starts now reaches the engine long before the lease is over. */
  function slept(sinceMs: number, sinceAt: number): boolean {
    return Math.max(clock.monotonicMs() - sinceMs, clock.now() - sinceAt) > leaseMs / 2;
  }

  async function confirm(): Promise<Holding> {
    for (let attempt = 0; attempt < MOST_CONFIRMS; attempt++) {
      const sinceMs = clock.monotonicMs();
      const sinceAt = clock.now();
      const holding = await verify(true);
      if (!slept(sinceMs, sinceAt)) return holding;
    }
    return {
      state: "unsure",
      reason: `this process keeps being suspended while it asks for the lock ${path}`,
    };
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
        // Ending our own lock works like any takeover: `undefined` means that another process is at it.
        const ending = await create(fs, claim, me, clock.now()).catch(() => "full" as const);
        if (ending) await discard(fs, path);
        if (ending && ending !== "full") await drop(fs, claim, ending);
      }
    } catch {
      // A lock that cannot be read ends with its lease, or with this process.
    }
    alive.close();
    await handle.close().catch(() => undefined);
    setHeldHere(me, false);
  }

  return { token: me.token, verify: () => verify(false), confirm, isLeased, release };
}

function whoTook(path: string, owner: Owner, renewedAt: number): string {
  const [since, last] = [owner.startedAt, renewedAt].map((ms) => new Date(ms).toISOString());
  return `${describeOwner(owner)} took over ${path} at ${since}: this process had not renewed its lease in time (last ${last}); stop one of the two`;
}

function whoHolds(path: string, owner: Owner, now: number, retryInMs: number): string {
  const since = new Date(owner.startedAt).toISOString();
  const ago = Math.max(0, Math.round((now - owner.renewedAt) / 1000));
  return `${path} is held by ${describeOwner(owner)} since ${since} (last sign of life ${ago} s ago): stop that watchdog, or set STATE_FILE to another file; if it no longer runs, the lock ends by itself in ${Math.ceil(retryInMs / 1000)} s`;
}
