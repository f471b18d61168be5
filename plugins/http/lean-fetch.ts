import type { IncomingMessage } from "node:http";
import http from "node:http";
import type { Lookup } from "../network/lookup.ts";

/**
 * As much of `fetch` as ofetch needs, over `node:http`. Node's own `fetch` takes three times the CPU of a check, and
 * merely naming `fetch`, `Headers` or `Response` loads undici, which adds 60 ms to every start.
 */

/** As much of `Headers` as ofetch needs: names in lower case, one value each. */
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

/** The part of a body's stream that the check uses, on Node and on Deno. */
export interface LeanBody extends AsyncIterable<Uint8Array> {
  cancel(): Promise<void>;
}

interface LeanResponse {
  status: number;
  statusText: string;
  headers: { get(name: string): string | null };
  body: LeanBody | null;
}

interface LeanInit {
  method?: string;
  headers?: LeanHeaders;
  signal: AbortSignal;
  /** If a name has several addresses, how long to try one before the next. */
  attemptTimeoutMs?: number;
  /** Receives a function that says whether the connection is still being made. */
  onAsked?(isConnecting: () => boolean): void;
}

export type LeanFetch = (url: string, init: LeanInit) => Promise<LeanResponse>;

/** One error for all: when thousands of requests are cut at once, their stack traces would fill the memory. */
const ABORTED = new Error("aborted");
const CLOSED = new Error("socket hang up");

/** Longer headers are refused. This is Node's default, set here so that `NODE_OPTIONS` cannot change it. */
const MAX_HEADER_BYTES = 16 * 1024;

/** Every call opens a new connection: a pool would hide that nobody listens any more. */
export function createLeanFetch({ lookup }: Lookup): LeanFetch {
  const agent = new http.Agent({ keepAlive: false });
  let secure: Promise<{ request: typeof http.request; agent: http.Agent }> | undefined;

  async function transport(url: string) {
    if (!/^https:/i.test(url)) return { request: http.request, agent };
    // A resumed TLS session would not notice that the certificate has expired.
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
      init.onAsked?.(() => asked.socket?.connecting !== false);
      init.signal.addEventListener("abort", () => asked.destroy(ABORTED), { once: true });
      asked.on("response", (answer) => resolve(leanResponse(answer, bodyOf(answer))));
      // A 101 with an Upgrade header. Without a listener, Node drops the connection silently.
      asked.on("upgrade", (answer, socket) => {
        socket.destroy();
        resolve(leanResponse(answer, null));
      });
      // Needed after the answer too: an "error" without a listener ends the process.
      asked.on("error", reject);
      asked.on("close", () => reject(CLOSED));
      asked.end();
    });
  };
}

function leanResponse(answer: IncomingMessage, body: LeanBody | null): LeanResponse {
  return {
    status: answer.statusCode ?? 0,
    statusText: "",
    headers: {
      get: (name) => {
        const value = answer.headers[name];
        return value === undefined ? null : String(value);
      },
    },
    body,
  };
}

function bodyOf(answer: IncomingMessage): LeanBody {
  return {
    async cancel() {
      // Not `answer.destroy()`, which creates an error and a socket watcher that nobody needs.
      answer.socket.destroy();
    },
    [Symbol.asyncIterator]: () => answer[Symbol.asyncIterator](),
  };
}
