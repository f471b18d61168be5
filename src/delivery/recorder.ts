/** Records the outcomes of deliveries in the state. */
import type { Delivery } from "../core/outbox.ts";
import { recordDeliveries } from "../core/outbox.ts";
import { words } from "../core/words.ts";
import type { Ports } from "../plugin/contract.ts";
import type { Ledger } from "../state/ledger.ts";

export interface Recorder {
  /** Notes the outcome of one attempt for these entries. It is recorded and saved soon, together with others. */
  note(entryIds: readonly string[], delivery: Delivery): void;
  /** Resolves when everything noted so far is recorded and saved. */
  saved(): Promise<void>;
}

/** Works in batches: while one save runs, the next batch fills. Thousands of outcomes cost a few saves. */
export function createRecorder(
  ledger: Ledger,
  ports: Ports,
  isConfigured: (sink: string) => boolean,
): Recorder {
  let noted = new Map<string, Delivery>();
  let recording: Promise<void> | null = null;

  async function record(): Promise<void> {
    while (noted.size > 0) {
      const batch = noted;
      noted = new Map();
      // The new owner of the state records its own attempts.
      if (ledger.lost() !== undefined) continue;
      // Read the clock first: after a jump this moves the times of waiting entries, which must not seem old.
      const now = ledger.now();
      const { outbox, died, opened } = recordDeliveries(ledger.state.outbox, batch, now);
      ledger.update((state) => ({ ...state, outbox }));
      for (const { sink, alert, lastReason } of died) {
        ports.log.error(words.died(alert.message, sink, lastReason), { sink, alert_id: alert.id });
        sinkTrouble(sink, lastReason);
      }
      for (const { sink, reason } of opened) sinkTrouble(sink, reason);
      for (const [id, { outcome }] of batch) if (outcome === "delivered") sinkTrouble(sinkOf(id), null);
      await ledger.save();
    }
    // In the same turn of the event loop as the last look at `noted`: a later note starts a new record.
    recording = null;
  }

  /** Tells the failure of a sink once, through the others; a sink that was removed from the configuration has none. */
  function sinkTrouble(sink: string, reason: string | null): void {
    const trouble = `sink:${sink}` as const;
    if (reason === null && ledger.state.troubles[trouble] === undefined) return;
    const text = reason === null || !isConfigured(sink) ? null : words.sinkFails(sink, reason);
    ledger.apply({ type: "trouble", trouble, reason: text, tried: "deliver alerts" });
  }

  return {
    note(entryIds, delivery) {
      for (const id of entryIds) noted.set(id, delivery);
      recording ??= record();
    },
    async saved() {
      await recording;
    },
  };
}

const sinkOf = (entryId: string) => entryId.slice(entryId.indexOf(":") + 1);
