/** The pages of help. Each fits a terminal of 80 columns and 24 lines. */
import { VERSION } from "../version.ts";
import type { Command } from "./command.ts";
import { COMMANDS } from "./table.ts";

const COLUMNS = 80;
const USAGE_EXIT = [2, "wrong command line or configuration"] as const;

export const versionLine = () => `spreadpilot-watchdog ${VERSION}\n`;

export function helpOfAll(): string {
  const rows = COMMANDS.map(({ name, takes, summary }) => [[name, ...takes].join(" "), summary] as const);
  return page(
    ["Checks services, restarts the containers of those that fail, and tells people."],
    ["Usage: spreadpilot-watchdog [COMMAND]"],
    columns([...rows, ["help [COMMAND]", "explain a command"]]),
    ["Options:", ...columns([HELP_OPTION, ["-V, --version", "print the version"]])],
    wrap(
      "Settings come from the environment, and from watchdog.config.yaml (or .json, .ts, .js) in the working " +
        "folder or the file that WATCHDOG_CONFIG names.",
    ),
  );
}

const HELP_OPTION = ["-h, --help", "print this"] as const;

export function helpOf({ name, takes, options, values = {}, details, exits }: Command): string {
  const valued = Object.entries(values).map(
    ([flag, { value, what }]) => [`--${flag} ${value}`, what] as const,
  );
  const flags = [...valued, ...Object.entries(options).map(([flag, what]) => [`--${flag}`, what] as const)];
  const usage = ["spreadpilot-watchdog", name, ...flags.map(([flag]) => `[${flag}]`), ...takes].join(" ");
  const statuses = [...Object.entries(exits), USAGE_EXIT].sort(([a], [b]) => Number(a) - Number(b));
  return page(
    [`Usage: ${usage}`],
    ...details.map(wrap),
    ...(flags.length === 0 ? [] : [["Options:", ...columns([...flags, HELP_OPTION])]]),
    ["Exit status:", ...columns(statuses.map(([status, what]) => [String(status), what]))],
  );
}

function page(...parts: string[][]): string {
  return `${parts.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

function wrap(text: string): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = lines.at(-1) === "" ? word : `${lines.at(-1)} ${word}`;
    if (longer.length <= COLUMNS) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
