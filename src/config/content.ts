/** What the file and all that it includes say: one layer, with the variables of the environment filled in. */
import { basename } from "node:path";
import type * as v from "valibot";
import { own } from "../core/record.ts";
import { namedSecrets } from "../redaction/secrets.ts";
import type { Declarations } from "./config.ts";
import { BUILT_IN_SERVICES, BUILT_IN_SOURCE } from "./default-services.ts";
import { type Fault, joinPath } from "./fault.ts";
import type { ConfigFile } from "./file.ts";
import type { Included } from "./include.ts";
import type { Layer, Origin } from "./layers.ts";
import { FILE_SCHEMA } from "./process-settings.ts";
import { schemaAt } from "./schema.ts";
import { serviceSchemas } from "./service-settings.ts";
import { fillVariables, readWhole } from "./variables.ts";

interface Content extends Layer {
  secrets: string[];
  faults: Fault[];
}

/** Without a file, nothing is said. The places for YAML's anchors are left out. */
export function readContent(
  file: ConfigFile | undefined,
  included: Included | undefined,
  env: Readonly<Record<string, string>>,
  plugins: Declarations,
): Content {
  const entries = Object.entries(included?.content ?? {}).filter(([key]) => !key.startsWith("x-"));
  const content = Object.fromEntries(entries);
  if (file === undefined) return { said: content, origin: () => BUILT_IN_SOURCE, secrets: [], faults: [] };
  const places = included?.places ?? new Map();
  if (file.isModule) {
    // It may have put any variable anywhere.
    const origin = originOf(basename(file.path), places, new Map());
    return { said: content, origin, secrets: namedSecrets(env), faults: [] };
  }
  const filled = fillVariables(content, env);
  const service = serviceSchemas(plugins)({ check: "" });
  readWhole(filled, (keys) => {
    const [room, name] = keys;
    const at = (schema: v.GenericSchema | undefined, depth: number) => {
      const value = keys.slice(0, depth).reduce<unknown>((one, key) => (one as Said)[key], filled.content);
      return schema && schemaAt(schema, keys.slice(depth), value);
    };
    if (room === "defaults") return at(service, 1);
    if (room === "services" || room === "templates") return at(service, 2);
    if (room === "plugins") return at(own(plugins, String(name))?.options, 2);
    return at(FILE_SCHEMA, 0);
  });
  const origin = originOf(basename(file.path), places, filled.variables);
  return { ...filled, said: filled.content as Record<string, unknown>, origin };
}

type Said = Record<string | number, unknown>;

/** Names the layer or the file that a value stands in, and the variables that are part of it. */
function originOf(
  file: string,
  places: ReadonlyMap<string, string>,
  variables: ReadonlyMap<string, readonly string[]>,
): Origin {
  return (keys) => {
    const [room, name] = keys;
    const names = variables.get(joinPath(keys)) ?? [];
    const ofRooms: Record<string, string> = { defaults: "defaults", templates: `template ${name}` };
    const place = own(ofRooms, String(room)) ?? places.get(joinPath(keys.slice(0, 2))) ?? file;
    return [place, ...names.map((one) => `\${${one}}`)].join(", ");
  };
}

/** The content with the built-in services if it has none. */
export function withServices({ said, origin }: Layer): Layer {
  if (said.services !== undefined) return { said, origin };
  return {
    said: { ...said, services: BUILT_IN_SERVICES },
    origin: (keys) => (keys[0] === "services" ? BUILT_IN_SOURCE : origin(keys)),
  };
}
