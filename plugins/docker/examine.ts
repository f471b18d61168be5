/** Whether the engine answers, and what it lets us do. Nothing is restarted. */
import type { Clock, Finding, Redact, Restarter } from "../../src/plugin.ts";
import type { Client, Outcome } from "./client.ts";
import { faultOf, oneLine, showS } from "./fault.ts";
import { inspectContainers } from "./inspect.ts";
import { object, text } from "./json.ts";

const DEADLINE_MS = 4000;
/** Further apart than this, the times of alerts and of containers cannot be compared. */
const CLOCKS_APART_MS = 5000;
const LONGEST_NAME = 255;

interface World {
  client: Client;
  clock: Clock;
  redact: Redact;
  random(): number;
  env: Readonly<Record<string, string | undefined>>;
}

/** Never rejects. */
export function createExamine(world: World): NonNullable<Restarter["examine"]> {
  return async (containers, signal) => {
    const ask = (words: string[], names: string[] = []) =>
      world.client({ words, names, deadlineMs: DEADLINE_MS, signal });
    const version = await ask(["version", "--format", "{{json .}}"]);
    if (version.end !== "ok") return [{ ok: false, text: faultOf(version, "", world.redact).reason }];
    const findings = await Promise.all([
      mayInspect(world, containers, signal),
      mayRestart(world, containers, ask),
      mayList(world, ask),
      clocks(world, ask),
    ]);
    return [{ ok: true, text: versionText(version.stdout, world.env) }, ...findings.flat()];
  };
}

function versionText(stdout: string, { DOCKER_HOST, DOCKER_CONTEXT }: World["env"]): string {
  const { Client: client, Server: server } = parsed(stdout);
  const where = DOCKER_HOST ?? (DOCKER_CONTEXT ? `the context ${DOCKER_CONTEXT}` : "the local socket");
  const engine = `Docker ${text(object(server).Version)} (API ${text(object(server).ApiVersion)})`;
  return oneLine(`${engine} answers at ${where}; the client is ${text(object(client).Version)}`, 200);
}

function parsed(stdout: string): Record<string, unknown> {
  try {
    return object(JSON.parse(stdout));
  } catch {
    return {};
  }
}

/** A name of no container, which begins like those that are restarted: a proxy may let only such names through. */
function noContainer(containers: readonly string[], random: () => number): string {
  const suffix = `-doctor-${Math.floor(random() * 2 ** 40).toString(36)}`;
  return `${(containers[0] ?? "watchdog").slice(0, LONGEST_NAME - suffix.length)}${suffix}`;
}

async function mayInspect(
  { client, redact, random }: World,
  containers: readonly string[],
  signal: AbortSignal,
): Promise<Finding[]> {
  const names = containers.length > 0 ? containers.slice(0, 10) : [noContainer(containers, random)];
  const look = await inspectContainers(client, names, redact, signal, DEADLINE_MS);
  return [look.ok ? { ok: true, text: "containers may be inspected" } : { ok: false, text: look.reason }];
}

type Ask = (words: string[], names?: string[]) => Promise<Outcome>;

/** Asks for the restart of a container that does not exist: who may restart hears that it does not exist. */
async function mayRestart(
  { redact, random }: World,
  containers: readonly string[],
  ask: Ask,
): Promise<Finding[]> {
  const name = noContainer(containers, random);
  const answer = await ask(["restart"], [name]);
  if (answer.end === "ok") return [];
  const { fault, reason } = faultOf(answer, name, redact);
  if (fault === "no_such_container") return [{ ok: true, text: "containers may be restarted (none was)" }];
  return [{ ok: false, text: reason }];
}

/** Only discovery needs it. */
async function mayList({ redact }: World, ask: Ask): Promise<Finding[]> {
  const answer = await ask(["ps", "--quiet", "--last", "1"]);
  if (answer.end === "ok") return [{ ok: true, text: "containers may be listed" }];
  const { reason } = faultOf(answer, "containers", redact);
  return [
    {
      ok: true,
      text: `containers may not be listed (${reason}): every service needs its "container", and discovery does not work`,
    },
  ];
}

function span(ms: number): string {
  return ms < 2 * HOUR_MS ? showS(ms) : `${Math.round(ms / HOUR_MS)} h`;
}

const HOUR_MS = 3_600_000;

async function clocks({ clock }: World, ask: Ask): Promise<Finding[]> {
  const before = clock.now();
  const answer = await ask(["info", "--format", "{{.SystemTime}}"]);
  const after = clock.now();
  const engine = answer.end === "ok" ? Date.parse(answer.stdout.trim()) : Number.NaN;
  if (Number.isNaN(engine)) return [];
  const apartMs = engine > after ? engine - after : Math.min(0, engine - before);
  if (Math.abs(apartMs) <= CLOCKS_APART_MS) return [{ ok: true, text: "the engine's clock is ours" }];
  const way = apartMs > 0 ? "behind" : "ahead of";
  return [
    {
      ok: false,
      text: `our clock is ${span(Math.abs(apartMs))} ${way} the engine's (${new Date(engine).toISOString()})`,
      todo: "set the clock of both hosts by NTP (`timedatectl set-ntp true`)",
    },
  ];
}
