/** The networks of a container, from `docker inspect`. Pure. */
import { BlockList, isIP } from "node:net";
import { list, number, object, text } from "./json.ts";

/** One network of a container. */
export interface Attachment {
  network: string;
  networkId: string;
  /** The container's own addresses on it, each with the prefix length of the network. */
  addresses: readonly { address: string; prefix: number }[];
  /** The network's gateway addresses: on the engine's host, an interface has them. */
  gateways: readonly string[];
  /** Its further names on this network, besides the container's own. */
  names: readonly string[];
}

/** The engine's default network, on which names do not resolve. */
export const DEFAULT_BRIDGE = "bridge";

/**
 * From `NetworkSettings.Networks`. Empty for a container that uses the network of the host or of another container.
 */
export function parseNetworks(value: unknown): Attachment[] {
  return Object.entries(object(value))
    .filter(([network]) => network !== "host" && network !== "none")
    .map(([network, raw]) => {
      const one = object(raw);
      const addresses = [
        { address: text(one.IPAddress), prefix: number(one.IPPrefixLen) },
        { address: text(one.GlobalIPv6Address), prefix: number(one.GlobalIPv6PrefixLen) },
      ].filter(({ address, prefix }) => isIP(address) > 0 && prefix > 0);
      const names = [...list(one.Aliases), ...list(one.DNSNames)].map(text).filter(Boolean);
      const gateways = [one.Gateway, one.IPv6Gateway].map(text).filter(Boolean);
      return { network, networkId: text(one.NetworkID), addresses, gateways, names: [...new Set(names)] };
    });
}

/** Whether one of these addresses is in the network. */
export function holds({ addresses }: Attachment, others: readonly string[]): boolean {
  return addresses.some(({ address, prefix }) => {
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    const subnet = new BlockList();
    subnet.addSubnet(address, prefix, family);
    return others.some(
      (other) => isIP(other) > 0 && subnet.check(other, isIP(other) === 6 ? "ipv6" : "ipv4"),
    );
  });
}
