/** The command's first step: root is given away before anything else is loaded. */
import { dropPrivilegesFromEnv } from "./shell/privileges.ts";

const privileges = dropPrivilegesFromEnv(process.env);
if (privileges.ok) {
  for (const warning of privileges.warnings) process.stderr.write(`spreadpilot-watchdog: ${warning}\n`);
  const { main } = await import("./main.ts");
  process.exitCode = await main(process.argv.slice(2));
} else {
  process.stderr.write(`spreadpilot-watchdog: ${privileges.reason}\n`);
  process.exitCode = 1;
}
