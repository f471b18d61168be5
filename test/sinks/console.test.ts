import assert from "node:assert/strict";
import { test } from "node:test";
import consolePlugin from "../../plugins/console.ts";
import { deliver } from "../../src/delivery/send.ts";
import type { Log, Sink, Watchdog } from "../../src/plugin.ts";
import { DOWN, RECOVERED } from "./alerts.ts";
import { REAL_PORTS } from "./contract.ts";

test("console prints every alert through the log, at the level of its severity", async () => {
  const printed: unknown[][] = [];
  const level =
    (name: string): Log["info"] =>
    (message, fields) =>
      printed.push([name, message, fields]);
  const log: Log = { debug: level("debug"), info: level("info"), warn: level("warn"), error: level("error") };
  const sinks: Sink[] = [];
  consolePlugin({}).setup({ log, sink: (sink: Sink) => sinks.push(sink) } as unknown as Watchdog);

  for (const alert of [DOWN, RECOVERED, { ...DOWN, severity: "WARNING" as const }]) {
    const delivery = await deliver(sinks[0]!, alert, REAL_PORTS);
    assert.deepEqual(delivery, { outcome: "delivered", reason: "printed" });
  }
  assert.deepEqual(
    printed.map(([name, message]) => [name, message]),
    [
      ["error", DOWN.message],
      ["info", RECOVERED.message],
      ["warn", DOWN.message],
    ],
  );
  assert.deepEqual(printed[0]![2], { id: DOWN.id, event_type: "COMPONENT_DOWN", component: "executor" });
});
