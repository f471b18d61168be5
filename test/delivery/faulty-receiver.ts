/** A receiver of webhooks on loopback that refuses, hangs, is busy, breaks, and dies, and keeps what it took. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Alert } from "../../src/plugin.ts";

/** `dead`: nothing listens. `amnesia`: takes the alert, and the connection breaks before it says so. */
export const MODES = ["ok", "ok", "slow", "dead", "hang", "busy", "error", "broken", "amnesia"] as const;
type Mode = (typeof MODES)[number];

export interface FaultyReceiver {
  url: string;
  /** Every alert that came in whole, in order, with the `webhook-id` of its request. */
  came: { id: string; alert: Alert; taken: boolean }[];
  /** How many requests met each mode. */
  met: Record<string, number>;
  be(mode: Mode): Promise<void>;
  close(): Promise<void>;
}

/** `onCame` is told the id of whatever came in, before it is answered. */
export async function startFaultyReceiver(onCame: (id: string) => void): Promise<FaultyReceiver> {
  let mode: Mode = "ok";
  let port = 0;
  let server: Server | undefined;
  const came: FaultyReceiver["came"] = [];
  const met: Record<string, number> = {};

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const played = mode;
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return;
    }
    met[played] = (met[played] ?? 0) + 1;
    const taken = played === "ok" || played === "slow";
    if (taken || played === "amnesia") {
      const alert = JSON.parse(Buffer.concat(chunks).toString()) as Alert;
      const id = String(request.headers["webhook-id"]);
      came.push({ id, alert, taken });
      onCame(id);
    }
    if (played === "ok") response.writeHead(204).end();
    else if (played === "slow") setTimeout(() => response.writeHead(200).end("{}"), 40);
    else if (played === "busy") response.writeHead(429, { "retry-after": "20" }).end();
    else if (played === "error") response.writeHead(500).end("out of order");
    else if (played !== "hang") response.destroy();
  }

  async function listen(): Promise<void> {
    const started = createServer((request, response) => void answer(request, response));
    started.listen(port, "127.0.0.1");
    await once(started, "listening");
    port = (started.address() as AddressInfo).port;
    server = started;
  }

  async function die(): Promise<void> {
    const dying = server;
    server = undefined;
    if (!dying) return;
    const closed = once(dying, "close");
    dying.close();
    dying.closeAllConnections();
    await closed;
  }

  await listen();
  return {
    url: `http://127.0.0.1:${port}/alerts`,
    came,
    met,
    async be(next) {
      mode = next;
      if (next === "dead") await die();
      else if (!server) await listen();
    },
    close: die,
  };
}
