/** What the watchdog remembers of its own troubles. `trouble.ts` has the rules. */

/** What can keep the watchdog from doing its job. Some kinds have one trouble for each subject. */
export type TroubleKind =
  | "state"
  | "state-file"
  | "restarter"
  | "sink"
  | "unreachable"
  | "configuration"
  | "discovery"
  | "container"
  | "checks";

export type TroubleId =
  /** The state cannot be saved. */
  | "state"
  /** The state file could not be read, or not all of it. */
  | "state-file"
  /** Restarts are impossible: the engine does not answer, or refuses us. */
  | "restarter"
  /** The configuration was changed, and the change cannot be used. */
  | "configuration"
  /** Checks cannot be made, because who is to be asked (the engine) does not answer. */
  | "checks"
  /** Containers cannot be listed, so that services on this host may be missing. */
  | "discovery"
  /** A container's labels cannot be followed: it is not watched. */
  | `container:${string}`
  /** A sink does not accept alerts. */
  | `sink:${string}`
  /** Services cannot be reached from where the watchdog runs. All of them have the same cause. */
  | `unreachable:${string}`;

/** By `TroubleId`. A file may also hold ids that only a later version knows. */
export type Troubles = Readonly<Record<string, Trouble>>;

/** Something that keeps the watchdog itself from doing its job. */
export interface Trouble {
  sinceAt: number;
  reason: string;
  /** The id of the alert that told it. */
  toldAs?: string;
}
