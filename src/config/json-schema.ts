/**
 * The JSON Schema of a configuration file, for editors and validators, generated from the schemas that read the file.
 */
import { type JsonSchema, toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import type { Declarations } from "./config.ts";
import { PROCESS_SETTINGS } from "./process-settings.ts";
import { ACCEPTED_SERVICE_NAME, neededBy, SERVICE_NAME, SERVICE_SETTINGS } from "./service-settings.ts";
import { fileEntries } from "./settings.ts";

const ANY_OBJECT: JsonSchema = { type: "object" };

/** JSON Schema cannot express everything, such as relations between settings. The watchdog checks those itself. */
export function jsonSchemaOf(declarations: Declarations): JsonSchema {
  const file = toJson(v.strictObject(fileEntries(PROCESS_SETTINGS)));
  const service = toJson(v.strictObject(fileEntries(SERVICE_SETTINGS)));
  const plugins: Record<string, JsonSchema> = {};
  for (const [name, { options, serviceOptions }] of Object.entries(declarations)) {
    const settings = options ? toJson(options) : { ...ANY_OBJECT, additionalProperties: false };
    plugins[name] = { anyOf: [{ type: ["boolean", "null"] }, settings] };
    if (serviceOptions) service.properties![name] = toJson(serviceOptions);
  }
  const names: JsonSchema = { anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] };
  const extended = {
    ...names,
    description: "The template that it extends, or a list of them: later ones win.",
  };
  const layer: JsonSchema = {
    ...service,
    properties: { ...service.properties, extends: extended },
    required: [],
    additionalProperties: ANY_OBJECT,
  };
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "SpreadPilot Watchdog",
    ...file,
    properties: {
      $schema: { type: "string" },
      services: {
        description: "The services that are watched, by name.",
        type: "object",
        propertyNames: { pattern: SERVICE_NAME.source, description: ACCEPTED_SERVICE_NAME },
        additionalProperties: { ...layer, allOf: namedChecks(declarations) },
      },
      include: {
        ...names,
        description: "Further files with services and templates: paths or patterns beside this one.",
      },
      defaults: { ...layer, description: "Settings of all services, unless a service has its own." },
      templates: {
        description: "Settings by name, for services that extend them.",
        type: "object",
        additionalProperties: layer,
      },
      plugins: {
        description: "Checks, restarters and receivers of alerts, by name.",
        type: "object",
        properties: plugins,
        additionalProperties: {
          ...ANY_OBJECT,
          properties: { from: { type: "string", description: "The module of a plugin of your own." } },
          required: ["from"],
        },
      },
      ...file.properties,
    },
    ...defaultCheck(declarations),
    patternProperties: { "^x-": { description: "A place for YAML's anchors; not read." } },
  };
}

/** What the settings must be of a service that names its check. Those of its templates, only the watchdog knows. */
function namedChecks(declarations: Declarations): JsonSchema[] {
  return Object.entries(declarations).flatMap(([name, declaration]) => {
    const then = settingsFor(declaration);
    const namesIt: JsonSchema = { properties: { check: { const: name } }, required: ["check"] };
    return then ? [under(namesIt, then)] : [];
  });
}

/** The same for services that leave the check to the default one, in a file that does not change this default. */
function defaultCheck(declarations: Declarations): JsonSchema {
  const settings = settingsFor(declarations[SERVICE_SETTINGS.check.default] ?? {});
  if (!settings) return {};
  const silent: JsonSchema = { properties: { check: false, extends: false } };
  const service = { ...ANY_OBJECT, ...under(silent, settings) };
  const unchanged: JsonSchema = {
    properties: { defaults: { ...ANY_OBJECT, properties: { check: false } } },
  };
  return under(unchanged, { properties: { services: { ...ANY_OBJECT, additionalProperties: service } } });
}

function under(condition: JsonSchema, then: JsonSchema): JsonSchema {
  return { if: condition, then };
}

function settingsFor(declaration: Declarations[string]): JsonSchema | undefined {
  const needed = Object.entries(neededBy(declaration)).map(([key, schema]) => [key, toJson(schema)]);
  return needed.length === 0 ? undefined : { properties: Object.fromEntries(needed) };
}

/** What is read of a schema here besides its JSON. */
interface Marked {
  /** The alternatives of a `choice`. */
  choices?: v.GenericSchema[];
  default?: unknown;
  wrapped?: v.GenericSchema;
  entries?: Record<string, v.GenericSchema>;
}

const marked = (schema: unknown) => schema as Marked;

function toJson(schema: v.GenericSchema): JsonSchema {
  const {
    $schema: _,
    $defs = {},
    ...json
  } = toJsonSchema(schema, {
    typeMode: "input",
    errorMode: "ignore",
    // The metadata "form" says how a value is shown, to nobody but us.
    overrideAction({ jsonSchema }) {
      const { form: _, ...rest } = jsonSchema as JsonSchema & { form?: unknown };
      return rest;
    },
    overrideSchema({ valibotSchema, jsonSchema }) {
      const { choices, default: byDefault, entries = {} } = marked(valibotSchema);
      if (choices) return { anyOf: choices.map(toJson) };
      // A computed default, such as the host name, is only valid on this machine.
      if (typeof byDefault === "function") delete jsonSchema.default;
      for (const [key, entry] of Object.entries(entries)) describe(jsonSchema.properties?.[key], entry);
      return jsonSchema;
    },
  });
  return inlined(json, $defs);
}

/** A shape of a `choice` that is used twice becomes a definition with references: this puts the shape in their place. */
function inlined(json: JsonSchema, defs: NonNullable<JsonSchema["$defs"]>): JsonSchema {
  return JSON.parse(JSON.stringify(json), (_, value) => {
    const name = /^#\/\$defs\/(.+)$/.exec(value?.$ref ?? "")?.[1];
    return name === undefined ? value : defs[name];
  });
}

/** The schema of the input ends at a transformation: a description that comes after it must be added. */
function describe(json: JsonSchema | boolean | undefined, entry: v.GenericSchema): void {
  const description = v.getDescription(marked(entry).wrapped ?? entry);
  if (typeof json === "object" && description !== undefined) json.description = description;
}
