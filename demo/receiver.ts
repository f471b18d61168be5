/** A receiver of alerts: checks the signature with the receivers' own library and keeps what has arrived. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";
import type { Alert } from "../src/core/alert.ts";

export interface Received {
  at: number;
  alert: Alert;
  /** Its signature is right, and its id is that of the header. */
  verified: boolean;
}

export interface Receiver {
  url: string;
  secret: string;
  received: Received[];
  close(): Promise<void>;
}

export async function startReceiver(onAlert: (received: Received) => void): Promise<Receiver> {
  const secret = `whsec_${randomBytes(32).toString("base64")}`;
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const body = (await request.toArray()).join("");
    const headers = request.headers as Record<string, string>;
    const alert = JSON.parse(body) as Alert;
    const one = { at: Date.now(), alert, verified: isGenuine(secret, body, headers, alert) };
    received.push(one);
    onAlert(one);
    response.writeHead(one.verified ? 204 : 401).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts`,
    secret,
    received,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function isGenuine(secret: string, body: string, headers: Record<string, string>, alert: Alert): boolean {
  try {
    new Webhook(secret).verify(body, headers);
    return headers["webhook-id"] === alert.id;
  } catch {
    return false;
  }
}
