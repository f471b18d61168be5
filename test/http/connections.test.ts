import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { boundConnections } from "../../src/http/connections.ts";

const skip = "Deno" in globalThis && "Deno's server tells of no connection";

/** A server of three connections that answers `/now` at once, and everything else when the test says so. */
async function small(t: TestContext) {
  const waiting: ServerResponse[] = [];
  const server = createServer((request, response) => {
    if (request.url === "/now") response.end("ok");
    else waiting.push(response);
  });
  const connections = boundConnections(server, 3);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const sockets: Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    server.close();
  });
  async function join(path?: string): Promise<Socket> {
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    sockets.push(socket);
    const joined = once(server, "connection");
    await once(socket, "connect");
    await joined;
    if (path !== undefined) await ask(socket, path);
    return socket;
  }
  async function ask(socket: Socket, path: string): Promise<void> {
    const heard = path === "/now" ? once(socket, "data") : once(server, "request");
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await heard;
  }
  return { join, ask, waiting, connections };
}

const isOpen = async (socket: Socket): Promise<boolean> => {
  await new Promise((soon) => setTimeout(soon, 50));
  return socket.resume().readyState === "open";
};

test("one more takes the place of the one without a request for longest", { skip }, async (t) => {
  const { join, ask } = await small(t);
  const [first, second, third] = [await join("/now"), await join(), await join("/later")];
  await ask(first, "/now");
  const fourth = await join("/now");
  assert.deepEqual(await Promise.all([first, second, third, fourth].map(isOpen)), [true, false, true, true]);
});

test("where each has a request, one more is refused, and takes nobody's place", { skip }, async (t) => {
  const { join, waiting } = await small(t);
  const busy = [await join("/later"), await join("/later"), await join("/later")];
  const late = await join();
  assert.equal(await isOpen(late), false);
  assert.deepEqual(await Promise.all(busy.map(isOpen)), [true, true, true]);
  waiting[1]!.end("ok");
  const next = await join("/now");
  assert.deepEqual(await Promise.all([...busy, next].map(isOpen)), [true, false, true, true]);
});

test("what is idle is closed on demand; what is asked is answered first", { skip }, async (t) => {
  const { join, waiting, connections } = await small(t);
  const [idle, silent, busy] = [await join("/now"), await join(), await join("/later")];
  connections.closeIdle();
  assert.deepEqual(await Promise.all([idle, silent, busy].map(isOpen)), [false, false, true]);
  let answer = "";
  busy.on("data", (bytes) => {
    answer += bytes;
  });
  waiting[0]!.end("x".repeat(1_000_000));
  connections.closeIdle();
  await once(busy, "close");
  assert.ok(answer.endsWith("x".repeat(1_000_000)), `${answer.length} characters came`);
});
