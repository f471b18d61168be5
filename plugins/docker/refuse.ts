/** Refuses commands that would do harm. The container is left alone, and the reason says what would help. */
import type { Redact, RestartResult } from "../../src/plugin.ts";
import type { Client } from "./client.ts";
import type { Inspected } from "./facts.ts";
import { deadParent } from "./fault.ts";
import { inspectById } from "./inspect.ts";

export type Verb = "restart" | "stop";

/** moby #25256, #28739: Swarm takes a restarted task for a failed one and starts another beside it. */
export function refuseSwarm({ labels }: Inspected, verb: Verb): RestartResult | undefined {
  if (!labels["com.docker.swarm.task.id"]) return undefined;
  const service = labels["com.docker.swarm.service.name"] || "<service>";
  const instead =
    verb === "restart" ? `docker service update --force ${service}` : `docker service scale ${service}=0`;
  return {
    ok: false,
    fault: "other",
    untried: true,
    reason: `it is a task of a Swarm service, which Swarm itself restarts: nothing was done; use \`${instead}\``,
  };
}

/** On a full disk, the engine stops the container and cannot start it again. The look around may have come too late. */
export function refuseFull(reason: string | null | undefined): RestartResult | undefined {
  return reason
    ? { ok: false, fault: "disk_full", untried: true, reason: `${reason}; nothing was done` }
    : undefined;
}

/** Ask this before a restart: the engine stops the container before it finds that it cannot start it again. */
export async function refuseParent(
  client: Client,
  child: Inspected,
  redact: Redact,
  signal: AbortSignal,
): Promise<RestartResult | undefined> {
  const parent = child.facts.networkParent;
  if (!parent) return undefined;
  const look = await inspectById(client, parent, redact, signal);
  if (!look.ok) return undefined;
  const found = look.found.get(parent);
  const service = child.labels["com.docker.compose.service"];
  if (!found) return { ok: false, untried: true, ...deadParent(parent, service) };
  if (["running", "paused", "restarting"].includes(found.facts.status)) return undefined;
  return {
    ok: false,
    fault: "other",
    untried: true,
    reason: `its network namespace belongs to container ${found.name}, which is ${found.facts.status}: nothing was done; start that one first (\`docker start ${found.name}\`)`,
  };
}
