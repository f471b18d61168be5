/** What a command is, and the exit statuses that all commands share. */

/** 2 keeps a wrong command line or configuration apart from a failed run; 75 is EX_TEMPFAIL of sysexits: try again. */
export const EXIT = { ok: 0, failed: 1, usage: 2, locked: 75 } as const;

interface Arguments {
  /** The words after the command's name. */
  rest: readonly string[];
  json: boolean;
  origins: boolean;
  force: boolean;
  /** Options with a value, by name. */
  values: Readonly<Record<string, string>>;
}

export interface Command {
  /** One word or two, as they are typed. */
  name: string;
  /** The words that may follow the name, in this order. */
  takes: readonly string[];
  /** Options besides `--help`, with what each does. */
  options: Readonly<Record<string, string>>;
  /** Options that take a value: what it is called in the help, and what it does. */
  values?: Readonly<Record<string, { value: string; what: string }>>;
  /** One line for the list of all commands. */
  summary: string;
  /** Paragraphs for the command's own page. */
  details: readonly string[];
  /** What 0, 1 and 75 mean for this command; 2 means the same for all. */
  exits: Readonly<Record<number, string>>;
  /** Resolves to the exit status. */
  run(args: Arguments): Promise<number>;
}
