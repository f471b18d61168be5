/** The hosts that are a container: no label may have another one asked. Pure. */
import { isIP } from "node:net";
import { DEFAULT_BRIDGE } from "../networks.ts";
import type { ContainerView, Scheme } from "./contract.ts";

/** Finds a container by its full id or its exact name. */
export type Lookup = (container: string) => ContainerView | undefined;

/**
 * Names, aliases and addresses, as a URL has them: the best to ask first. A container in the network of another
 * one answers at that one's. None where it is on the host's own network, or on no network. Where the other one
 * does not exist, its own name is left: it answers to nothing, and the restarter can say why.
 */
export function hostsOf(view: ContainerView, lookup: Lookup): string[] {
  const parent = /^container:(.+)$/.exec(view.networkMode)?.[1];
  const owner = parent === undefined ? view : lookup(parent);
  if (owner === undefined) return [view.name.toLowerCase()].filter(isName);
  if (/^(?:host|none|container:.*)$/.test(owner.networkMode)) return [];
  const { networks } = owner;
  const names = [owner.name, ...networks.flatMap((one) => one.names)];
  const full = networks.flatMap(({ network }) => names.map((name) => `${name}.${network}`));
  const hosts = [...names, ...full].map((name) => name.toLowerCase()).filter(isName);
  const addresses = networks.flatMap((one) => one.addresses.map(({ address }) => addressHost(address)));
  // The default network knows no names.
  const isNameless = networks.every(({ network }) => network === DEFAULT_BRIDGE);
  return [...new Set(isNameless ? [...addresses, ...hosts] : [...hosts, ...addresses])].filter(Boolean);
}

/**
 * A name that a URL keeps as it is: `127.1`, `0x7f000001` and `2130706433` are names for Docker, and addresses
 * for a URL. Some names are the watchdog's own host, whatever a container is called.
 */
function isName(name: string): boolean {
  return NAME.test(name) && !RESERVED.test(name) && hostIn(`http://${name}/`) === name && isIP(name) === 0;
}

const NAME = /^[a-z0-9_][a-z0-9_.-]*$/;
const RESERVED = /(?:^|\.)localhost$|\.(?:docker|containers)\.internal$/;

function addressHost(address: string): string {
  const host = isIP(address) === 6 ? `[${address}]` : address;
  return isIP(address) > 0 ? hostIn(`http://${host}/`) : "";
}

function hostIn(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : "";
}

const HOST = "\\[[0-9a-fA-F:.]{2,45}\\]|[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,252}";
/** Stricter than any parser of URLs: no user, no escape, no backslash, no space, nothing beyond ASCII. */
const ADDRESS = new RegExp(
  `^(https?|tcp)://(${HOST})(?::([0-9]{1,5}))?([/?][\\x21-\\x22\\x24-\\x5b\\x5d-\\x7e]*)?$`,
);

export type Address = { ok: true; scheme: Scheme; url: string } | { ok: false; accepted: string };

/** Reads a URL of a label. Its host must be one of these, letter by letter. */
export function readAddress(text: string, hosts: readonly string[]): Address {
  const match = text.length <= 2048 ? ADDRESS.exec(text) : null;
  if (!match) return { ok: false, accepted: acceptedUrl(hosts) };
  const [, scheme, host, port, rest = ""] = match as unknown as [string, Scheme, string, string?, string?];
  const plain = isIP(host.replace(/^\[|\]$/g, "")) === 6 ? hostIn(`http://${host}/`) : host.toLowerCase();
  if (!hosts.includes(plain) || hostIn(`http://${host}/`) !== plain) {
    return { ok: false, accepted: acceptedUrl(hosts) };
  }
  const number = Number(port ?? 0);
  if (number > 65_535 || (port !== undefined && number === 0)) {
    return { ok: false, accepted: "a port from 1 to 65535 in the URL" };
  }
  if (scheme === "tcp" && (port === undefined || rest !== "")) {
    return { ok: false, accepted: "a host and a port after tcp://, and nothing else" };
  }
  return { ok: true, scheme, url: `${scheme}://${plain}${port === undefined ? "" : `:${number}`}${rest}` };
}

const HOSTS_SHOWN = 5;

function acceptedUrl(hosts: readonly string[]): string {
  if (hosts.length === 0) {
    return "no URL: the container has no network of its own; use watchdog.check=docker, or list the service in a file";
  }
  const some = hosts.slice(0, HOSTS_SHOWN).join(", ");
  return `an http, https or tcp URL without a user name, to a host that is this container: ${some}`;
}
