import type { Alert } from "../core/alert.ts";
import { deliver } from "../delivery/send.ts";
import { bootstrap } from "./bootstrap.ts";
import { EXIT } from "./command.ts";

/**
 * Sends a test alert to one sink, or to all, and prints what each answered. It makes one attempt, ignores the
 * sink's own filters and leaves nothing in the outbox. Exits with 0 when every sink accepted it.
 */
export async function alertTestCommand(only: string | undefined): Promise<number> {
  const { registry, ports, log } = await bootstrap();
  const names = [...registry.sinks.keys()];
  if (names.length === 0) {
    process.stderr.write(
      "no receiver is configured: set WEBHOOK_URL, SLACK_WEBHOOK_URL or another (docs/alerts.md)\n",
    );
    return EXIT.usage;
  }
  if (only !== undefined && !registry.sinks.has(only)) {
    process.stderr.write(`there is no receiver "${only}"; there are: ${names.join(", ")}\n`);
    return EXIT.usage;
  }
  const alert = testAlert(ports.clock.now(), ports.random());
  let failed = 0;
  for (const [name, sink] of registry.sinks) {
    if (only !== undefined && name !== only) continue;
    const { outcome, reason } = await deliver(sink, alert, ports);
    if (outcome !== "delivered") failed++;
    process.stdout.write(`${name} (${sink.target}): ${outcome}, ${reason}\n`);
  }
  await log.flush();
  process.exit(failed === 0 ? EXIT.ok : EXIT.failed);
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
      reason: "none: this is a test",
      severity: "INFO",
      test: true,
    },
  };
}
