import type { Delivery } from "../core/outbox.ts";
import type { SinkResponse } from "../plugin.ts";

const AGAIN = new Set([408, 425, 429]);
/** An undelivered alert is given up after a day, so a receiver cannot ask for more than that. */
const LONGEST_WAIT_MS = 24 * 3_600_000;

/**
 * What a status means for an alert: 2xx is delivered; 408, 425, 429 and 5xx are tried again, not
 * before the longer of `Retry-After` and the body's `retry_after`; a redirect is a failure and never
 * followed, since an alert goes where the configuration says and nowhere else; 410 says that the
 * receiver is gone for good. `goneStatuses` names those that mean the same at this provider (404 at
 * Slack and Discord).
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
    return { outcome: "retry", reason, retryAfterMs: Math.min(Math.max(...asked), LONGEST_WAIT_MS) };
  }
  if (status >= 300 && status < 400) {
    return {
      outcome: "rejected",
      reason: `${reason}: a redirect is not followed; configure the final address`,
    };
  }
  return { outcome: "rejected", reason };
}

/** `Retry-After` as ms from now: seconds (also with a fraction, as Discord sends them) or an HTTP date. */
export function parseRetryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined || value.trim() === "") return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return seconds >= 0 ? Math.ceil(seconds * 1000) : undefined;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

/** Seconds in a JSON body, as ms: `retry_after` (Discord) or `parameters.retry_after` (Telegram). */
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
