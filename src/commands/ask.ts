/** Commands that ask a running watchdog over HTTP, at HOST and PORT, with the first of its tokens. */
import type { Exit } from "../main.ts";

export async function healthcheckCommand(exit: Exit): Promise<number> {
  const answer = await ask("/readyz", process.env);
  if (answer.ok) return exit.ok;
  process.stderr.write(`${answer.text}\n`);
  return exit.failed;
}

export async function statusCommand(exit: Exit): Promise<number> {
  const answer = await ask("/status", process.env);
  (answer.ok ? process.stdout : process.stderr).write(`${answer.text}\n`);
  return answer.ok ? exit.ok : exit.failed;
}

async function ask(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<{ ok: boolean; text: string }> {
  const { request } = await import("node:http");
  const host = !env.HOST || env.HOST === "0.0.0.0" || env.HOST === "::" ? "127.0.0.1" : env.HOST;
  const port = Number(env.PORT || 8787);
  const token = (env.WATCHDOG_TOKEN || env.CRON_SECRET || "").split(",")[0]!.trim();
  return new Promise((resolve) => {
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    const asked = request({ host, port, path, headers, timeout: 4000 }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part) => {
        text += part;
      });
      response.on("end", () => resolve({ ok: response.statusCode === 200, text }));
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer in 4 s")));
    asked.on("error", (error) => {
      resolve({ ok: false, text: `no watchdog answers at ${host} port ${port}: ${error.message}` });
    });
    asked.end();
  });
}
