/**
 * Whether the engine's disk has room for a restart, as far as it can be seen from here. With a full disk, the engine
 * stops a container and then cannot start it, because it cannot write the container's files.
 */
import { statfs as statfsOf } from "node:fs/promises";
import { hostname, totalmem } from "node:os";
import type { Redact } from "../../src/plugin.ts";
import type { Client } from "./client.ts";
import { FREE_DISK, faultOf } from "./fault.ts";
import { createSelf, lookAround, type Spot } from "./self.ts";

const MIB = 1024 * 1024;
/** The engine writes a few small files for each start. */
const FULL_BYTES = MIB;
/** A log that grows would fill up less at once. */
const ROOM_BYTES = 16 * MIB;
const INFO_TIMEOUT_MS = 1500;
/** Of the container that we run in. */
const OWN_ROOT = "/";

interface DiskWorld {
  client: Client;
  redact: Redact;
  look?: () => Spot;
  statfs?: (path: string) => Promise<{ bavail: number; bsize: number; files: number; ffree: number }>;
  host?: { name: string; memoryBytes: number };
}

/** Never rejects. `undefined`: the disk cannot be seen from here. */
export type DiskFault = (signal: AbortSignal, wasFull: boolean) => Promise<string | null | undefined>;

export function createDisk(world: DiskWorld): DiskFault {
  const { statfs = statfsOf, look = lookAround } = world;
  // `null`: the engine runs elsewhere, or does not say where its disk is.
  let known: string | null | undefined;
  return async (signal, wasFull) => {
    const spot = look();
    // A whole host may look like a container, and an engine in it is beside us, not around us.
    if (known === undefined && spot.isInContainer) known = await ownRoot(world, spot, signal);
    if (known === undefined) known = await engineRoot(world, signal);
    if (known === undefined || known === null) return undefined;
    const path = known;
    const disk = await statfs(path).catch(() => undefined);
    if (disk === undefined) return undefined;
    // Like `df`, it does not count what is reserved for root: ext4 keeps blocks back that nobody gets.
    const freeBytes = disk.bavail * disk.bsize;
    const hasFiles = disk.files === 0 || disk.ffree > 0;
    if (freeBytes >= (wasFull ? ROOM_BYTES : FULL_BYTES) && hasFiles) return null;
    const left = hasFiles ? `${Math.floor(freeBytes / 1024)} KiB are free` : "no inode is free";
    const where = path === OWN_ROOT ? "seen from the watchdog's own container" : path;
    return `the disk of the Docker engine is full (${where}: ${left}): ${FREE_DISK}`;
  };
}

/** The root of a container lies on the disk of its engine, if it is this engine that runs us. */
async function ownRoot(
  { client, redact }: DiskWorld,
  spot: Spot,
  signal: AbortSignal,
): Promise<string | undefined> {
  const place = await createSelf(client, redact, () => spot)(signal);
  return place.kind === "unknown" ? undefined : OWN_ROOT;
}

/** Two hosts may have the same name, but hardly the same memory to the byte. */
async function engineRoot(
  { client, redact, host }: DiskWorld,
  signal: AbortSignal,
): Promise<string | null | undefined> {
  const words = ["info", "--format", "{{json .DockerRootDir}} {{json .Name}} {{.MemTotal}}"];
  const outcome = await client({ words, names: [], deadlineMs: INFO_TIMEOUT_MS, signal });
  if (outcome.end !== "ok") {
    // A proxy that lets nobody ask is not asked before each restart.
    return faultOf(outcome, "", redact).fault === "permission_denied" ? null : undefined;
  }
  const [, root, name, memory] = /^"(\/[^"]*)" "([^"]*)" (\d+)\s*$/.exec(outcome.stdout) ?? [];
  const here = host ?? { name: hostname(), memoryBytes: totalmem() };
  return name === here.name && Number(memory) === here.memoryBytes ? root : null;
}
