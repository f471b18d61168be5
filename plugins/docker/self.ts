/** Where the watchdog itself runs: on the host or in a container, and on which networks. */

import { existsSync, readFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import type { Redact } from "../../src/plugin.ts";
import type { Client } from "./client.ts";
import { type Inspected, isOnlyAName } from "./facts.ts";
import { type Inspection, inspectById, inspectContainers } from "./inspect.ts";

/** What this process can see of its surroundings by itself. */
export interface Spot {
  isInContainer: boolean;
  /** The full id of its container, if the mounts show it; else empty. */
  id: string;
  hostname: string;
  /** The current addresses of its interfaces. The process may join a network while it runs. */
  addresses: readonly string[];
}

/**
 * `container`: the container whose network the watchdog uses. `unknown`: a container that this engine does not show
 * us.
 */
export type Place =
  | { kind: "host"; addresses: readonly string[] }
  | { kind: "container"; container: Inspected; addresses: readonly string[] }
  | { kind: "unknown"; addresses: readonly string[] };

export function lookAround(): Spot {
  const mounts = readOrNothing("/proc/self/mountinfo");
  // The engine mounts files from the container's own folder, whose name is the container's id.
  const id =
    /\/([0-9a-f]{64})\/(?:userdata\/)?(?:hostname|hosts|resolv\.conf) \/etc\//.exec(mounts)?.[1] ?? "";
  const marked = existsSync("/.dockerenv") || existsSync("/run/.containerenv");
  const addresses = Object.values(networkInterfaces()).flatMap((all) =>
    (all ?? []).map(({ address }) => address),
  );
  return { isInContainer: id !== "" || marked, id, hostname: hostname(), addresses };
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Never rejects. If an engine does not show us our own container, it is not asked again. */
export function createSelf(
  client: Client,
  redact: Redact,
  look: () => Spot = lookAround,
): (signal: AbortSignal) => Promise<Place> {
  let isHidden = false;

  async function find(spot: Spot, signal: AbortSignal): Promise<Inspected | undefined> {
    let isSure = true;
    for (const ask of waysToAsk(spot)) {
      const found = await ask(client, redact, signal);
      const own = found.ok ? [...found.found.values()].find((one) => isOwn(one, spot)) : undefined;
      if (own) return own;
      isSure &&= found.ok || found.fault === "permission_denied";
    }
    isHidden = isSure;
    return undefined;
  }

  return async (signal) => {
    const spot = look();
    const { addresses } = spot;
    if (!spot.isInContainer) return { kind: "host", addresses };
    const own = isHidden ? undefined : await find(spot, signal);
    if (own?.networkMode === "host") return { kind: "host", addresses };
    const container = own && (await networkOwner(client, own, redact, signal));
    return container ? { kind: "container", container, addresses } : { kind: "unknown", addresses };
  };
}

/** The container itself, or the one whose network it uses. */
export async function networkOwner(
  client: Client,
  container: Inspected,
  redact: Redact,
  signal: AbortSignal,
): Promise<Inspected | undefined> {
  const parent = container.facts.networkParent;
  if (parent === undefined) return container;
  const look = await inspectById(client, parent, redact, signal);
  return look.ok ? look.found.get(parent) : undefined;
}

type Ask = (client: Client, redact: Redact, signal: AbortSignal) => Promise<Inspection>;

/** Asks by name first, if the host name is a name: a proxy may allow names only. */
function waysToAsk({ hostname, id }: Spot): Ask[] {
  const byName: Ask = (client, redact, signal) => inspectContainers(client, [hostname], redact, signal);
  const byId: Ask = (client, redact, signal) => inspectById(client, id, redact, signal);
  return [...(isOnlyAName(hostname) ? [byName] : []), ...(id === "" ? [] : [byId])];
}

/** Another container may have our host name as its name. */
function isOwn(container: Inspected, { id, hostname }: Spot): boolean {
  return id === "" ? container.hostname === hostname : container.facts.id === id;
}
