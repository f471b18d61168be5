/** The outbox as data: every alert is queued by itself and acknowledged by itself. */
import { emptyOutbox, enqueue, recordDeliveries } from "../../src/core/outbox.ts";
import { median } from "../figures.ts";
import type { Job } from "../worker.ts";
import { alertsOf } from "./alerts.ts";

const NOW = 1_800_000_000_000;

const outboxJob: Job<object, { alerts: number; rounds: number }> = async () => ({
  async answer({ alerts: count, rounds }) {
    const alerts = alertsOf(count, 100);
    const routes = new Map([["webhook", undefined]]);
    const enqueueMs: number[] = [];
    const acknowledgeMs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      let outbox = emptyOutbox();
      const startedMs = performance.now();
      for (const one of alerts) outbox = enqueue(outbox, [one], routes, NOW).outbox;
      const queuedMs = performance.now();
      const delivered = { outcome: "delivered", reason: "HTTP 200" } as const;
      for (const { id } of [...outbox.entries]) {
        outbox = recordDeliveries(outbox, new Map([[id, delivered]]), NOW).outbox;
      }
      enqueueMs.push(queuedMs - startedMs);
      acknowledgeMs.push(performance.now() - queuedMs);
      if (outbox.entries.length > 0 || outbox.sent !== count) throw new Error("alerts are left");
    }
    return { enqueueMs: median(enqueueMs), acknowledgeMs: median(acknowledgeMs) };
  },
});

export default outboxJob;
