/**
 * Finds the failed checks that are caused by the watchdog's own network: it compares its networks with the
 * container's.
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Clock, FailedCheck, OutOfReach, Redact } from "../../src/plugin.ts";
import type { Client } from "./client.ts";
import type { Inspected } from "./facts.ts";
import { oneLine } from "./fault.ts";
import { foreignNetworks, outOfReach } from "./reach.ts";
import { createSelf, networkOwner, type Spot } from "./self.ts";

/** A name that resolved a moment ago is answered from a cache or a file. */
const RESOLVE_MS = 500;
const MAX_REASON = 500;

export interface UnreachedWorld {
  client: Client;
  clock: Clock;
  redact: Redact;
  /** Absent: the surroundings of this process. */
  look?: () => Spot;
}

/** By container name. `found`: containers as the engine has just shown them. Never rejects. */
export type Unreached = (
  found: ReadonlyMap<string, Inspected>,
  failed: ReadonlyMap<string, FailedCheck>,
  signal: AbortSignal,
) => Promise<Map<string, OutOfReach>>;

export function createUnreached({ client, clock, redact, look }: UnreachedWorld): Unreached {
  const self = createSelf(client, redact, look);
  return async (found, failed, signal) => {
    const running = [...failed].filter(([name]) => found.get(name)?.facts.status === "running");
    if (running.length === 0) return new Map();
    const place = await self(signal);
    const owners = new Map<string, Promise<Inspected | undefined>>();
    // Many containers may use the network of one: ask for it once.
    const ownerOf = (container: Inspected) => {
      const { networkParent: parent = container.facts.id } = container.facts;
      const owner = owners.get(parent) ?? networkOwner(client, container, redact, signal);
      owners.set(parent, owner);
      return owner;
    };
    const judged = await Promise.all(
      running.map(async ([name, { url, fault }]): Promise<[string, OutOfReach | undefined]> => {
        const container = found.get(name)!;
        const owner = await ownerOf(container);
        const host = hostOf(url);
        const isNamed = fault === "unresolved" || foreignNetworks(owner, place).length === 0;
        const addresses = isNamed ? [] : await addressesOf(host, clock);
        return [name, outOfReach(container, owner, { fault, host, addresses }, place)];
      }),
    );
    return new Map(
      judged.flatMap(([name, why]) =>
        why ? [[name, { ...why, reason: oneLine(why.reason, MAX_REASON) }]] : [],
      ),
    );
  };
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[(.*)\]$/, "$1") : "";
}

async function addressesOf(host: string, clock: Clock): Promise<string[]> {
  if (isIP(host) > 0) return [host];
  const over = new AbortController();
  const found = await Promise.race([
    lookup(host, { all: true }).catch(() => []),
    clock.wait(RESOLVE_MS, over.signal).then(() => []),
  ]);
  over.abort();
  return found.map(({ address }) => address);
}
