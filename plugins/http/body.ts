import { foreign } from "../network/reasons.ts";
import { valueAt } from "./json-path.ts";
import type { LeanBody } from "./lean-fetch.ts";
import type { BodyConditions } from "./settings.ts";

/** The most that is read of a body. */
const MAX_BODY_BYTES = 64 * 1024;
const SHOWN_LENGTH = 60;

export function asksForBody({ bodyIncludes, bodyExcludes, bodyJson }: BodyConditions): boolean {
  return bodyIncludes !== undefined || bodyExcludes !== undefined || bodyJson !== undefined;
}

/** Why a body does not match; `undefined` if it does. Reads only as much as it needs, 64 KiB at most. */
export async function bodyFault(
  body: LeanBody | null | undefined,
  { bodyIncludes, bodyExcludes = [], bodyJson }: BodyConditions,
): Promise<string | undefined> {
  const decoder = new TextDecoder();
  const excluded = bodyExcludes.map((text) => ({ text, seenIn: finder(text) }));
  const wantedSeenIn = finder(bodyIncludes ?? "");
  const json: string[] = [];
  let wanted = bodyIncludes === undefined;
  let left = MAX_BODY_BYTES;
  let isLonger = false;
  for await (const chunk of body ?? []) {
    isLonger = chunk.length > left;
    const part = decoder.decode(isLonger ? chunk.subarray(0, left) : chunk, { stream: true });
    const found = excluded.find(({ seenIn }) => seenIn(part));
    if (found) return `body contains ${quoted(found.text)}`;
    wanted ||= wantedSeenIn(part);
    if (wanted && excluded.length === 0 && bodyJson === undefined) return undefined;
    if (bodyJson !== undefined) json.push(part);
    if (isLonger) break;
    left -= chunk.length;
  }
  if (!wanted) {
    return `body does not contain ${quoted(bodyIncludes!)}${isLonger ? " in its first 64 KiB" : ""}`;
  }
  if (bodyJson === undefined) return undefined;
  if (isLonger) return `body is over 64 KiB, too long to look for ${quoted(bodyJson.path)} in it`;
  return jsonFault(json.join(""), bodyJson);
}

/** Whether a text occurs in the parts so far. Keeps only the end of the last part, where the text may begin. */
function finder(text: string): (part: string) => boolean {
  let tail = "";
  return (part) => {
    tail += part;
    if (tail.includes(text)) return true;
    tail = tail.slice(Math.max(0, tail.length - text.length + 1));
    return false;
  };
}

function jsonFault(text: string, { path, equals }: NonNullable<BodyConditions["bodyJson"]>) {
  if (text.trim() === "") return "body is empty, and should be JSON";
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    return `body is not JSON: ${quoted(text)}`;
  }
  const value = valueAt(root, path);
  if (value === undefined) return `body has no ${quoted(path)}`;
  if (value === equals) return undefined;
  return `${quoted(path)} in the body is ${shown(value)}, not ${shown(equals)}`;
}

function quoted(text: string): string {
  return JSON.stringify(foreign(text, SHOWN_LENGTH));
}

function shown(value: unknown): string {
  return typeof value === "string" ? quoted(value) : foreign(JSON.stringify(value), SHOWN_LENGTH);
}
