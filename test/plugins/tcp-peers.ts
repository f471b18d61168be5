/** Peers that behave as they are told from the moment of the connection on, and the check that asks them. */
import net from "node:net";
import tcp from "../../plugins/tcp.ts";
import type { Check, Watchdog } from "../../src/plugin.ts";
import { realClock } from "./http-check.ts";

export interface Peer {
  port: number;
  url: string;
  /** Connections that are open now, and those that were ended by a reset. */
  open(): number;
  resets(): number;
  taken(): number;
  close(): Promise<void>;
}

/** On a free port of loopback. A peer that closes its side closes only that. */
export function peer(behave: (socket: net.Socket) => void, host = "127.0.0.1"): Promise<Peer> {
  const open = new Set<net.Socket>();
  let resets = 0;
  let taken = 0;
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    taken++;
    open.add(socket);
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNRESET") resets++;
    });
    socket.on("close", () => open.delete(socket));
    behave(socket);
  });
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen({ port: 0, host, backlog: 4096 }, () => {
      const { port } = server.address() as net.AddressInfo;
      resolve({
        port,
        url: `tcp://${host.includes(":") ? `[${host}]` : host}:${port}`,
        open: () => open.size,
        resets: () => resets,
        taken: () => taken,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            for (const socket of open) socket.destroy();
          }),
      });
    });
  });
}

/** Reads, and closes when the other side does: as servers do that are well. */
export const isWell = (socket: net.Socket) => {
  socket.resume();
  socket.on("end", () => socket.end());
};

export const says = (text: string | Buffer) => (socket: net.Socket) => {
  isWell(socket);
  socket.write(text);
};

/** Says nothing, reads nothing, and never closes. */
export const isDead = (socket: net.Socket) => void socket.pause();

export const hangsUp = (socket: net.Socket) => {
  socket.resume();
  socket.end();
};

export const resets = (socket: net.Socket) => void socket.resetAndDestroy();

/** The same byte every `everyMs`, for ever. */
export const drips = (everyMs: number) => (socket: net.Socket) => {
  const timer = setInterval(() => socket.write("x"), everyMs);
  socket.on("close", () => clearInterval(timer));
  socket.resume();
};

/** Up to `bytes`, as fast as they are read. */
export const floods = (bytes: number) => (socket: net.Socket) => {
  const chunk = Buffer.alloc(64 * 1024, "x");
  let left = bytes;
  const pour = () => {
    while (left > 0 && !socket.destroyed) {
      left -= chunk.length;
      if (!socket.write(chunk)) return;
    }
  };
  socket.resume();
  socket.on("drain", pour);
  pour();
};

/** Answers the first line that arrives. */
export const replies = (answer: (line: string) => string | Buffer) => (socket: net.Socket) => {
  socket.on("data", (data) => socket.write(answer(data.toString())));
  socket.on("end", () => socket.end());
};

/** The check as the plugin registers it, in a process of its own as far as places go. */
export function tcpCheck(): Check {
  let registered: Check | undefined;
  const check = (one: Check) => {
    registered = one;
  };
  void tcp({}).setup({ clock: { ...realClock }, check } as unknown as Watchdog);
  return registered!;
}
