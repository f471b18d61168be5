/** The toolkit of HTTP sinks: JSON requests, and what an answer means for an alert. */
import type { Delivery } from "../core/outbox.ts";
import type { SinkRequest, SinkResponse } from "./contract.ts";

/** A POST of `body` as JSON. `headers` have lower-case names. */
export function postJson(url: string, body: unknown, headers: Record<string, string> = {}): SinkRequest {
  const json = { "content-type": "application/json" };
  return { url, method: "POST", headers: { ...headers, ...json }, body: JSON.stringify(body) };
}

/** The answer of a receiver as a JSON object; empty if it is anything else. */
export function readJson(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

const AGAIN = new Set([408, 425, 429]);

/**
 * What a status means for an alert. 2xx is delivered. 408, 425, 429 and 5xx are retried, after the longer of
 * `Retry-After` and the body's `retry_after`. A redirect is a failure and is not followed, because an alert goes only
 * to the configured address. 410 means that the receiver is gone for good. `goneStatuses` are further statuses that
 * mean the same at this provider (404 at Slack and Discord).
 */
export function classifyStatus(
  response: Pick<SinkResponse, "status" | "headers"> & { body?: string },
  nowMs: number,
  goneStatuses: readonly number[] = [410],
): Delivery {
  const { status } = response;
  const reason = `HTTP ${status}`;
  if (status >= 200 && status < 300) return { outcome: "delivered", reason };
  if (goneStatuses.includes(status) || status === 410) {
    return { outcome: "rejected", reason: `${reason}: the receiver is gone`, disable: true };
  }
  if (AGAIN.has(status) || status >= 500) {
    const asked = [
      parseRetryAfterMs(response.headers["retry-after"], nowMs),
      retryAfterInBodyMs(response.body),
    ].filter((ms) => ms !== undefined);
    if (asked.length === 0) return { outcome: "retry", reason };
    return { outcome: "retry", reason, retryAfterMs: Math.max(...asked) };
  }
  if (status >= 300 && status < 400) {
    return {
      outcome: "rejected",
      reason: `${reason}: a redirect is not followed; configure the final address`,
    };
  }
  return { outcome: "rejected", reason };
}

/** `Retry-After` as ms from now: seconds (Discord sends fractions) or an HTTP date. */
export function parseRetryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined || value.trim() === "") return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return seconds >= 0 ? Math.ceil(seconds * 1000) : undefined;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

/**
 * The wait that a JSON body asks for, as ms: `retry_after` (Discord) or `parameters.retry_after` (Telegram), in
 * seconds.
 */
function retryAfterInBodyMs(body: string | undefined): number | undefined {
  if (!body?.includes('"retry_after"')) return undefined;
  try {
    const answer = JSON.parse(body);
    const seconds = answer?.retry_after ?? answer?.parameters?.retry_after;
    return typeof seconds === "number" && seconds >= 0 ? Math.ceil(seconds * 1000) : undefined;
  } catch {
    return undefined;
  }
}
