/** The commands. Each loads what it needs when it runs: a one-shot tick pays for no HTTP server. */
import { parseArgs } from "node:util";

const HELP = `spreadpilot-watchdog: checks services, restarts the containers of those that fail, tells people

  spreadpilot-watchdog [serve]     run until stopped: HTTP server, internal cron
  spreadpilot-watchdog tick        one whole cycle on the state file; prints its report as JSON
  spreadpilot-watchdog status      what a running watchdog says of every service
  spreadpilot-watchdog healthcheck exit 0 when a running watchdog is ready

Settings come from the environment and watchdog.config.{ts,json,yaml}: see the README.
`;

/** sysexits: a wrong command line or configuration is told apart from a failed run. */
const EXIT = { ok: 0, failed: 1, usage: 2, locked: 75 } as const;

type Command = () => Promise<number>;

const COMMANDS: Record<string, Command> = {
  serve: async () => (await import("./commands/serve.ts")).serveCommand(EXIT),
  tick: async () => (await import("./commands/tick.ts")).tickCommand(EXIT),
  status: async () => (await import("./commands/ask.ts")).statusCommand(EXIT),
  healthcheck: async () => (await import("./commands/ask.ts")).healthcheckCommand(EXIT),
};

export type Exit = typeof EXIT;

export async function main(args: string[]): Promise<number> {
  let command: string;
  try {
    const { positionals, values } = parseArgs({
      args,
      allowPositionals: true,
      options: { help: { type: "boolean", short: "h" } },
    });
    if (values.help) {
      process.stdout.write(HELP);
      return EXIT.ok;
    }
    command = positionals[0] ?? "serve";
    if (positionals.length > 1) throw new Error(`unexpected "${positionals[1]}"`);
    if (!Object.hasOwn(COMMANDS, command)) throw new Error(`there is no command "${command}"`);
  } catch (error) {
    process.stderr.write(`spreadpilot-watchdog: ${(error as Error).message}\n\n${HELP}`);
    return EXIT.usage;
  }
  return COMMANDS[command]!();
}
