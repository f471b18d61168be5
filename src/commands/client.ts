/** Asks a running watchdog over HTTP, at its HOST and PORT, with the first of its tokens. */
import type { Config } from "../config/config.ts";
import { EXIT } from "./command.ts";

interface Server {
  host: string;
  port: number;
  token?: string;
}

interface Answer {
  ok: boolean;
  /** 0 when nothing answered. */
  status: number;
  /** The body, or why there is none. */
  text: string;
}

const TIMEOUT_MS = 4000;

/** Asks the watchdog that the configuration describes. Writes to stderr what went wrong. */
export async function askConfigured(
  path: string,
): Promise<{ ok: true; text: string; value: object; config: Config } | { ok: false; exit: number }> {
  const { configured } = await import("./bootstrap.ts");
  const config = await configured();
  const { host, port, tokens } = config;
  const server = { host, port, ...(tokens[0] ? { token: tokens[0] } : {}) };
  const answer = await ask(server, path);
  const value = parsed(answer.text);
  if (answer.ok && value) return { ok: true, text: answer.text, value, config };
  process.stderr.write(`${faultOf(answer, value, server)}\n`);
  return { ok: false, exit: EXIT.failed };
}

function faultOf({ status, text }: Answer, value: object | undefined, server: Server): string {
  if (status === 0) return text;
  if (status === 401) return tokenNeeded(server);
  const error = value && "error" in value ? value.error : undefined;
  if (typeof error === "string") return error;
  return `what answers at ${reachable(server.host)} port ${server.port} is not a watchdog (HTTP ${status})`;
}

function tokenNeeded({ host, port, token }: Server): string {
  const found =
    token === undefined
      ? "asks for a token, and none is set here"
      : "does not accept the token that is set here";
  return `the watchdog at ${reachable(host)} port ${port} ${found}.
Set WATCHDOG_TOKEN to the token that it was started with, or WATCHDOG_TOKEN_FILE to a file that holds it.
In its own container the token is set: docker exec CONTAINER spreadpilot-watchdog status`;
}

function parsed(text: string): object | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A server that listens on all addresses answers on loopback. */
function reachable(host: string): string {
  return host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
}

/** Never rejects. */
export async function ask({ host, port, token }: Server, path: string): Promise<Answer> {
  const { request } = await import("node:http");
  return new Promise((resolve) => {
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    const options = { host: reachable(host), port, path, headers, timeout: TIMEOUT_MS };
    const asked = request(options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part) => {
        text += part;
      });
      const status = response.statusCode ?? 0;
      response.on("end", () => resolve({ ok: status === 200, status, text }));
    });
    asked.on("timeout", () => asked.destroy(new Error(`no answer in ${TIMEOUT_MS / 1000} s`)));
    asked.on("error", ({ message }) => {
      const text =
        `no watchdog answers at ${reachable(host)} port ${port}: ${message}. ` +
        "Is it running, and are HOST and PORT the same here?";
      resolve({ ok: false, status: 0, text });
    });
    asked.end();
  });
}
