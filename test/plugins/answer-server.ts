/** One raw server that gives each request its own answer: whole, in pieces, or in part, and then ends as told. */
import net from "node:net";

/** What is sent to one request. `pieces` go out one turn of the event loop after another. */
export interface Script {
  pieces: readonly string[];
  /** What becomes of the connection when the last piece is out. */
  then: "end" | "reset" | "stay";
}

export interface AnswerServer {
  /** The address that is answered by this script. */
  url(script: Script): string;
  /** When the request for an address arrived, ms of `performance.now()`. */
  arrivedMs(url: string): number | undefined;
  /** Answers with 200, once so many requests wait at the same time. */
  together(count: number): string;
  /** Resolves when no connection is open. */
  quiet(): Promise<void>;
  close(): Promise<void>;
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

export async function openAnswerServer(): Promise<AnswerServer> {
  const scripts: Script[] = [];
  const arrivals = new Map<string, number>();
  const open = new Set<net.Socket>();
  const waiting = new Set<net.Socket>();
  let quietened = () => {};
  const server = net.createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      open.delete(socket);
      waiting.delete(socket);
      if (open.size === 0) quietened();
    });
    socket.once("data", (bytes) => {
      const path = /^\w+ (\S+)/.exec(bytes.toString())![1]!;
      arrivals.set(path, performance.now());
      const [, room, count] = path.split("/");
      if (room === "together") return gather(socket, Number(count));
      play(socket, scripts[Number(count)]!);
    });
  });

  function gather(socket: net.Socket, count: number): void {
    waiting.add(socket);
    if (waiting.size < count) return;
    for (const one of waiting) one.end(OK);
    waiting.clear();
  }

  await new Promise<void>((listening, failed) => {
    server.on("error", failed);
    server.listen({ port: 0, host: "127.0.0.1", backlog: 511 }, listening);
  });
  const origin = `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
  return {
    url: (script) => `${origin}/script/${scripts.push(script) - 1}`,
    arrivedMs: (url) => arrivals.get(new URL(url).pathname),
    together: (count) => `${origin}/together/${count}`,
    quiet: () =>
      new Promise((resolve) => {
        quietened = resolve;
        if (open.size === 0) resolve();
      }),
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        for (const socket of open) socket.destroy();
      }),
  };
}

function play(socket: net.Socket, { pieces, then }: Script): void {
  let next = 0;
  const send = () => {
    if (socket.destroyed) return;
    const piece = pieces[next++];
    if (piece !== undefined) {
      socket.write(piece);
      setImmediate(send);
    } else if (then === "end") socket.end();
    else if (then === "reset") socket.resetAndDestroy();
  };
  send();
}
