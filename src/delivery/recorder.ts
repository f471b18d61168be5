import type { Delivery } from "../core/outbox.ts";
import { recordDeliveries } from "../core/outbox.ts";
import { words } from "../core/words.ts";
import type { Ports } from "../plugin.ts";
import type { Ledger } from "../tick/ledger.ts";

export interface Recorder {
  /** Notes what came of an attempt at each of these entries; it is recorded and saved with others soon. */
  note(entryIds: readonly string[], delivery: Delivery): void;
  /** Resolves when all that was noted is recorded and saved. */
  saved(): Promise<void>;
}

/** Records attempts in batches: while one save runs, the next batch fills. Thousands cost a few saves. */
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
      const { outbox, died, opened } = recordDeliveries(ledger.state.outbox, batch, ports.clock.now());
      ledger.update((state) => ({ ...state, outbox }));
      for (const { sink, alert, lastReason } of died) {
        ports.log.error(words.died(alert.message, sink, lastReason), { sink, alert_id: alert.id });
        sinkTrouble(sink, lastReason);
      }
      for (const { sink, reason } of opened) sinkTrouble(sink, reason);
      for (const [id, { outcome }] of batch) if (outcome === "delivered") sinkTrouble(sinkOf(id), null);
      await ledger.save();
    }
    // In the same turn as the last look at `noted`: what is noted a turn later begins a new record.
    recording = null;
  }

  /** A dead sink is told through the others, once. One that was taken out of the configuration is none. */
  function sinkTrouble(sink: string, reason: string | null): void {
    const trouble = `sink:${sink}`;
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
