import type { Alert } from "./alert.ts";

/** What came of one attempt at one sink. `disable`: the receiver is gone for good. */
export type Delivery =
  | { outcome: "delivered"; reason: string }
  | { outcome: "retry"; reason: string; retryAfterMs?: number }
  | { outcome: "rejected"; reason: string; disable?: boolean };

/** One alert for one sink. */
export interface OutboxEntry {
  /** `<alert id>:<sink>` */
  id: string;
  sink: string;
  alert: Alert;
  createdAt: number;
  attempts: number;
  nextAt: number;
  lastReason?: string;
}
