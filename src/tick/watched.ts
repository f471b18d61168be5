/** Whom the watchdog watches at the moment: the configuration as it was loaded, with what was found on this host. */
import type { Ports } from "../plugin/contract.ts";
import { createFinder, type Looked } from "./discovery.ts";
import { type Configured, createRoster, type Roster } from "./roster.ts";

export interface Watched {
  /** Before `open` there is none. */
  roster(): Roster;
  /** The configuration, with the services that were found. */
  current(): Configured;
  /** Services that are not listed could not be found out: some may be missing, and none is gone for good. */
  isPartial(): boolean;
  /** Looks for the first time. */
  open(): Promise<Looked>;
  /** Looks for services on this host, if a look is due. */
  find(): Promise<Looked>;
  /** From now on, this is the configuration as it was loaded. */
  replace(next: Configured): Promise<Looked>;
  /** The next look is due. */
  changed(): void;
  /** From now on `changed` is called for each change. */
  followed(): void;
}

/** `spread`: the first checks of many services may be spread over the first interval. */
export function createWatched(
  initial: Configured,
  ports: Ports,
  spread: boolean,
  /** Called in the turn in which the roster is replaced, with the one before. */
  onUse: (before: Roster | undefined) => void,
  isFailing: (service: string) => boolean,
): Watched {
  const finder = createFinder(ports);
  let base = initial;
  let current = initial;
  let roster: Roster | undefined;
  let isPartial = false;
  let hasFound = false;

  async function use(configured: Configured): Promise<void> {
    const made = await createRoster(configured, roster);
    const before = roster;
    roster = { ...made, spread: spread && made.spread };
    current = configured;
    onUse(before);
  }

  async function find(): Promise<Looked> {
    const looked = await finder.look(base, isFailing);
    hasFound ||= looked.kind === "merged";
    if (looked.kind === "failed") isPartial = looked.isOn && !hasFound;
    else if (looked.kind !== "same") isPartial = false;
    const config = mergedIn(looked);
    if (config !== undefined) await use({ ...base, config });
    return looked;
  }

  async function replace(next: Configured): Promise<Looked> {
    base = next;
    const looked = await find();
    if (mergedIn(looked) === undefined) await use(next);
    return looked;
  }

  return {
    roster: () => roster!,
    current: () => current,
    isPartial: () => isPartial,
    open: () => (roster === undefined ? replace(base) : find()),
    find,
    replace,
    changed: finder.changed,
    followed: finder.followed,
  };
}

const mergedIn = (looked: Looked) => ("merged" in looked ? looked.merged?.config : undefined);
