/** How the running watchdog and its services are: for people (`status`) and for Docker (`healthcheck`). */
import { ask, askConfigured } from "./client.ts";
import { EXIT } from "./command.ts";

/** Docker runs this every 30 s: it reads no configuration but HOST and PORT, and needs no token. */
export async function healthcheckCommand(): Promise<number> {
  const host = process.env.HOST || "127.0.0.1";
  const answer = await ask({ host, port: Number(process.env.PORT || 8787) }, "/readyz");
  if (answer.ok) return EXIT.ok;
  process.stderr.write(`${answer.text}\n`);
  return EXIT.failed;
}

/** Prints one line for each service: its status, and why it is or is not being restarted. */
export async function statusCommand(asJson: boolean): Promise<number> {
  const answer = await askConfigured("/status");
  if (!answer.ok) return answer.exit;
  process.stdout.write(asJson ? `${answer.text}\n` : readable(answer.value as Status));
  return EXIT.ok;
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
