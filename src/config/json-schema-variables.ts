/**
 * A file may have a variable of the environment, `${NAME}`, wherever a value stands. In the schema of the file, a text
 * with one is right in place of a number, a flag or a word of a list: what comes of it, only the watchdog knows.
 */
import type { JsonSchema } from "@valibot/to-json-schema";

const NAMED = "\\$\\{[A-Za-z_]\\w*(:[-?][^}]*)?\\}";
/** Of a number or a flag: the variable is the whole value. */
const VARIABLE: JsonSchema = { type: "string", pattern: `^${NAMED}$` };
const IS_VARIABLE: JsonSchema = { $ref: "#/$defs/variable" };

// biome-ignore lint/suspicious/noTemplateCurlyInString: what a person writes.
const SOME = "${NAME}";

type Json = JsonSchema & Record<string, unknown>;
type Part = JsonSchema | boolean;

export function withVariables(schema: JsonSchema): JsonSchema {
  return { ...(inside(schema) as JsonSchema), $defs: { variable: VARIABLE } };
}

function inside(part: Part): Part {
  if (typeof part === "boolean") return part;
  const schema = part as Json;
  if (isScalar(schema)) {
    const { description, default: byDefault, ...value } = schema;
    const kept = { ...(description && { description }), ...("default" in schema && { default: byDefault }) };
    return { ...kept, anyOf: [value, IS_VARIABLE] } as JsonSchema;
  }
  if (schema.type === "string" && schema.pattern !== undefined && !new RegExp(schema.pattern).test(SOME)) {
    // A part of a text may be one, too.
    return { ...schema, pattern: `${schema.pattern}|${NAMED}` };
  }
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, held(key, value)]));
}

const PARTS = new Set(["then", "items", "additionalProperties"]);
const BY_NAME = new Set(["properties", "patternProperties"]);

function held(key: string, value: unknown): unknown {
  if (key === "anyOf") return choices(value as Part[]);
  if (key === "allOf") return (value as Part[]).map(inside);
  if (PARTS.has(key)) return inside(value as Part);
  if (!BY_NAME.has(key)) return value;
  return Object.fromEntries(
    Object.entries(value as Record<string, Part>).map(([name, one]) => [name, inside(one)]),
  );
}

/** One variable for all of them; none, where one of them is any text. */
function choices(parts: readonly Part[]): Part[] {
  const wholes = parts.filter((one) => typeof one === "object" && isScalar(one as Json));
  const others = parts.map((one) => (wholes.includes(one) ? one : inside(one)));
  const isText = parts.some((one) => typeof one === "object" && one.type === "string" && !("enum" in one));
  return wholes.length > 0 && !isText ? [...others, IS_VARIABLE] : others;
}

/** A number, a flag, or one of several words. */
function isScalar({ type, enum: words, const: word }: Json): boolean {
  const isPlain = type === "number" || type === "integer" || type === "boolean";
  return isPlain || words !== undefined || typeof word === "string";
}
