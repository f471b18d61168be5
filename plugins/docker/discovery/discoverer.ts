/**
 * Finds the services of this engine: by labels, and listed ones by the host of their URL. Imported late: most ticks look
 * for nothing.
 */
import type { Discoverer, ListedService, Outline, Redact } from "../../../src/plugin.ts";
import type { Client } from "../client.ts";
import type { Inspected } from "../facts.ts";
import { lookAround, type Spot } from "../self.ts";
import type { ContainerView, DiscoveryRules } from "./contract.ts";
import { discover } from "./discover.ts";
import { lookAtAll } from "./look.ts";
import { outlinesOf } from "./outline.ts";
import { suggestionsOf } from "./suggest.ts";

/** Two commands, one after the other, in the time that a discovery may take. */
const LOOK_MS = 2400;

export interface DiscoveryWorld {
  client: Client;
  redact: Redact;
  /** Absent: this process's own. */
  spot?: () => Spot;
  rules: Pick<DiscoveryRules, "label" | "onlyRunning">;
  /** Whether containers that are not listed are services by their labels. */
  isOn: boolean;
}

export function createDiscovery(world: DiscoveryWorld): Discoverer["discover"] {
  const { client, redact, spot = lookAround, isOn } = world;
  return async (listed, signal) => {
    const look = await lookAtAll(client, redact, LOOK_MS, signal);
    if (!look.ok) return look;
    const views = look.containers.map(viewOf);
    const rules = {
      ...world.rules,
      ownId: ownIdOf(look.containers, spot()),
      listed: listed.map(({ name }) => name),
    };
    const found = isOn ? discover(views, rules) : [];
    return {
      ok: true,
      services: found.flatMap((one) => {
        if (one.kind !== "service") return [];
        const { name, container, settings, origins } = one;
        return [{ name, container, settings: { ...settings }, origins }];
      }),
      refused: found.flatMap((one) => (one.kind === "refused" ? [one] : [])),
      containers: Object.fromEntries(listed.map((one) => [one.name, containersOf(one, views)])),
    };
  };
}

/** Without outlines, those of all containers of this engine. */
export function createSuggest({
  client,
  redact,
  spot = lookAround,
}: Pick<DiscoveryWorld, "client" | "redact" | "spot">): NonNullable<Discoverer["suggest"]> {
  return async (given, signal) => {
    if (given !== undefined) return { ok: true, services: suggestionsOf(given) };
    const look = await lookAtAll(client, redact, LOOK_MS, signal);
    if (!look.ok) return look;
    const ownId = ownIdOf(look.containers, spot());
    const outlines: Outline[] = outlinesOf(look.containers, ownId);
    return { ok: true, services: suggestionsOf(outlines) };
  };
}

function viewOf(container: Inspected): ContainerView {
  const { facts, name, labels, networkMode, networks, exposedPorts, publishedPorts, health } = container;
  return {
    id: facts.id,
    name,
    labels,
    status: facts.status,
    hasHealthcheck: health !== undefined,
    exposedPorts,
    publishedPorts,
    networkMode,
    networks,
  };
}

/** The watchdog is never a service of itself. */
function ownIdOf(containers: readonly Inspected[], { isInContainer, id, hostname }: Spot): string {
  if (id !== "" || !isInContainer) return id;
  return containers.find((one) => one.hostname === hostname)?.facts.id ?? "";
}

/** Its own container if that exists; else each whose name, alias or Compose service is the host of its URL. */
function containersOf({ container, url }: ListedService, views: readonly ContainerView[]): string[] {
  if (container !== "" && views.some(({ name }) => name === container)) return [container];
  const host = URL.canParse(url) ? new URL(url).hostname.toLowerCase() : "";
  if (host === "") return [];
  const isCalled = ({ name, labels, networks }: ContainerView) =>
    name.toLowerCase() === host ||
    labels["com.docker.compose.service"]?.toLowerCase() === host ||
    networks.some(({ names }) => names.some((one) => one.toLowerCase() === host));
  return views.filter(isCalled).map(({ name }) => name);
}
