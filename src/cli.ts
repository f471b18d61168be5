/** The first step of every command: drops root before anything else is loaded. */
import { setTimeout } from "node:timers";
import { dropPrivilegesFromEnv } from "./system/privileges.ts";

/** A timer or socket that a configuration or a plugin left open must not keep a finished command alive. */
const EXIT_GRACE_MS = 1000;

const privileges = dropPrivilegesFromEnv(process.env);
if (privileges.ok) {
  for (const warning of privileges.warnings) process.stderr.write(`spreadpilot-watchdog: ${warning}\n`);
  const { main } = await import("./main.ts");
  process.exitCode = await main(process.argv.slice(2));
  setTimeout(() => process.exit(), EXIT_GRACE_MS).unref();
} else {
  process.stderr.write(`spreadpilot-watchdog: ${privileges.reason}\n`);
  process.exitCode = 1;
}
