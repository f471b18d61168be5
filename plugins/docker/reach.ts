/**
 * Why the watchdog cannot reach a running container, and the command that fixes it. A name is out of reach if it does
 * not resolve. An address is out of reach if it belongs to a network of the container that the watchdog is not on:
 * the engine isolates its networks from each other. Pure.
 */
import type { CheckFault, OutOfReach } from "../../src/plugin.ts";
import type { Inspected } from "./facts.ts";
import { type Attachment, DEFAULT_BRIDGE, holds } from "./networks.ts";
import type { Place } from "./self.ts";

export interface Failure {
  fault: CheckFault;
  /** The host of the URL: a name or an address. */
  host: string;
  /** What the host resolves to, or the address itself; empty if it does not resolve. */
  addresses: readonly string[];
}

/** `owner`: the container, or the one whose network it uses; absent if we may not see it. */
export function outOfReach(
  container: Inspected,
  owner: Inspected | undefined,
  failure: Failure,
  place: Place,
): OutOfReach | undefined {
  if (container.facts.status !== "running") return undefined;
  if (failure.fault === "unresolved") return unresolved(container, owner, failure.host, place);
  const missing = foreignNetworks(owner, place).find((network) => holds(network, failure.addresses));
  return missing && apart(missing, place, "has no way to");
}

/** The container's networks that the watchdog is not on. */
export function foreignNetworks(owner: Inspected | undefined, place: Place): Attachment[] {
  return (owner?.networks ?? []).filter((network) => !isOurs(network, place));
}

function isOurs(network: Attachment, place: Place): boolean {
  if (place.kind !== "container") return holds(network, place.addresses);
  return place.container.networks.some(({ networkId }) => networkId === network.networkId);
}

function unresolved(
  { name, facts }: Inspected,
  owner: Inspected | undefined,
  host: string,
  place: Place,
): OutOfReach {
  if (owner === undefined) {
    const parent = facts.networkParent?.slice(0, 12);
    return {
      cause: name,
      reason: `"${host}" does not resolve here; join the watchdog to a network of the container ${parent}, in whose network it lives (\`docker network connect\`), or correct its url`,
    };
  }
  const named = owner.networks.filter((network) => knows(owner, network, host));
  if (named.length === 0 && host.includes(".")) return unknownName(host);
  if (owner.networkMode === "host" || owner.networks.length === 0) {
    const where = owner.networkMode === "host" ? "the host's own network" : "no network at all";
    return {
      cause: name,
      reason: `it is on ${where}, where it is not known as "${host}": put an address into its url that the watchdog can reach`,
    };
  }
  if (isOnHost(place, owner.networks)) {
    return named.length > 0 ? onHost(named[0]!, "does not resolve the names of") : unknownName(host);
  }
  return amongNetworks(owner, named, host, place);
}

/** The watchdog is in a container, on some of these networks or on none. */
function amongNetworks(
  owner: Inspected,
  named: readonly Attachment[],
  host: string,
  place: Place,
): OutOfReach {
  const foreign = foreignNetworks(owner, place);
  const hasNames = ({ network }: Attachment) => network !== DEFAULT_BRIDGE;
  const shared = owner.networks.find((network) => hasNames(network) && !foreign.includes(network));
  const missing = foreign.find((network) => hasNames(network) && named.includes(network));
  if (missing) return apart(missing, place, "is not on");
  if (shared) return misnamed(owner, shared, host);
  const other = foreign.find(hasNames);
  if (other)
    return apart(other, place, "is not on", `, where it is called ${namesOf(owner, other).join(", ")}`);
  return nameless(owner, place);
}

/** The engine resolves a name alone, and with the name of the network after it. */
function knows(owner: Inspected, attachment: Attachment, host: string): boolean {
  return namesOf(owner, attachment).some((name) => host === name || host === `${name}.${attachment.network}`);
}

const namesOf = ({ name }: Inspected, { names }: Attachment) => [...new Set([name, ...names])];

/**
 * The watchdog is on the engine's host: its interfaces have the gateway addresses, and container names do not
 * resolve.
 */
function isOnHost(place: Place, networks: readonly Attachment[]): boolean {
  if (place.kind !== "unknown") return place.kind === "host";
  return networks.some(({ gateways }) => gateways.some((gateway) => place.addresses.includes(gateway)));
}

/** The watchdog and the container are on different networks. */
function apart(attachment: Attachment, place: Place, lacks: string, more = ""): OutOfReach {
  const { network } = attachment;
  if (place.kind === "host") return onHost(attachment, "has no way to");
  const lasting = `and start the watchdog with \`--network ${network}\` from now on`;
  if (place.kind === "unknown") {
    const addresses = place.addresses.filter((one) => !/^(127\.|::1$|fe80:)/.test(one)).join(", ");
    return {
      cause: network,
      reason: `the watchdog (${addresses || "without an address"}) ${lacks} the network ${network}${more}: run \`docker network connect ${network} <the watchdog's container>\`, ${lasting}`,
    };
  }
  const { name, networks } = place.container;
  const own = networks.map((one) => one.network).join(", ") || "none";
  return {
    cause: network,
    reason: `the watchdog's container ${name} (network ${own}) ${lacks} the network ${network}${more}: run \`docker network connect ${network} ${name}\`, ${lasting}`,
  };
}

function onHost({ network }: Attachment, lacks: string): OutOfReach {
  return {
    cause: "host",
    reason: `the watchdog runs on the host, which ${lacks} the network ${network}: publish the container's port and set its url to http://127.0.0.1:<port>, or run the watchdog in a container with \`--network ${network}\``,
  };
}

/** They share a network, but the container has other names there. */
function misnamed(owner: Inspected, shared: Attachment, host: string): OutOfReach {
  const names = namesOf(owner, shared);
  const reason = knows(owner, shared, host)
    ? `"${host}" is its name on the network ${shared.network}, which it shares with the watchdog, and does not resolve: look at the watchdog's /etc/resolv.conf (it should name 127.0.0.11) and at the engine's log`
    : `on the network ${shared.network}, which it shares with the watchdog, it is called ${names.join(", ")}, and not "${host}": correct its url`;
  return { cause: owner.name, reason };
}

/** The container is only on the default network. */
function nameless({ name }: Inspected, place: Place): OutOfReach {
  const begin = `it is on Docker's default network (${DEFAULT_BRIDGE}), on which names do not resolve`;
  const own = place.kind === "container" ? place.container.networks : [];
  const joinable = own.find(({ network }) => network !== DEFAULT_BRIDGE);
  if (joinable) {
    const join = `docker network connect ${joinable.network} ${name}`;
    return { cause: name, reason: `${begin}, and not on ${joinable.network}: run \`${join}\`` };
  }
  return {
    cause: DEFAULT_BRIDGE,
    reason: `${begin}: run \`docker network create services\`, then \`docker network connect services <container>\` for it and for the watchdog`,
  };
}

/** Not a name of Docker's: a problem of DNS, or a typing error. */
function unknownName(host: string): OutOfReach {
  return {
    cause: "names",
    reason: `names such as "${host}" do not resolve here: look at the name servers in the watchdog's /etc/resolv.conf, or correct the url`,
  };
}
