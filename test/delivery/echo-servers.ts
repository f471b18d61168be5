/** Receivers that send back what they were sent, secrets included, in every way in which an answer can fail. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Socket,
  type Server as TcpServer,
} from "node:net";

/** `final`: refused for good. `again`: to be tried again. `nonsense`: a success that says something else. */
export const WAYS = ["final", "redirect", "again", "nonsense", "broken"] as const;
export type Way = (typeof WAYS)[number];

export interface EchoServers {
  /** Where each of them listens: `127.0.0.1:port`. */
  http: string;
  smtp: string;
  redis: string;
  answer(way: Way): void;
  /** Paths that were asked, and bodies that came, over HTTP. */
  paths: Set<string>;
  bodies: string[];
  /** What came to the other two. */
  lines: { smtp: string; redis: string };
  close(): Promise<void>;
}

const STATUS = { final: 400, redirect: 302, again: 500, nonsense: 200 };

export async function startEchoServers(): Promise<EchoServers> {
  let way: Way = "final";
  const paths = new Set<string>();
  const bodies: string[] = [];
  const lines = { smtp: "", redis: "" };

  async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const url = request.url!;
    paths.add(url);
    bodies.push(body);
    if (way === "broken") return void response.destroy();
    // The path's own parts first, without what stands before a token in them: a reason has only so much room.
    const parts = url
      .replace(/\/bot(?=\d)/, "/")
      .split(/[/?&=]/)
      .join(" ");
    const sent = `${parts} ${JSON.stringify(body)} ${request.method} ${url} ${decodeURIComponent(url)} ${JSON.stringify(request.headers)} ${body}`;
    const said = `you sent ${sent}`;
    const answer = {
      ok: false,
      error_code: 400,
      description: said,
      errors: [said],
      message: said,
      error: said,
    };
    response.writeHead(STATUS[way], { location: `http://127.0.0.1:9${url}`, "x-echo": encodeURI(url) });
    response.end(JSON.stringify({ ...answer, status: said, code: 42, id: null }));
  }

  function mail(socket: Socket): void {
    socket.write("220 echo\r\n");
    socket.on("error", () => {});
    socket.on("data", (data) => {
      const line = data.toString().trim();
      lines.smtp += line;
      if (way === "broken") return void socket.destroy();
      if (/^EHLO/i.test(line)) return void socket.write("250-echo\r\n250 AUTH PLAIN LOGIN\r\n");
      const plain = Buffer.from(line.split(" ").at(-1)!, "base64").toString().replaceAll("\u0000", " ");
      const code = way === "final" || way === "nonsense" ? "535 5.7.8" : "454 4.7.0";
      socket.write(`${code} you sent ${line}, which is ${encodeURIComponent(plain)} or ${plain}\r\n`);
    });
  }

  function redis(socket: Socket): void {
    socket.on("error", () => {});
    socket.on("data", (data) => {
      const text = data.toString();
      lines.redis += text;
      if (way === "broken") return void socket.destroy();
      const kind = way === "final" ? "WRONGPASS" : "ERR";
      const commands = text.match(/^\*\d+/gm)?.length ?? 1;
      socket.write(`-${kind} you sent ${text.replace(/\s+/g, " ")}\r\n`.repeat(commands));
    });
  }

  const servers: (Server | TcpServer)[] = [
    createServer((request, response) => void echo(request, response)),
    createTcpServer(mail),
    createTcpServer(redis),
  ];
  const sockets = new Set<Socket>();
  for (const server of servers) {
    server.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  }
  const [http, smtp, redisAt] = servers.map((one) => `127.0.0.1:${(one.address() as AddressInfo).port}`);
  return {
    http: http!,
    smtp: smtp!,
    redis: redisAt!,
    paths,
    bodies,
    lines,
    answer(next) {
      way = next;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map((one) => new Promise((done) => one.close(done))));
    },
  };
}
