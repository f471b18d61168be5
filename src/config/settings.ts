/** Declares a setting once: its schema, default, variable, help and documentation all come from here. */
import * as v from "valibot";
import type { PluginDeclaration } from "../plugin/contract.ts";
import { help } from "../plugin/settings.ts";

interface Setting<S extends v.GenericSchema = v.GenericSchema> {
  schema: S;
  /** What the setting is for, in one line. */
  help: string;
  /** The value as in a file. */
  default?: v.InferInput<S>;
  /** The environment variable of the setting; `NAME_FILE` works too. */
  env?: string | { list: string };
  /** Only the environment may give it: it is a secret, or needed before the file is read. */
  envOnly?: true;
}

export type Settings = Readonly<Record<string, Setting>>;

type Entry<T extends Setting> = v.OptionalSchema<T["schema"], T extends { default: infer D } ? D : undefined>;
type FileKeys<T extends Settings> = {
  [K in keyof T]: T[K] extends { envOnly: true } ? never : K;
}[keyof T];

/** The entries of the object in a file. */
export function fileEntries<const T extends Settings>(table: T): { [K in FileKeys<T>]: Entry<T[K]> } {
  const entries = Object.entries(table)
    .filter(([, { envOnly }]) => !envOnly)
    .map(([key, setting]) => [key, v.optional(help(setting.help, setting.schema), setting.default)]);
  return Object.fromEntries(entries);
}

/** The entries that the environment may give; no defaults are filled in. */
export function envEntries<const T extends Settings>(
  table: T,
): { [K in keyof T]: v.OptionalSchema<T[K]["schema"], undefined> } {
  const entries = Object.entries(table)
    .filter(([, { env }]) => env !== undefined)
    .map(([key, { schema }]) => [key, v.optional(schema)]);
  return Object.fromEntries(entries);
}

/** The variables of a table, by setting. */
export function variablesOf(table: Settings): NonNullable<PluginDeclaration<unknown>["env"]> {
  return Object.fromEntries(
    Object.entries(table).flatMap(([key, { env }]) => (env === undefined ? [] : [[key, env]])),
  );
}
