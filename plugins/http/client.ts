import { createFetch } from "ofetch";
import type { Network } from "../network/network.ts";
import type { Ask, ProbeWorld } from "./probe.ts";

export type Client = Pick<ProbeWorld, "ask" | "isResolving">;

/** The parts of Deno's namespace that are used here. */
interface DenoLike {
  createHttpClient(options: { poolMaxIdlePerHost: number }): unknown;
}

/**
 * ofetch over the best client of each runtime. Node: `node:http`, because Node's `fetch` takes three times the CPU
 * and adds 60 ms to every start. Deno: its own `fetch` without connection pool, because a pool would hide that nobody
 * listens any more.
 */
export async function createClient(network: Network): Promise<Client> {
  const deno = (globalThis as { Deno?: DenoLike }).Deno;
  return deno ? denoClient(deno, network) : nodeClient(network);
}

async function nodeClient(network: Network): Promise<Client> {
  const [{ createLeanFetch, LeanHeaders }, lookup] = await Promise.all([
    import("./lean-fetch.ts"),
    network.lookup(),
  ]);
  const lean: unknown = createLeanFetch(lookup);
  const { raw } = createFetch({
    fetch: lean as typeof fetch,
    Headers: LeanHeaders as unknown as typeof Headers,
    AbortController,
  });
  return { ask: asking(raw as never), isResolving: lookup.isPending };
}

/**
 * Deno's `fetch` always sends the `Host` of the URL and verifies the certificate for it. For a service with its own
 * `Host` header, use `node:http`, which Deno has too.
 */
function denoClient(deno: DenoLike, network: Network): Client {
  const client = deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const withClient = (url: string, init: RequestInit) => fetch(url, { ...init, client } as RequestInit);
  const ask = asking(createFetch({ fetch: withClient as typeof fetch }).raw as never);
  let other: Client | undefined;
  let loading: Promise<Client> | undefined;
  return {
    isResolving: (host) => other?.isResolving(host) ?? false,
    async ask(url, init) {
      if (init.headers.host === undefined) return ask(url, init);
      loading ??= nodeClient(network);
      other = await loading;
      return other.ask(url, init);
    },
  };
}

/** By default, ofetch retries, follows redirects and throws. */
const FACTS_ONLY = {
  retry: false,
  ignoreResponseError: true,
  redirect: "manual",
  responseType: "stream",
} as const;

function asking(raw: (url: string, options: object) => ReturnType<Ask>): Ask {
  return (url, init) => raw(url, { ...FACTS_ONLY, ...init });
}
