import { deliver } from "../delivery/send.ts";
import type { Exit } from "../main.ts";
import type { Alert } from "../plugin.ts";
import { start } from "./start.ts";

/**
 * Sends a marked alert to one sink, or to all, and prints what each answered. Nothing waits in the
 * outbox: one attempt, now, whatever the sink's route takes. Exits 0 when all took it.
 */
export async function alertTestCommand(exit: Exit, only: string | undefined): Promise<number> {
  const started = await start(exit);
  if (!started.ok) return started.exit;
  const { registry, ports } = started;
  const names = [...registry.sinks.keys()];
  if (names.length === 0) {
    process.stderr.write(
      "no sink is configured: set WEBHOOK_URL, SLACK_WEBHOOK_URL or another (see the README)\n",
    );
    return exit.usage;
  }
  if (only !== undefined && !registry.sinks.has(only)) {
    process.stderr.write(`there is no sink "${only}"; there are: ${names.join(", ")}\n`);
    return exit.usage;
  }
  const alert = testAlert(ports.clock.now(), ports.random());
  let failed = 0;
  for (const [name, sink] of registry.sinks) {
    if (only !== undefined && name !== only) continue;
    const { outcome, reason } = await deliver(sink, alert, ports);
    if (outcome !== "delivered") failed++;
    process.stdout.write(`${name} (${sink.target}): ${outcome}, ${reason}\n`);
  }
  await started.log.flush();
  process.exit(failed === 0 ? exit.ok : exit.failed);
}

function testAlert(now: number, random: number): Alert {
  return {
    id: `evt_test${now.toString(36)}${Math.floor(random * 1e9).toString(36)}`,
    event_type: "COMPONENT_DOWN",
    timestamp: new Date(now).toISOString(),
    severity: "INFO",
    title: "Test of the watchdog's alerts",
    message: "This is a test: nothing is down. If you can read it, alerts reach you here.",
    params: {
      component_name: "watchdog_test",
      container_name: "",
      action: "none",
      success: false,
      consecutive_failures: 0,
      test: true,
    },
  };
}
