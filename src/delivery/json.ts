import type { SinkRequest } from "../plugin.ts";

/** A POST of `body` as JSON. `headers` have lower-case names. */
export function postJson(url: string, body: unknown, headers: Record<string, string> = {}): SinkRequest {
  const json = { "content-type": "application/json" };
  return { url, method: "POST", headers: { ...headers, ...json }, body: JSON.stringify(body) };
}

/** What a receiver answered as a JSON object; empty when it is anything else. */
export function readJson(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
