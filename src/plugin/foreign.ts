/** The environment of other tools: a plugin that declares it lets the watchdog take their place. */
import type { GenericSchema } from "valibot";

/** Settings by their path: `startDelay`, `defaults.interval`, `plugins.docker.label`. Values as a file has them. */
export type ByPath = Readonly<Record<string, unknown>>;

/** What another variable of the table says, or `undefined` if it is not set. */
export type Other = (name: string) => unknown;

export interface TranslatedVariable {
  /** The paths of the settings that it gives; the first one's schema reads its text, unless `takes` does. */
  settings: readonly string[];
  takes?: GenericSchema;
  /** Absent: the first setting gets what was said. */
  means?(said: never, other: Other): ByPath;
}

export type ForeignVariable =
  | TranslatedVariable
  /** It is known and has no effect. Why, in words that follow its name: "has no effect: <why>". */
  | { ignored: string };

/** What those tools do where nothing is said. */
export interface ForeignDefault {
  settings: ByPath;
  /** The variable that would say otherwise; absent where it is the environment as a whole that says it. */
  by?: string;
  /** Only if one of these is set. */
  with?: readonly string[];
}

export interface ForeignEnvironment {
  /** Every variable that begins like this is one of these tools'. */
  prefix: string;
  /** The others of the table. */
  names: readonly string[];
  /** Imported late: most environments have none of these variables. */
  table(): Promise<ForeignTable>;
}

export interface ForeignTable {
  variables: Readonly<Record<string, ForeignVariable>>;
  /** Variables of the table that other programs have, too. One alone does not say that this is such an environment. */
  shared: readonly string[];
  defaults: readonly ForeignDefault[];
}
