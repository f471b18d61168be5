import type { IncomingMessage } from "node:http";
import http from "node:http";
import type { Lookup } from "./lookup.ts";

/**
 * Just enough of `fetch` for ofetch, over `node:http`. Node's own costs three times the CPU of a check, and
 * merely naming `fetch`, `Headers` or `Response` loads undici: 60 ms of every start.
 */

/** Just enough of `Headers` for ofetch: names in lower case, one value each. */
export class LeanHeaders {
  readonly values: Record<string, string | string[] | undefined> = {};

  constructor(init: Record<string, string> = {}) {
    for (const name of Object.keys(init)) this.values[name.toLowerCase()] = init[name];
  }

  get(name: string): string | null {
    const value = this.values[name.toLowerCase()];
    return value === undefined ? null : String(value);
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  set(name: string, value: string): void {
    this.values[name.toLowerCase()] = value;
  }
}

/** The part of a body's stream that the check uses, here and on Deno. */
export interface LeanBody extends AsyncIterable<Uint8Array> {
  cancel(): Promise<void>;
}

export interface LeanResponse {
  status: number;
  statusText: string;
  headers: { get(name: string): string | null };
  body: LeanBody;
}

export interface LeanInit {
  method?: string;
  headers?: LeanHeaders;
  signal: AbortSignal;
  /** How long one address of a name may hold up the next one. */
  attemptTimeoutMs?: number;
}

export type LeanFetch = (url: string, init: LeanInit) => Promise<LeanResponse>;

/** One for all: when thousands are cut at once, a stack trace each is what fills the memory. */
const ABORTED = new Error("aborted");

/** Longer headers are refused (Node's own default, here so that `NODE_OPTIONS` cannot change it). */
const MAX_HEADER_BYTES = 16 * 1024;

/** Every call opens a connection of its own: a pool would hide that nobody listens any more. */
export function createLeanFetch({ lookup }: Lookup): LeanFetch {
  const agent = new http.Agent({ keepAlive: false });
  let secure: Promise<{ request: typeof http.request; agent: http.Agent }> | undefined;

  async function transport(url: string) {
    if (!/^https:/i.test(url)) return { request: http.request, agent };
    // A resumed TLS session would not see that the certificate has expired since.
    secure ??= import("node:https").then(({ default: https }) => ({
      request: https.request,
      agent: new https.Agent({ keepAlive: false, maxCachedSessions: 0 }),
    }));
    return secure;
  }

  return async (url, init) => {
    const { request, agent } = await transport(url);
    return new Promise((resolve, reject) => {
      if (init.signal.aborted) return reject(ABORTED);
      const asked = request(url, {
        agent,
        method: init.method,
        headers: init.headers?.values,
        lookup: lookup as never,
        maxHeaderSize: MAX_HEADER_BYTES,
        insecureHTTPParser: false,
        autoSelectFamily: true,
        autoSelectFamilyAttemptTimeout: init.attemptTimeoutMs,
      } as http.RequestOptions);
      init.signal.addEventListener("abort", () => asked.destroy(ABORTED), { once: true });
      asked.on("response", (answer) => resolve(leanResponse(answer)));
      // Also after the answer: an "error" that nobody hears ends the process.
      asked.on("error", reject);
      asked.end();
    });
  };
}

function leanResponse(answer: IncomingMessage): LeanResponse {
  return {
    status: answer.statusCode ?? 0,
    statusText: "",
    headers: {
      get: (name) => {
        const value = answer.headers[name];
        return value === undefined ? null : String(value);
      },
    },
    body: {
      async cancel() {
        // Not `answer.destroy()`, which makes an error and a watcher of the socket for nobody.
        answer.socket.destroy();
      },
      [Symbol.asyncIterator]: () => answer[Symbol.asyncIterator](),
    },
  };
}
