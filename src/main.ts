/** The commands. Each loads what it needs when it runs: a one-shot tick pays for no HTTP server. */
import { parseArgs } from "node:util";

const HELP = `spreadpilot-watchdog: checks services, restarts the containers of those that fail, tells people

  spreadpilot-watchdog [serve]            run until stopped: HTTP server, internal cron
  spreadpilot-watchdog tick               one whole cycle on the state file; prints its report as JSON
  spreadpilot-watchdog status [--json]    what a running watchdog says of every service, and why
  spreadpilot-watchdog alert test [sink]  send a marked test alert, print what the receiver answered
  spreadpilot-watchdog healthcheck        exit 0 when a running watchdog is ready

Settings come from the environment and watchdog.config.{ts,json,yaml}: see the README.
`;

/** A wrong command line or configuration is told apart from a failed run; 75 is sysexits' "try again". */
const EXIT = { ok: 0, failed: 1, usage: 2, locked: 75 } as const;

export type Exit = typeof EXIT;

interface Words {
  /** What follows the command's name. */
  rest: string[];
  json: boolean;
}

const COMMANDS: Record<string, (words: Words) => Promise<number>> = {
  serve: async () => (await import("./commands/serve.ts")).serveCommand(EXIT),
  tick: async () => (await import("./commands/tick.ts")).tickCommand(EXIT),
  status: async ({ json }) => (await import("./commands/ask.ts")).statusCommand(EXIT, json),
  "alert test": async ({ rest }) =>
    (await import("./commands/alert-test.ts")).alertTestCommand(EXIT, rest[0]),
  healthcheck: async () => (await import("./commands/ask.ts")).healthcheckCommand(EXIT),
};

/** How many words may follow a command; none unless named. */
const MOST_WORDS: Record<string, number> = { "alert test": 1 };

export async function main(args: string[]): Promise<number> {
  let run: () => Promise<number>;
  try {
    const { positionals, values } = parseArgs({
      args,
      allowPositionals: true,
      options: { help: { type: "boolean", short: "h" }, json: { type: "boolean" } },
    });
    if (values.help) {
      process.stdout.write(HELP);
      return EXIT.ok;
    }
    const words = positionals.length === 0 ? ["serve"] : positionals;
    const length = Object.hasOwn(COMMANDS, words.slice(0, 2).join(" ")) ? 2 : 1;
    const command = words.slice(0, length).join(" ");
    const rest = words.slice(length);
    if (!Object.hasOwn(COMMANDS, command)) throw new Error(`there is no command "${words.join(" ")}"`);
    const excess = rest[MOST_WORDS[command] ?? 0];
    if (excess !== undefined) throw new Error(`unexpected "${excess}"`);
    if (values.json && command !== "status") throw new Error("--json goes with status");
    run = () => COMMANDS[command]!({ rest, json: values.json ?? false });
  } catch (error) {
    process.stderr.write(`spreadpilot-watchdog: ${(error as Error).message}\n\n${HELP}`);
    return EXIT.usage;
  }
  return run();
}
