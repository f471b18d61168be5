import { readFileSync } from "node:fs";
import net from "node:net";
import tls from "node:tls";

/** A server that behaves as it is told, on a free port of loopback. */
export interface HostileServer {
  port: number;
  url: string;
  /** Requests begun: connections on which something arrived. */
  hits(): number;
  close(): Promise<void>;
}

/** Calls `behave` with each connection, once the first bytes of its request have arrived. */
export function serve(behave: (socket: net.Socket) => void, host = "127.0.0.1"): Promise<HostileServer> {
  return listen(net.createServer(), "connection", "http", behave, host);
}

/** The same behind a certificate that nobody trusts. */
export function serveSelfSigned(behave: (socket: net.Socket) => void): Promise<HostileServer> {
  const fixture = (name: string) =>
    readFileSync(new URL(`./fixtures/self-signed-test-only.${name}`, import.meta.url));
  const server = tls.createServer({ key: fixture("key.pem"), cert: fixture("cert.pem") });
  return listen(server, "secureConnection", "https", behave, "127.0.0.1");
}

function listen(
  server: net.Server,
  event: "connection" | "secureConnection",
  scheme: string,
  behave: (socket: net.Socket) => void,
  host: string,
): Promise<HostileServer> {
  const open = new Set<net.Socket>();
  let hits = 0;
  server.on("tlsClientError", () => {});
  server.on("connection", (socket: net.Socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
  });
  server.on(event, (socket: net.Socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      hits++;
      behave(socket);
    });
  });
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen({ port: 0, host, backlog: 511 }, () => {
      const { port } = server.address() as net.AddressInfo;
      resolve({
        port,
        url: `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}/health`,
        hits: () => hits,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            for (const socket of open) socket.destroy();
          }),
      });
    });
  });
}

/** A whole answer with the right length. */
export function answer(status: string, body = "ok", headers = ""): string {
  return `HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;
}

export const says = (text: string) => (socket: net.Socket) => void socket.end(text);
export const neverAnswers = () => {};
export const hangsUp = (socket: net.Socket) => void socket.end();

/** One byte of a right answer every `everyMs`. */
export const drips = (everyMs: number) => (socket: net.Socket) => {
  const text = answer("200 OK");
  let sent = 0;
  const timer = setInterval(() => socket.write(text[sent++ % text.length]!), everyMs);
  socket.on("close", () => clearInterval(timer));
};

export const answersAfter = (ms: number) => (socket: net.Socket) => {
  const timer = setTimeout(() => socket.end(answer("200 OK")), ms);
  socket.on("close", () => clearTimeout(timer));
};

/** Sends `head`, then `more()` without end, as fast as it is read. */
export const floods = (head: string, more: () => string) => (socket: net.Socket) => {
  socket.write(head);
  const pour = () => {
    while (!socket.destroyed && socket.write(more()));
  };
  socket.on("drain", pour);
  pour();
};

/** A port of loopback on which nobody listens. */
export async function freePort(): Promise<number> {
  const server = await serve(neverAnswers);
  await server.close();
  return server.port;
}
