/** Settings from the environment, including secrets from files. */
import { resolve } from "node:path";
import * as v from "valibot";
import type { PluginDeclaration } from "../plugin/contract.ts";
import { checkRest } from "./check.ts";
import { type Fault, show } from "./fault.ts";
import type { Layer } from "./layers.ts";
import { entryOf, holdsSecret } from "./schema.ts";
import type { Settings } from "./settings.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** Names whose value came from a file, as NAME_FILE. */
export type FromFiles = Set<string>;

/** Drops empty variables: `PORT=` in a Compose file means "not set". */
export function withoutEmpty(env: Env): Record<string, string> {
  const set: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && value.trim() !== "") set[name] = value;
  }
  return set;
}

/**
 * Reads each NAME from the file in NAME_FILE (Docker's secrets) into `env`, for the given names only: `SSL_KEY_FILE`
 * may belong to another program, and `STATE_FILE` is not a secret. Removes NAME_FILE, so that the next reader of the
 * same name neither reads nor reports it again.
 */
export async function readSecretFiles(
  env: Record<string, string>,
  names: Iterable<string>,
  cwd: string,
  readFile: (path: string) => Promise<string>,
  fromFiles: FromFiles,
): Promise<Fault[]> {
  const faults: Fault[] = [];
  for (const name of names) {
    const file = env[`${name}_FILE`];
    if (file === undefined) continue;
    delete env[`${name}_FILE`];
    const path = `env ${name}_FILE`;
    if (env[name] !== undefined) {
      faults.push({ path, found: `${name} set as well`, accepted: `either ${name} or ${name}_FILE` });
      continue;
    }
    try {
      const text = (await readFile(resolve(cwd, file))).replace(/[\r\n]+$/, "");
      if (text.trim() === "") {
        faults.push({
          path,
          found: `${show(file)}, which is empty`,
          accepted: "a file with the value in it",
        });
      } else {
        env[name] = text;
        fromFiles.add(name);
      }
    } catch (error) {
      const found = `${show(file)}: ${fileTrouble(error)}`;
      faults.push({ path, found, accepted: `a readable file with the value of ${name} in it` });
    }
  }
  return faults;
}

/** Why a file could not be read, for people. The text of the error may contain the file's content. */
export function fileTrouble(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  const words: Record<string, string> = {
    ENOENT: "no such file",
    EACCES: "permission denied",
    EPERM: "permission denied",
    EISDIR: "a folder, not a file",
    ENOTDIR: "no such folder",
    EFBIG: "larger than 16 MiB",
    EBUSY: "it changes while it is read: try again",
  };
  return words[String(code)] ?? (typeof code === "string" ? `cannot be read (${code})` : "cannot be read");
}

/** Settings that come from the environment, and the variable of each, which may be NAME_FILE. */
export interface FromEnvironment {
  said: Record<string, unknown>;
  variables: Record<string, string>;
}

/** Variables that are not set, or empty, are left out. */
export function readVariables(
  schema: v.GenericSchema,
  variables: NonNullable<PluginDeclaration<unknown>["env"]>,
  env: Env,
  fromFiles: FromFiles = new Set(),
): FromEnvironment {
  const from: FromEnvironment = { said: {}, variables: {} };
  for (const [key, variable] of Object.entries(variables)) {
    const name = nameOf(variable);
    const text = env[name];
    if (text === undefined || text.trim() === "") continue;
    const items = typeof variable === "string" ? undefined : splitList(text);
    const own = entryOf(schema, key);
    from.said[key] = items ?? (own ? fromText(own, text) : text);
    from.variables[key] = fromFiles.has(name) ? `${name}_FILE` : name;
  }
  return from;
}

export function layerOf({ said, variables }: FromEnvironment): Layer {
  return { said, origin: ([key]) => (key === undefined ? "env" : `env ${variables[key]}`) };
}

/** Like `readVariables`, but leaves out wrong values and reports a fault for the variable of each. */
export function checkVariables<T>(
  schema: v.GenericSchema<unknown, T>,
  variables: NonNullable<PluginDeclaration<unknown>["env"]>,
  env: Env,
  fromFiles: FromFiles,
): { value: T; from: FromEnvironment; faults: Fault[] } {
  const from = readVariables(schema, variables, env, fromFiles);
  const { faults } = checkRest(schema, from.said, []);
  for (const { keys } of faults) delete from.said[String(keys[0])];
  return {
    value: v.parse(schema, from.said),
    from,
    faults: faults.map(({ keys, found, accepted }) => ({
      path: `env ${from.variables[String(keys[0])]}`,
      found,
      accepted,
    })),
  };
}

/** The variables in a table that may come as `NAME_FILE`: secrets. */
export function secretVariables(table: Settings): string[] {
  return Object.values(table).flatMap(({ env, schema }) =>
    env !== undefined && holdsSecret(schema) ? [nameOf(env)] : [],
  );
}

export const nameOf = (variable: string | { list: string }) =>
  typeof variable === "string" ? variable : variable.list;

function splitList(text: string): string[] {
  return text
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
}

/** The value that a file would have: the text, a word in lower case, a number or a flag, depending on the schema. */
export function fromText(schema: v.GenericSchema, text: string): unknown {
  const trimmed = text.trim();
  const lower = trimmed.toLowerCase();
  const readings: unknown[] = holdsSecret(schema) ? [text] : [trimmed, lower];
  if (/^-?\d{1,15}(\.\d+)?$/.test(trimmed)) readings.push(Number(trimmed));
  if (TRUE.has(lower) || FALSE.has(lower)) readings.push(TRUE.has(lower));
  return readings.find((one) => v.is(schema, one)) ?? text;
}

const TRUE = new Set(["true", "1", "yes", "on"]);
const FALSE = new Set(["false", "0", "no", "off"]);
