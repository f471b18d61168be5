/** The command line: finds the command that was meant and runs it, or says what is wrong and what was likely meant. */
import { parseArgs } from "node:util";
import { type Command, EXIT } from "./commands/command.ts";
import { COMMANDS } from "./commands/table.ts";
import { nearest } from "./config/nearest.ts";

/** Options that every command takes, by their short names. */
const COMMON: Readonly<Record<string, string>> = { h: "help", V: "version" };
/** Short names of options that take a value. */
const SHORT: Readonly<Record<string, string>> = { o: "output" };
/** People try these as options: here they are environment variables. */
const VARIABLES = new Map([
  ["config", "WATCHDOG_CONFIG"],
  ["dry-run", "DRY_RUN"],
  ["host", "HOST"],
  ["log-format", "LOG_FORMAT"],
  ["log-level", "LOG_LEVEL"],
  ["port", "PORT"],
  ["state-file", "STATE_FILE"],
  ["token", "WATCHDOG_TOKEN"],
]);

/** `about` is the command that was meant, if it is known. */
interface Misnamed {
  fault: string;
  about?: Command;
}

type Understood = { run: () => Promise<number> } | Misnamed;

export async function main(args: string[]): Promise<number> {
  const understood = understand(args);
  if ("run" in understood) return understood.run();
  const page = ["spreadpilot-watchdog help", ...(understood.about ? [understood.about.name] : [])].join(" ");
  process.stderr.write(`spreadpilot-watchdog: ${understood.fault}\nSee "${page}".\n`);
  return EXIT.usage;
}

interface Option {
  name: string;
  /** As it was typed, without its value, which may be a secret. */
  typed: string;
  value: string | undefined;
}

function understand(args: string[]): Understood {
  const { words, options } = split(args);
  const has = (name: string) => options.some((option) => option.name === name);
  if (has("version") || words[0] === "version") return { run: () => print((help) => help.versionLine()) };
  if (words[0] === "help") return understandHelp(words.slice(1));
  if (has("help")) return understandHelp(words);
  const found = words.length === 0 ? { command: COMMANDS[0]!, rest: [] } : find(words);
  const command = "command" in found ? found.command : undefined;
  // Options first: a word after an unknown option may be its value, such as a token, and must not be repeated.
  for (const option of options) {
    const fault = optionFault(option, command);
    if (fault !== undefined) return { fault, ...(words.length > 0 && command && { about: command }) };
  }
  if (!("command" in found)) return found;
  const excess = found.rest[found.command.takes.length];
  if (excess !== undefined) {
    return { fault: `"${found.command.name}" takes no "${excess}"`, about: found.command };
  }
  const values = Object.fromEntries(
    options.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])),
  );
  const flags = { json: has("json"), origins: has("origins"), force: has("force") };
  return { run: () => found.command.run({ rest: found.rest, ...flags, values }) };
}

/** Not strict, so that our own messages are printed instead of those of `parseArgs`. */
function split(args: string[]): { words: string[]; options: Option[] } {
  const short = Object.entries(COMMON).map(
    ([letter, name]) => [name, { type: "boolean", short: letter }] as const,
  );
  const valued = COMMANDS.flatMap(({ values = {} }) => Object.keys(values)).map((name) => {
    const letter = Object.keys(SHORT).find((one) => SHORT[one] === name);
    return [name, { type: "string", ...(letter && { short: letter }) }] as const;
  });
  const known = Object.fromEntries([...short, ...valued]);
  const { tokens } = parseArgs({ args, options: known, strict: false, tokens: true });
  const words: string[] = [];
  const options: Option[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind === "option") {
      options.push({ name: token.name, typed: token.rawName, value: token.value });
    }
  }
  return { words, options };
}

function understandHelp(words: string[]): Understood {
  if (words.length === 0 || words[0] === "help" || words[0] === "version") {
    return { run: () => print(({ helpOfAll }) => helpOfAll()) };
  }
  const found = find(words);
  const help = (command: Command) => ({ run: () => print(({ helpOf }) => helpOf(command)) });
  if ("command" in found) return help(found.command);
  // `help alert` is clear enough.
  return found.about ? help(found.about) : found;
}

async function print(page: (help: typeof import("./commands/help.ts")) => string): Promise<number> {
  process.stdout.write(page(await import("./commands/help.ts")));
  return EXIT.ok;
}

type Found = { command: Command; rest: string[] } | Misnamed;

/** A command is one word, or two. */
function find(words: string[]): Found {
  for (const length of [2, 1]) {
    const typed = words.slice(0, length).join(" ");
    const command = COMMANDS.find(({ name }) => name === typed);
    if (command) return { command, rest: words.slice(length) };
  }
  const begun = COMMANDS.find(({ name }) => name.startsWith(`${words[0]} `));
  if (begun) return { fault: `"${words[0]}" is incomplete; did you mean "${begun.name}"?`, about: begun };
  const names = [...COMMANDS.map(({ name }) => name), "help", "version"];
  const near = nearest(words.slice(0, 2).join(" "), names) ?? nearest(words[0]!, names);
  const other = near === undefined ? `there are: ${names.join(", ")}` : `did you mean "${near}"?`;
  return { fault: `there is no command "${words[0]}"; ${other}` };
}

const optionsOf = ({ options, values = {} }: Command) => ({ ...options, ...values });

/** Without `command` (its name was wrong), the options of all commands are accepted. */
function optionFault({ name, typed, value }: Option, command: Command | undefined): string | undefined {
  const owners = COMMANDS.filter((one) => Object.hasOwn(optionsOf(one), name));
  const takesValue = owners.some(({ values = {} }) => Object.hasOwn(values, name));
  const common = Object.values(COMMON).includes(name);
  if (common || (command ? owners.includes(command) : owners.length > 0)) {
    if (!takesValue) return value === undefined ? undefined : `${typed} takes no value`;
    // The next option is none.
    return value === undefined || value === "" || /^-./.test(value) ? `${typed} needs a value` : undefined;
  }
  const variable = VARIABLES.get(name);
  if (variable) return `there is no option ${typed}: set ${variable} in the environment`;
  if (owners.length > 0) {
    return `${typed} belongs to "${owners.map((one) => one.name).join('" and "')}", not to "${command?.name}"`;
  }
  const near = nearestOption(typed, command);
  return `there is no option ${typed}${near === undefined ? "" : `; did you mean ${near}?`}`;
}

function nearestOption(typed: string, command: Command | undefined): string | undefined {
  const letters = [...Object.keys(COMMON), ...Object.keys(SHORT)].map((letter) => `-${letter}`);
  // Every single letter is one edit away from every other: only the wrong case is a hint.
  if (typed.length === 2) return letters.find((one) => one.toLowerCase() === typed.toLowerCase());
  const known = (command ? [command] : COMMANDS).flatMap((one) => Object.keys(optionsOf(one)));
  return nearest(
    typed,
    [...known, ...Object.values(COMMON)].map((one) => `--${one}`),
  );
}
