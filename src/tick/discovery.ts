/** Keeps the services that were found on the host together with those that are listed. */
import { listedServices, type Merged, unplaced, withFound } from "../config/found.ts";
import { own } from "../core/record.ts";
import type { TroubleId } from "../core/trouble-state.ts";
import type { Log, Ports } from "../plugin/contract.ts";
import type { Discoverer, Discovery, RefusedContainer } from "../plugin/discovery.ts";
import type { Ledger } from "../state/ledger.ts";
import { withDeadline } from "../system/clock.ts";
import { errorText } from "../system/log.ts";
import type { Configured } from "./roster.ts";

/** How often everything is looked at where changes are noticed as they happen, or only listed services are placed. */
const FULL_LOOK_MS = 60_000;
const DISCOVER_MS = 5000;

export type Looked =
  /** Nothing is to be found. */
  | { kind: "off" }
  /** Nothing has changed since the last look, or no look is due. */
  | { kind: "same" }
  | { kind: "merged"; merged: Merged }
  /**
   * `isOn`: services may be missing that are not listed. `merged`: the configuration is another one than at the last
   * look, and this is it with what was found then.
   */
  | { kind: "failed"; reason: string; isOn: boolean; merged?: Merged };

type Found = Extract<Discovery, { ok: true }>;

export interface Finder {
  /**
   * `base`: the configuration as it was loaded. Where only listed services are to be found, they are looked for when
   * one of them fails: a quiet tick asks no engine. Never rejects.
   */
  look(base: Configured, isFailing: (service: string) => boolean): Promise<Looked>;
  /** Something may have changed: the next look is due. */
  changed(): void;
  /** From now on `changed` is called for each change. */
  followed(): void;
}

export function createFinder({ clock }: Pick<Ports, "clock">): Finder {
  let dueMs = Number.NEGATIVE_INFINITY;
  let isFollowed = false;
  let last: { base: Configured; found: Found; key: string } | undefined;

  async function ask(discoverer: Discoverer, base: Configured): Promise<Discovery> {
    const over = new AbortController();
    let found: Discovery = { ok: false, reason: `no answer in ${DISCOVER_MS / 1000} s` };
    const asked = Promise.resolve()
      .then(() => discoverer.discover(listedServices(base.config), over.signal))
      .catch((error): Discovery => ({ ok: false, reason: errorText(error) }))
      .then((answer) => {
        found = answer;
      });
    await withDeadline(clock, DISCOVER_MS, asked);
    over.abort("its time is over");
    return found;
  }

  return {
    async look(base, isFailing) {
      const discoverer = [...base.registry.discoverers.values()][0];
      const isWanted = discoverer?.isOn || unplaced(base.config).some(isFailing);
      if (!discoverer || !isWanted) return { kind: "off" };
      if (base === last?.base && clock.monotonicMs() < dueMs) return { kind: "same" };
      const { isOn } = discoverer;
      dueMs = clock.monotonicMs() + (isFollowed || !isOn ? FULL_LOOK_MS : 0);
      const canCheck = (check: string) => base.registry.checks.has(check);
      const answer = await ask(discoverer, base);
      const found = answer.ok ? withKnownPlaces(answer, last?.found) : answer;
      if (!found.ok) {
        dueMs = Number.NEGATIVE_INFINITY;
        const failed = { kind: "failed", reason: found.reason, isOn } as const;
        if (last === undefined) return failed;
        const isKnown = last.base === base;
        // The next answer is news, whatever it is: it ends what is told now.
        last = { ...last, base, key: "" };
        if (isKnown) return failed;
        const merged = await withFound(base.config, last.found, isOn, canCheck).catch(errorText);
        return typeof merged === "string" ? failed : { ...failed, merged };
      }
      const key = JSON.stringify(found);
      if (last?.base === base && last.key === key) return { kind: "same" };
      const merged = await withFound(base.config, found, isOn, canCheck).catch(errorText);
      if (typeof merged === "string") {
        return { kind: "failed", reason: `an error of ours: ${merged}`, isOn };
      }
      last = { base, found, key };
      return { kind: "merged", merged };
    },
    changed() {
      dueMs = Number.NEGATIVE_INFINITY;
    },
    followed() {
      isFollowed = true;
    },
  };
}

/**
 * A service keeps its container where the host of its URL means several: that another project starts one of the same
 * name is no reason to lose it.
 */
function withKnownPlaces(found: Found, before: Found | undefined): Found {
  const containers = Object.entries(found.containers).map(
    ([name, candidates]): [string, readonly string[]] => {
      const [known, ...others] = own<readonly string[]>(before?.containers ?? {}, name) ?? [];
      const isKept = known !== undefined && others.length === 0 && candidates.includes(known);
      return [name, isKept ? [known] : candidates];
    },
  );
  return { ...found, containers: Object.fromEntries(containers) };
}

const TRIED = "find services";

/** Tells what kept services from being found, and containers from being watched; each of it once, and its end. */
export function tellFound(
  ledger: Ledger,
  looked: Looked,
  { log, redact }: Pick<Ports, "log" | "redact">,
): void {
  if (looked.kind === "same") return;
  const now = new Map<TroubleId, string>();
  if (looked.kind === "failed") {
    const reason = redact(looked.reason);
    if (looked.isOn) now.set("discovery", `services on this host cannot be found: ${reason}`);
    else log.debug(`the containers of the listed services cannot be found: ${reason}`);
  } else if (looked.kind === "merged") {
    for (const one of looked.merged.refused) now.set(`container:${one.container}`, redact(refusalText(one)));
  }
  for (const id of Object.keys(ledger.state.troubles) as TroubleId[]) {
    // While containers cannot be listed, nobody knows whether one has been mended.
    const isOver = id === "discovery" || (id.startsWith("container:") && looked.kind !== "failed");
    if (isOver && !now.has(id)) ledger.apply({ type: "trouble", trouble: id, reason: null, tried: TRIED });
  }
  for (const [trouble, reason] of now) ledger.apply({ type: "trouble", trouble, reason, tried: TRIED });
  if (looked.kind === "merged") tellPlaces(looked.merged, log);
}

function tellPlaces({ unresolved, leftOut }: Merged, log: Log): void {
  for (const { name, why } of unresolved) {
    const text = `${name}: its container is not known, because ${why}; failures are only told, until its "container" is named in the configuration`;
    log.info(text, { service: name });
  }
  if (leftOut.length > 0) {
    log.info(
      `not watched, because no container of this host is theirs: ${leftOut.join(", ")} (built-in services)`,
    );
  }
}

function refusalText({ container, faults }: RefusedContainer): string {
  const what = faults.map(({ label, found, accepted }) => `${label}: found ${found}, accepted: ${accepted}`);
  return `the container ${container} is not watched, because of what it says of itself: ${what.join("; ")}`;
}
