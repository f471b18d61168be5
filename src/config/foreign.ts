/**
 * Translates the environment of other tools, as plugins declare it, into the weakest layer of what people say. A value
 * keeps the name of its variable as its origin.
 */
import type * as v from "valibot";
import { isRecord, own } from "../core/record.ts";
import type { ForeignTable, ForeignVariable, TranslatedVariable } from "../plugin/foreign.ts";
import { check } from "./check.ts";
import type { Declarations, EnvironmentNotice } from "./config.ts";
import { fromText } from "./environment.ts";
import type { Fault } from "./fault.ts";
import { type Foreign, namesIn } from "./foreign-names.ts";
import type { Keys, Layer, Said } from "./layers.ts";
import { nearest } from "./nearest.ts";
import { FILE_SCHEMA } from "./process-settings.ts";
import { entryOf, schemaAt } from "./schema.ts";
import { anyServiceSchema } from "./service-settings.ts";

/** `section`: what the file says under `plugins`. A plugin that is off, or not the built-in one, translates nothing. */
export async function readForeign(
  declarations: Declarations,
  section: unknown,
  env: Readonly<Record<string, string>>,
): Promise<Foreign> {
  const tree = createTree();
  const notices: EnvironmentNotice[] = [];
  const faults: Fault[] = [];
  for (const [name, { foreign }] of Object.entries(declarations)) {
    const said = isRecord(section) ? own(section, name) : undefined;
    if (foreign === undefined || said === false || (isRecord(said) && Object.hasOwn(said, "from"))) continue;
    const names = namesIn(env, foreign);
    if (names.length === 0) continue;
    const table = await foreign.table();
    const read = readVariables(names, table, declarations, env);
    notices.push(...read.notices);
    faults.push(...read.faults);
    if (read.sign === undefined) continue;
    for (const { settings, by, with: needed } of table.defaults) {
      if (needed && !needed.some((one) => env[one] !== undefined)) continue;
      const origin = by === undefined ? `env ${read.sign}` : `default of ${by}`;
      for (const [path, value] of Object.entries(settings)) {
        if (by === undefined || !isTaken(path, name, section)) tree.put(path, value, origin);
      }
    }
    for (const { path, value, origin } of read.said) tree.put(path, value, origin);
  }
  const { plugins, defaults, ...process } = tree.said;
  return {
    process: { said: process, origin: tree.origin },
    defaults: tree.layer(["defaults"], defaults),
    plugins: (name) => tree.layer(["plugins", name], isRecord(plugins) ? own(plugins, name) : undefined),
    notices,
    faults,
  };
}

/** What another tool does by default says nothing about a plugin that the file has words of its own for. */
function isTaken(path: string, owner: string, section: unknown): boolean {
  const [room, name = ""] = path.split(".");
  return room === "plugins" && name !== owner && isRecord(section) && Object.hasOwn(section, name);
}

interface Translated {
  path: string;
  value: unknown;
  origin: string;
}

function readVariables(
  names: readonly string[],
  { variables, shared }: ForeignTable,
  declarations: Declarations,
  env: Readonly<Record<string, string>>,
) {
  const said: Translated[] = [];
  const notices: EnvironmentNotice[] = [];
  const faults: Fault[] = [];
  const values = new Map<string, unknown>();
  const translated: [string, TranslatedVariable][] = [];
  for (const name of names) {
    const variable: ForeignVariable | undefined = own(variables, name);
    if (variable === undefined) notices.push(unknown(name, Object.keys(variables)));
    else if ("ignored" in variable)
      notices.push({ level: "info", text: `${name} has no effect: ${variable.ignored}` });
    else {
      const schema = variable.takes ?? targetOf(variable.settings[0]!, declarations);
      const value = fromText(schema, env[name]!);
      const checked = check(schema, value, []);
      if (checked.ok) {
        values.set(name, value);
        translated.push([name, variable]);
      } else {
        faults.push(
          ...checked.faults.map(({ found, accepted }) => ({ path: `env ${name}`, found, accepted })),
        );
      }
    }
  }
  // The order of the table, not that of the environment, says which of two variables wins.
  const order = Object.keys(variables);
  translated.sort(([one], [other]) => order.indexOf(one) - order.indexOf(other));
  for (const [name, { settings, means }] of translated) {
    const value = values.get(name);
    const given = means ? means(value as never, (other) => values.get(other)) : { [settings[0]!]: value };
    for (const [path, one] of Object.entries(given)) said.push({ path, value: one, origin: `env ${name}` });
  }
  return { said, notices, faults, sign: names.find((name) => !shared.includes(name)) };
}

function unknown(name: string, known: readonly string[]): EnvironmentNotice {
  const near = nearest(name, known);
  const advice = near === undefined ? `known are ${known.join(", ")}` : `the nearest known one is ${near}`;
  return { level: "warn", text: `${name} has no effect: no variable has this name; ${advice}` };
}

/** The schema of the setting at a path. */
function targetOf(path: string, declarations: Declarations): v.GenericSchema {
  const [room, name = "", ...rest] = path.split(".");
  const schema =
    room === "plugins"
      ? schemaAt(declarations[name]!.options!, rest, {})
      : room === "defaults"
        ? entryOf(anyServiceSchema(declarations), name)
        : entryOf(FILE_SCHEMA, room!);
  if (schema === undefined) throw new Error(`${path} is not a setting`);
  return schema;
}

/** Settings by path as one object, and the origin of each. */
function createTree() {
  const said: Record<string, unknown> = {};
  const origins = new Map<string, string>();
  function origin(keys: Keys): string {
    for (let length = keys.length; length > 0; length--) {
      const found = origins.get(keys.slice(0, length).join("."));
      if (found !== undefined) return found;
    }
    return "env";
  }
  return {
    said,
    origin,
    put(path: string, value: unknown, from: string): void {
      const keys = path.split(".");
      let holder = said;
      for (const key of keys.slice(0, -1)) {
        holder[key] ??= {};
        holder = holder[key] as Record<string, unknown>;
      }
      holder[keys.at(-1)!] = value;
      origins.set(path, from);
    },
    layer: (room: Keys, inside: unknown): Layer => ({
      said: (inside ?? {}) as Said,
      origin: (keys) => origin([...room, ...keys]),
    }),
  };
}
