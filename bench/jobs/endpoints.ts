/**
 * Stand-ins for services: each has a port of its own on 127.0.0.1, so each is an origin of its own. They
 * answer with canned bytes, so that the two cores are left to what is measured.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Job } from "../worker.ts";

interface Settings {
  healthy?: number;
  /** Answer 503. */
  failing?: number;
  /** Take the connection and never answer. */
  hanging?: number;
  /** Say `ready` at once, as a mail server does. */
  greeting?: number;
  /** Nobody listens at their address, and nobody can come to: its port is taken on another one. */
  refusing?: number;
}

const answer = (status: string) =>
  `HTTP/1.1 ${status}\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok`;

const endpoints: Job<Settings, unknown> = async (settings) => ({
  ready: {
    healthy: await listen(settings.healthy, (socket) => socket.end(answer("200 OK"))),
    failing: await listen(settings.failing, (socket) => socket.end(answer("503 Service Unavailable"))),
    hanging: await listen(settings.hanging, () => {}),
    greeting: await listen(
      settings.greeting,
      () => {},
      (socket) => socket.write("220 ready\r\n"),
    ),
    refusing: (await listen(settings.refusing, () => {})).map((url) => url.replace("127.0.0.1", "127.0.0.2")),
  },
  answer: async () => ({}),
});

export default endpoints;

async function listen(
  count = 0,
  asked: (socket: Socket) => void,
  connected: (socket: Socket) => void = () => {},
): Promise<string[]> {
  const urls: string[] = [];
  for (let i = 0; i < count; i++) {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => asked(socket));
      connected(socket);
    });
    server.listen(0, "127.0.0.1", 4096);
    await once(server, "listening");
    urls.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}/health`);
  }
  return urls;
}
