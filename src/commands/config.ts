/** What a configuration says, before anything runs on it. */
import { builtins } from "../builtin-plugins.ts";
import { jsonSchemaOf } from "../config/json-schema.ts";
import { withVariables } from "../config/json-schema-variables.ts";
import { listed } from "../preflight.ts";
import { awaitedIn, awaitedText } from "../tick/services.ts";
import { bootstrap } from "./bootstrap.ts";
import { EXIT } from "./command.ts";

/** Prints every fault and exits with 2, as `serve` would; otherwise says what would run. Checks and restarts nothing. */
export async function configCheckCommand(): Promise<number> {
  const { config, registry, log } = await bootstrap();
  const names = [...config.services.keys()];
  const sinks = [...registry.sinks.keys()];
  const awaited = awaitedIn(config, registry);
  process.stdout.write(
    `The configuration (${config.source}) is right.\n` +
      `${names.length} ${names.length === 1 ? "service" : "services"}: ${listed(names)}\n` +
      `${sinks.length} ${sinks.length === 1 ? "receiver" : "receivers"} of alerts${sinks.length === 0 ? "" : `: ${listed(sinks)}`}\n` +
      (awaited.length === 0 ? "" : `There are ${awaitedText(awaited)}\n`),
  );
  await log.flush();
  // A plugin that was set up may keep the process alive.
  process.exit(EXIT.ok);
}

export async function configSchemaCommand(): Promise<number> {
  process.stdout.write(`${JSON.stringify(withVariables(jsonSchemaOf(builtins)), null, 2)}\n`);
  return EXIT.ok;
}
