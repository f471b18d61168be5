/** What the watchdog knows about a container, and about the way to it. */

/**
 * Where a check failed before it reached the service: its name does not resolve here, there is no route to its
 * address, or the connection was not made in time.
 */
export type CheckFault = "unresolved" | "unrouted" | "unconnected";

/** What the last inspection of the container said, as far as rules need it. */
export interface KnownContainer {
  id: string;
  /** Its image and Compose configuration. When it changes, somebody has fixed something. */
  build: string;
  /** By our clock: never later than when we first saw this start, and moved along when the clock is set. */
  startedAt: number;
  /** The same start by the engine's clock, ms since the epoch: tells one start from another. */
  engineStart?: number;
  startPeriodMs?: number;
  /** The id of the container in whose network namespace it lives. */
  networkParent?: string;
  runs?: true;
  /** A person stopped or paused it: a text that says how. */
  stoppedByHand?: string;
  /** It is running, but the last check failed on the way to it. */
  outOfReach?: OutOfReach;
}

/** Why a running container cannot be reached from where the watchdog runs. */
export interface OutOfReach {
  /** The missing network. All containers that one command puts within reach have the same cause. */
  cause: string;
  /** What keeps the watchdog away, and the command that fixes it. */
  reason: string;
}

/**
 * Whether a container started after the restart was ordered. If its previous start is known, that is compared,
 * because the engine's clock may be ahead of ours.
 */
export function isLaterStart(
  startedAt: number,
  restart: { at: number; startBefore?: number } | undefined,
): boolean {
  return startedAt > (restart?.startBefore ?? restart?.at ?? 0);
}
