import type { Delivery } from "../core/outbox.ts";
import type { SinkResponse } from "../plugin.ts";

const AGAIN = new Set([408, 425, 429]);

/**
 * What a status means for an alert: 2xx is delivered; 408, 425, 429 and 5xx are tried again; a
 * redirect is a failure and never followed, since an alert goes where the configuration says and
 * nowhere else; 410 says that the receiver is gone for good. `goneStatuses` names those that mean
 * the same at this provider (404 at Slack and Discord).
 */
export function classifyStatus(
  response: Pick<SinkResponse, "status" | "headers">,
  nowMs: number,
  goneStatuses: readonly number[] = [410],
): Delivery {
  const { status } = response;
  const reason = `HTTP ${status}`;
  if (status >= 200 && status < 300) return { outcome: "delivered", reason };
  if (goneStatuses.includes(status) || status === 410) return { outcome: "rejected", reason, disable: true };
  if (AGAIN.has(status) || status >= 500) {
    const retryAfterMs = parseRetryAfterMs(response.headers["retry-after"], nowMs);
    return { outcome: "retry", reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
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
