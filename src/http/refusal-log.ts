import type { Ports } from "../plugin/contract.ts";

/** A request that was turned away, and why. `path` has no query: that may hold a secret. */
export interface RefusedRequest {
  address: string;
  method: string;
  path: string;
  status: 401 | 403;
  why: string;
}

const PERIOD_MS = 60_000;
const MOST_ADDRESSES = 100;
const PATH_LIMIT = 100;

/**
 * Logs refused requests, because a scheduler with a wrong token shows up nowhere else. Writes one line a minute for
 * each of the last 100 addresses, and counts the requests in between, so that nobody can flood the log.
 */
export function createRefusalLog({
  clock,
  log,
}: Pick<Ports, "clock" | "log">): (request: RefusedRequest) => void {
  /** When each address last had a line, and how many of its requests were refused since; oldest first. */
  const told = new Map<string, { atMs: number; more: number }>();
  /** Refused requests of all addresses that have no entry of their own. */
  let others = 0;

  function forgetOld(nowMs: number): void {
    for (const [address, { atMs, more }] of told) {
      if (nowMs - atMs < PERIOD_MS) break;
      told.delete(address);
      others += more;
    }
  }

  return ({ address, method, path, status, why }) => {
    const nowMs = clock.monotonicMs();
    const before = told.get(address);
    if (before && nowMs - before.atMs < PERIOD_MS) {
      before.more++;
      return;
    }
    told.delete(address);
    forgetOld(nowMs);
    if (told.size >= MOST_ADDRESSES) {
      others++;
      return;
    }
    told.set(address, { atMs: nowMs, more: 0 });
    const cleaned = path.replace(/[^\x21-\x7e]/g, "?").slice(0, PATH_LIMIT);
    const counts = [
      ...(before?.more ? [`${before.more} more from there since its last line`] : []),
      ...(others > 0 ? [`${others} from other addresses`] : []),
    ];
    others = 0;
    const since = counts.length === 0 ? "" : ` (also refused: ${counts.join(", ")})`;
    log.warn(`refused ${method} ${cleaned} from ${address} with ${status}: ${why}${since}`, {
      address,
      method,
      path: cleaned,
      status,
    });
  };
}
