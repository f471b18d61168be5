/**
 * `${NAME}` in the values of a file is replaced from the environment. This happens after parsing, and never in keys.
 */
import type * as v from "valibot";
import { isSecretName } from "../redaction/names.ts";
import { type Env, fromText } from "./environment.ts";
import { type Fault, joinPath } from "./fault.ts";

export interface Filled {
  content: unknown;
  /** The keys of each value that consists of one variable: its text may mean a number or a flag. */
  whole: (string | number)[][];
  /** The names of the variables in a value, by its path. */
  variables: Map<string, string[]>;
  /** Values of variables whose names say that they are secrets, and texts with such a value in them. */
  secrets: string[];
  faults: Fault[];
}

/** `$$` is a dollar. A dollar before any other character except `{` is kept. */
const PLACE = /\$\$|\$\{([^}]*)\}?/g;
const NAME = /^([A-Za-z_][A-Za-z0-9_]*)(?::([-?])(.*))?$/s;
const ACCEPTED =
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what a person is to write.
  '"${NAME}", "${NAME:-a default}" or "${NAME:?what to do where it is not set}"; "$$" for a dollar';

/**
 * Reads the text of each whole value according to the schema of its setting: "8080" becomes a number where a number
 * is expected. `schemaAt` returns the schema of a value by its keys, or `undefined` if it is unknown.
 */
export function readWhole(
  { content, whole }: Pick<Filled, "content" | "whole">,
  schemaAt: (keys: readonly (string | number)[]) => v.GenericSchema | undefined,
): void {
  for (const keys of whole) {
    const holder = keys.slice(0, -1).reduce<unknown>((value, key) => (value as Said)[key], content) as Said;
    const schema = schemaAt(keys);
    if (schema) holder[keys.at(-1)!] = fromText(schema, String(holder[keys.at(-1)!]));
  }
}

type Said = Record<string | number, unknown>;

/** Replaces the variables in all texts of a file. An unset variable is a fault. */
export function fillVariables(content: unknown, env: Env): Filled {
  const filled: Filled = { content, whole: [], variables: new Map(), secrets: [], faults: [] };

  function text(value: string, keys: (string | number)[]): string {
    if (/^\$\{[^}]*\}$/.test(value)) filled.whole.push(keys);
    const path = joinPath(keys);
    const names: string[] = [];
    const whole = value.replace(PLACE, (place, inside: string | undefined) => {
      if (place === "$$") return "$";
      const [, name, operator, rest = ""] = NAME.exec(inside ?? "") ?? [];
      if (name === undefined || !place.endsWith("}")) {
        filled.faults.push({ path, found: 'a "${" without a variable after it', accepted: ACCEPTED });
        return "";
      }
      const found = env[name];
      if (found !== undefined && found !== "") {
        names.push(name);
        if (isSecretName(name)) filled.secrets.push(found);
        return found;
      }
      if (operator === "-") return rest;
      const advice =
        operator === "?" && rest.trim() !== "" ? rest.trim() : `a value for ${name} in the environment`;
      filled.faults.push({ path, found: `\${${name}}, which is not set`, accepted: advice });
      return "";
    });
    if (names.length > 0) filled.variables.set(path, names);
    if (names.some(isSecretName)) filled.secrets.push(whole);
    return whole;
  }

  function fill(value: unknown, keys: (string | number)[]): unknown {
    if (typeof value === "string") return value.includes("$") ? text(value, keys) : value;
    if (Array.isArray(value)) return value.map((one, index) => fill(one, [...keys, index]));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fill(one, [...keys, key])]));
  }

  filled.content = fill(content, []);
  return filled;
}
