/**
 * Finds the containers that others are about to replace. While Compose recreates a container, a second one with the same
 * project, service and number is there, created and not started, under a name of its own.
 */
import type { Client } from "./client.ts";
import type { Inspected } from "./facts.ts";

const LIST_TIMEOUT_MS = 1500;
const FORMAT = ["ID", "Names"].map((field) => `{{.${field}}}`).join("\\t");
const IDENTITY = ["project", "service", "container-number"].map((key) => `com.docker.compose.${key}`);
const LABELS = IDENTITY.map((label) => `{{.Label "${label}"}}`).join("\\t");

/** The names of the new containers, by the name of the old one. Asks nobody unless one has ended. Never rejects. */
export async function findReplacements(
  client: Client,
  found: ReadonlyMap<string, Inspected>,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const ended = [...found].filter(
    ([, one]) => one.facts.status === "exited" && identityOf(one) !== undefined,
  );
  if (ended.length === 0) return new Map();
  const filters = ["--filter", "status=created", "--filter", `label=${IDENTITY[1]}`];
  const words = ["ps", "--all", "--no-trunc", ...filters, "--format", `${FORMAT}\\t${LABELS}`];
  const outcome = await client({ words, names: [], deadlineMs: LIST_TIMEOUT_MS, signal });
  if (outcome.end !== "ok") return new Map();
  const created = parseList(outcome.stdout);
  return new Map(
    ended.flatMap(([name, one]) => {
      const other = created.find(({ id, identity }) => identity === identityOf(one) && id !== one.facts.id);
      return other ? [[name, other.name] as const] : [];
    }),
  );
}

function identityOf({ labels }: Inspected): string | undefined {
  const parts = IDENTITY.map((label) => labels[label] ?? "");
  return parts.includes("") ? undefined : parts.join("\t");
}

function parseList(stdout: string): { id: string; name: string; identity: string }[] {
  return stdout.split("\n").flatMap((line) => {
    const [id = "", name = "", ...identity] = line.split("\t");
    return identity.length === IDENTITY.length ? [{ id, name, identity: identity.join("\t") }] : [];
  });
}
