/** Lists every container of the engine: one `docker ps`, and one `docker inspect` for all of them. */

import type { Redact } from "../../../src/plugin.ts";
import type { Client } from "../client.ts";
import { type Inspected, parseInspect } from "../facts.ts";
import { faultOf, garbage } from "../fault.ts";
import { list } from "../json.ts";

/** Ids in one command: their 64 digits stay below what a shell takes as one argument (128 KiB). */
const CHUNK = 1000;

/** What came of a look; `containers` in the order of their ids, so that the same containers are the same list. */
export type Look = { ok: true; containers: Inspected[] } | { ok: false; reason: string };

export async function lookAtAll(
  client: Client,
  redact: Redact,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<Look> {
  const words = ["ps", "--all", "--quiet", "--no-trunc"];
  const listed = await client({ words, names: [], deadlineMs, signal });
  if (listed.end !== "ok") return { ok: false, reason: faultOf(listed, "containers", redact).reason };
  const ids = listed.stdout
    .split("\n")
    .filter((line) => /^[0-9a-f]{64}$/.test(line))
    .sort();
  const containers: Inspected[] = [];
  for (let at = 0; at < ids.length; at += CHUNK) {
    const names = ids.slice(at, at + CHUNK);
    const asked = await client({ words: ["inspect", "--type", "container"], names, deadlineMs, signal });
    // One that was removed since the list was made is missing, and the others are there.
    if (asked.end !== "ok" && !(asked.end === "failed" && asked.stdout.trim() !== "")) {
      return { ok: false, reason: faultOf(asked, "containers", redact).reason };
    }
    const answer = parsed(asked.stdout);
    if (answer === undefined) return { ok: false, reason: garbage(asked.stdout, redact).reason };
    containers.push(...parseInspect(answer));
  }
  return { ok: true, containers };
}

function parsed(text: string): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? list(value) : undefined;
  } catch {
    return undefined;
  }
}
