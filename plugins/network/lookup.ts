import type { LookupAddress, LookupOptions } from "node:dns";
import dns from "node:dns";
import { readFile } from "node:fs/promises";
import type { Alarms } from "./alarms.ts";

/** A working resolver answers faster. */
const HEDGE_MS = 250;

type Found = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;
type Ask = (hostname: string) => Promise<LookupAddress[]>;

export interface Lookup {
  /** Has the signature of `dns.lookup`, for `http.request`. */
  lookup(hostname: string, options: LookupOptions, found: Found): void;
  /** True while this name has not been answered. */
  isPending(hostname: string): boolean;
}

/**
 * Looks names up through the system (`getaddrinfo`: hosts file, search domains, nsswitch), as any program does. But
 * libuv has two threads for that, and a call cannot be cancelled. Two names that hang would block all others;
 * Docker's resolver hangs when it is asked for a stopped container while the outer resolver is unreachable.
 *
 * So each name is looked up once at a time, however many services and ticks wait for it. If there is no answer after
 * 250 ms, the hosts file and then the name servers are asked on the event loop as well. This second way can only find
 * addresses; only the system may say that a name is unknown.
 */
export function createLookup(alarms: Alarms, ask: Ask = askSystem, askAround: Ask = askServers): Lookup {
  const pending = new Map<string, Promise<LookupAddress[]>>();
  const unanswered = new Set<string>();

  function resolve(hostname: string): Promise<LookupAddress[]> {
    const asked = pending.get(hostname) ?? ask(hostname).finally(() => pending.delete(hostname));
    pending.set(hostname, asked);
    unanswered.add(hostname);
    return new Promise<LookupAddress[]>((found, failed) => {
      const callOff = alarms.after(HEDGE_MS, () => {
        askAround(hostname).then(
          (addresses) => addresses.length > 0 && found(addresses),
          () => {},
        );
      });
      asked.then(found, failed).finally(callOff);
    }).finally(() => unanswered.delete(hostname));
  }

  return {
    isPending: (hostname) => unanswered.has(hostname),
    lookup(hostname, options, found) {
      resolve(hostname).then(
        (addresses) => {
          if (options.all) found(null, addresses);
          else found(null, addresses[0]!.address, addresses[0]!.family);
        },
        (error) => found(error, ""),
      );
    },
  };
}

function askSystem(hostname: string): Promise<LookupAddress[]> {
  return dns.promises.lookup(hostname, { all: true, order: "verbatim" });
}

async function askServers(hostname: string): Promise<LookupAddress[]> {
  const hosts = await readFile("/etc/hosts", "utf8").catch(() => "");
  const known = addressesIn(hosts, hostname);
  if (known.length > 0) return known;
  const resolver = new dns.promises.Resolver({ timeout: 1000, tries: 3 });
  const asked = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
  return asked.flatMap((one, index) =>
    one.status === "fulfilled" ? one.value.map((address) => ({ address, family: index === 0 ? 4 : 6 })) : [],
  );
}

/** The addresses of a name in a hosts file. */
export function addressesIn(hosts: string, hostname: string): LookupAddress[] {
  const found: LookupAddress[] = [];
  for (const line of hosts.split("\n")) {
    const [address, ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (address && names.some((name) => name.toLowerCase() === hostname.toLowerCase())) {
      found.push({ address, family: address.includes(":") ? 6 : 4 });
    }
  }
  return found;
}
