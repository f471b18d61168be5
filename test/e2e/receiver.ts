/** A real receiver of alerts on the services' network: keeps the raw bytes and headers of every request. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";
import type { Alert } from "../../src/core/alert.ts";
import { docker, runContainer, uniqueName, until } from "./engine.ts";

/** Standard Webhooks: `whsec_` and base64. */
export const SECRET = `whsec_${Buffer.from("a secret of the end-to-end tests").toString("base64")}`;
const SOURCE = readFileSync(new URL("receiver.mjs", import.meta.url), "utf8");

interface Received {
  method: string;
  url: string;
  headers: Record<string, string>;
  /** The very text that was signed. */
  body: string;
  alert: Alert;
}

export interface Receiver {
  url: string;
  /** All requests so far, oldest first, each with its signature verified. */
  received(): Promise<Received[]>;
  /** The bodies of all requests to another path, which nobody signed; oldest first. */
  bodiesAt(path: string): Promise<string[]>;
  /** The alerts about one service, oldest first. */
  alertsOf(service: string): Promise<Alert[]>;
}

/** The engine's default network, `bridge`, knows no names: there it has its address. */
export async function startReceiver(network: string, image: string): Promise<Receiver> {
  const isNamed = network !== "bridge";
  const args = ["--network", network, ...(isNamed ? ["--network-alias", "receiver"] : []), image];
  const id = await runContainer(uniqueName("receiver"), [
    ...args,
    "node",
    "--input-type=module",
    "-e",
    SOURCE,
  ]);
  const running = () => docker("exec", id, "wget", "-q", "-O-", "http://127.0.0.1:9000/started");
  await until("the receiver to listen", 10_000, () => running().then(() => true));

  async function at(path: string): Promise<Omit<Received, "alert">[]> {
    const lines = (await docker("logs", id)).split("\n").filter((line) => line.startsWith("{"));
    return lines.map((line) => JSON.parse(line)).filter(({ url }) => url === path);
  }
  const received = async () => (await at("/alerts")).map(verified);
  return {
    url: `http://${isNamed ? "receiver" : await addressOf(id, network)}:9000/alerts`,
    received,
    bodiesAt: async (path) =>
      (await at(path)).map(({ body }) => Buffer.from(body, "base64").toString("utf8")),
    alertsOf: async (service) =>
      (await received()).map(({ alert }) => alert).filter((alert) => alert.params.component_name === service),
  };
}

export function addressOf(container: string, network: string): Promise<string> {
  return docker("inspect", "-f", `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, container);
}

/** Checks the signature with the receivers' own library, over the bytes that arrived. */
function verified(request: Omit<Received, "alert">): Received {
  const body = Buffer.from(request.body, "base64").toString("utf8");
  const alert = new Webhook(SECRET).verify(body, request.headers) as Alert;
  assert.equal(request.method, "POST");
  assert.equal(request.headers["webhook-id"], alert.id);
  return { ...request, body, alert };
}
