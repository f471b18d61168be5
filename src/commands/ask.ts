/** Commands that ask a running watchdog over HTTP, at its HOST and PORT, with the first of its tokens. */
import type { Exit } from "../main.ts";

interface Where {
  host: string;
  port: number;
  token?: string;
}

/** Needs no token, and no configuration but HOST and PORT: it runs every 30 s in a container. */
export async function healthcheckCommand(exit: Exit): Promise<number> {
  const host = process.env.HOST || "127.0.0.1";
  const answer = await ask("/readyz", { host, port: Number(process.env.PORT || 8787) });
  if (answer.ok) return exit.ok;
  process.stderr.write(`${answer.text}\n`);
  return exit.failed;
}

/** One line a service: its status, and why it is or is not being restarted. */
export async function statusCommand(exit: Exit, asJson: boolean): Promise<number> {
  const [{ loadConfig }, { formatFaults }, { builtins }] = await Promise.all([
    import("../config/load.ts"),
    import("../config/fault.ts"),
    import("../builtins.ts"),
  ]);
  const loaded = await loadConfig({ env: process.env, cwd: process.cwd(), plugins: builtins });
  if (!loaded.ok) {
    process.stderr.write(`${formatFaults(loaded.faults, loaded.source)}\n`);
    return exit.usage;
  }
  const { host, port, tokens } = loaded.config;
  const answer = await ask("/status", { host, port, ...(tokens[0] ? { token: tokens[0] } : {}) });
  if (answer.ok) process.stdout.write(asJson ? `${answer.text}\n` : readable(JSON.parse(answer.text)));
  else process.stderr.write(`${answer.text}\n`);
  return answer.ok ? exit.ok : exit.failed;
}

interface Status {
  services: Record<string, { status: string; why: string }>;
  troubles: { reason: string; since: string }[];
  brake: { reason: string; since: string } | null;
  outbox: { pending: number; dead: number };
}

function readable({ services, troubles, brake, outbox }: Status): string {
  const width = Math.max(0, ...Object.keys(services).map((name) => name.length));
  const lines = Object.entries(services).map(
    ([name, { status, why }]) => `${name.padEnd(width)}  ${status.padEnd(10)}  ${why}`,
  );
  for (const { reason, since } of troubles) lines.push(`trouble since ${since}: ${reason}`);
  if (brake) lines.push(`brake since ${brake.since}: ${brake.reason}`);
  if (outbox.pending + outbox.dead > 0) lines.push(`outbox: ${outbox.pending} waiting, ${outbox.dead} dead`);
  return `${lines.join("\n")}\n`;
}

async function ask(path: string, { host, port, token }: Where): Promise<{ ok: boolean; text: string }> {
  const { request } = await import("node:http");
  const near = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return new Promise((resolve) => {
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    const asked = request({ host: near, port, path, headers, timeout: 4000 }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part) => {
        text += part;
      });
      response.on("end", () => resolve({ ok: response.statusCode === 200, text }));
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer in 4 s")));
    asked.on("error", (error) => {
      resolve({ ok: false, text: `no watchdog answers at ${near} port ${port}: ${error.message}` });
    });
    asked.end();
  });
}
