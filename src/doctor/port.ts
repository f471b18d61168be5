/** Whether the port is free, or a watchdog answers there. */
import { createServer } from "node:net";
import type { Config } from "../config/config.ts";
import type { Found } from "./finding.ts";

/** The answer of whoever is at our address to `GET /readyz`. */
export type AskReadiness = () => Promise<{ ok: boolean; status: number; text: string }>;

export async function examinePort(
  { host, port }: Config,
  ask: AskReadiness,
): Promise<{ found: Found[]; isRunning: boolean }> {
  const where = `${host} port ${port}`;
  const one = (level: Found["level"], text: string, todo?: string, isRunning = false) => ({
    found: [{ level, text, ...(todo === undefined ? {} : { todo }) }],
    isRunning,
  });
  if (port === 0) return one("ok", `${host}, any free port`);
  const code = await tryToListen(host, port);
  if (code === undefined) return one("ok", `${where} is free: no watchdog runs here`);
  if (code === "EACCES") return one("wrong", `${where} may not be listened on`, "set PORT to one above 1023");
  if (code !== "EADDRINUSE") {
    return one(
      "wrong",
      `${where} is no address of this host (${code})`,
      "set HOST to 127.0.0.1 or another of its addresses",
    );
  }
  const { ok, text } = await ask();
  const reason = reasonOf(text);
  if (reason === undefined) {
    return one(
      "wrong",
      `${where} is taken by another program`,
      `stop it (ss -ltnp 'sport = :${port}'), or set PORT`,
    );
  }
  if (ok) return one("ok", `a watchdog answers at ${where}: ${reason}`, undefined, true);
  const todo = "read its log: it says since when, and why";
  return one("wrong", `the watchdog at ${where} is not ready: ${reason}`, todo, true);
}

function tryToListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
      .once("error", ({ code = "unknown" }: NodeJS.ErrnoException) => resolve(code))
      .listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** `undefined` if it is not the answer of a watchdog. */
function reasonOf(text: string): string | undefined {
  try {
    const { status, reason } = JSON.parse(text);
    const isOurs = (status === "ok" || status === "unready") && typeof reason === "string";
    return isOurs ? reason : undefined;
  } catch {
    return undefined;
  }
}
