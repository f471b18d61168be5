/** Limits how many connections the server holds, and how long a silent one may last. */
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Schedulers, probes and people are few. Checks, restarts and alerts need the file descriptors. */
const MOST_CONNECTIONS = 64;

/** A silent connection is closed soon. */
export const SERVER_TIMES: ServerOptions = {
  headersTimeout: 5000,
  keepAliveTimeout: 5000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1000,
};

interface Connections {
  /** Closes connections without a running request. A response that is being sent is sent to its end. */
  closeIdle(): void;
}

/**
 * Limits the connections of a server. When all places are taken, a new connection replaces the one that has been
 * idle longest, so that a crowd of silent clients locks nobody out. If every connection has a running request, the
 * new one is refused.
 */
export function boundConnections(server: Server, most = MOST_CONNECTIONS): Connections {
  /** The latest response on each connection; the longest idle first. */
  const latest = new Map<Socket, ServerResponse | undefined>();

  /** A response that is written counts as ended, even if the client does not read it. */
  const isIdle = ([, response]: [Socket, ServerResponse | undefined]) => response?.writableEnded ?? true;

  server.on("connection", (socket: Socket) => {
    if (latest.size >= most) {
      const [given] = [...latest].find(isIdle) ?? [socket];
      given.destroy();
      latest.delete(given);
      if (given === socket) return;
    }
    latest.set(socket, undefined);
    socket.once("close", () => latest.delete(socket));
  });
  server.on("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
    if (!latest.delete(socket)) return;
    latest.set(socket, response);
  });

  return {
    closeIdle() {
      for (const entry of latest) if (isIdle(entry)) entry[0].destroySoon();
    },
  };
}
