/** The real courier, ledger, state file and sender, with sinks of the bench's own. */

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { enqueue } from "../../src/core/outbox.ts";
import { emptyState } from "../../src/core/state.ts";
import { createCourier } from "../../src/delivery/courier.ts";
import { deliver } from "../../src/delivery/send.ts";
import { classifyStatus, type Ports, type Sink } from "../../src/plugin.ts";
import { createRedactor } from "../../src/redaction/redactor.ts";
import { watchdogFormat } from "../../src/state/codec.ts";
import { createLedger } from "../../src/state/ledger.ts";
import { openStateFile } from "../../src/state/store.ts";
import { systemClock } from "../../src/system/clock.ts";
import type { Job } from "../worker.ts";
import { alertsOf } from "./alerts.ts";
import { silentLog } from "./save.ts";
import { spend } from "./spent.ts";
import { policiesOf, stateAfter } from "./world.ts";

interface Settings {
  folder: string;
  alerts: number;
  services: number;
  /** Sinks by name: the URL of an HTTP receiver, or "at once" for one that takes everything without asking. */
  sinks: Record<string, string>;
  /** The sink whose last delivery ends the measurement. */
  until: string;
}

const courierJob: Job<Settings, unknown> = async ({ folder, alerts, services, sinks: named, until }) => {
  const ports: Ports = {
    clock: systemClock,
    log: silentLog,
    random: Math.random,
    env: {},
    redact: createRedactor(),
  };
  const path = join(folder, "state.json");
  const opened = await openStateFile({ path, format: watchdogFormat, ...ports });
  if (!opened.ok) throw new Error(opened.reason);
  const sinks = new Map(Object.entries(named).map(([name, url]) => [name, sinkOf(name, url)]));
  const routes = new Map([...sinks.keys()].map((name) => [name, undefined]));
  const policies = policiesOf(100, () => []);
  const ledger = createLedger(
    stateAfter(policies, Date.now()),
    () => ({ policies, routes }),
    opened.store,
    ports,
  );
  await ledger.save();
  const emptyBytes = (await stat(path)).size;
  const { outbox } = enqueue(emptyState().outbox, alertsOf(alerts, services), routes, Date.now());
  ledger.update((state) => ({ ...state, outbox }));
  await ledger.save();
  const queuedBytes = (await stat(path)).size;

  let left = alerts;
  let lastDelivered = () => {};
  const done = new Promise<void>((resolve) => {
    lastDelivered = resolve;
  });
  const courier = createCourier(
    ledger,
    () => sinks,
    ports,
    async (sink, alert) => {
      const delivery = await deliver(sink, alert, ports);
      if (sink.name === until && delivery.outcome === "delivered" && --left === 0) lastDelivered();
      return delivery;
    },
  );
  return {
    async answer() {
      const spent = await spend(async () => {
        const flushed = courier.flush();
        await done;
        if (sinks.size === 1) await flushed;
      });
      if (sinks.size > 1) return spent;
      const saveMs = (await spend(() => ledger.save())).wallMs;
      return { ...spent, emptyBytes, queuedBytes, drainedBytes: (await stat(path)).size, saveMs };
    },
  };
};

export default courierJob;

function sinkOf(name: string, url: string): Sink {
  if (url === "at once") {
    return { name, target: name, deliver: async () => ({ outcome: "delivered", reason: "taken" }) };
  }
  return {
    name,
    target: name,
    format: (alert) => ({
      url,
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(alert),
    }),
    classify: (response) => classifyStatus(response, Date.now()),
  };
}
