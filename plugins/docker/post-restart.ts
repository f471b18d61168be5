/**
 * Runs a program of the configuration after each restart, whether it succeeded or not. No shell reads its words, it has
 * a deadline, and what becomes of it changes nothing.
 */
import { execFile } from "node:child_process";
import type { Ports } from "../../src/plugin.ts";
import { oneLine } from "./fault.ts";
import type { Place, PostRestart } from "./options.ts";

/** A container whose restart was tried. `state` is the one before it; `stopTimeout` in seconds. */
export type Restarted = Record<Place, string>;

/** How much of what the program says is kept. */
const MAX_OUTPUT = 65_536;

/** The words of the command, each place filled in once: a value is never read again. */
export function wordsFor(command: readonly string[], restarted: Restarted): string[] {
  return command.map((word) =>
    word.replace(/\{([A-Za-z]+)\}/g, (_, place: string) => restarted[place as Place]),
  );
}

/** Returns at once; never throws. */
export function createPostRestart(
  { log, env, redact }: Pick<Ports, "log" | "env" | "redact">,
  { command, timeout }: PostRestart,
): (restarted: Restarted) => void {
  return (restarted) => {
    const [program, ...words] = wordsFor(command, restarted);
    const what = `${program} after the restart of ${restarted.name}`;
    const tell = (how: string, text: string) => {
      const said = oneLine(redact(text.trim().split("\n").at(-1) ?? ""), 300);
      log.warn(`${what} ${how}${said === "" ? "" : `: ${said}`}; the restart is not affected`);
    };
    const options = { env, timeout, killSignal: "SIGKILL", maxBuffer: MAX_OUTPUT } as const;
    try {
      execFile(program!, words, options, (error, stdout, stderr) => {
        if (!error) log.debug(`${what} succeeded`);
        else if (error.code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER") tell("said too much and was ended", "");
        else if (error.killed) tell(`ran longer than ${timeout / 1000} s and was ended`, stderr || stdout);
        else if (typeof error.code === "number") tell(`ended with ${error.code}`, stderr || stdout);
        else tell("could not be run", error.message);
      });
    } catch (error) {
      tell("could not be run", String(error));
    }
  };
}
