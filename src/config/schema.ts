/** Looks into valibot's schemas: which schema reads which part of a value, and which parts are secrets. */
import * as v from "valibot";
import { isPublicName } from "../redaction/names.ts";
import { collectSecrets } from "../redaction/secrets.ts";

/** The parts of valibot's schemas that are read here: how one schema holds another. */
export interface AnySchema {
  kind: string;
  type: string;
  pipe?: AnySchema[];
  entries?: Record<string, AnySchema>;
  wrapped?: AnySchema;
  item?: AnySchema;
  value?: AnySchema;
  options?: AnySchema[];
  getter?: (input: unknown) => AnySchema;
  default?: unknown;
}

/** One layer off: what `optional`, `nullish` and `lazy` hold, or the list or object that a pipe ends up with. */
function peel(schema: AnySchema, input: unknown): AnySchema | undefined {
  if (schema.wrapped) return schema.wrapped;
  if (schema.type === "lazy") return schema.getter?.(input);
  if (schema.entries || schema.item) return undefined;
  return schema.pipe?.slice(1).find((one) => one.kind === "schema" && (one.entries || one.item));
}

/** The schema proper, and all the layers around it. */
export function layersOf(schema: AnySchema, input: unknown): AnySchema[] {
  const all = [schema];
  for (let depth = 0; depth < 10; depth++) {
    const inner = peel(all.at(-1)!, input);
    if (!inner) break;
    all.push(inner);
  }
  return all;
}

export function unwrap(schema: AnySchema, input: unknown): AnySchema {
  return layersOf(schema, input).at(-1)!;
}

export function childOf(schema: AnySchema, key: string | number): AnySchema | undefined {
  if (schema.entries) return Object.hasOwn(schema.entries, key) ? schema.entries[key] : undefined;
  if (schema.item) return schema.item;
  if (schema.type === "record") return schema.value;
  return undefined;
}

/** Whether what a setting holds is never shown. */
export function holdsSecret(schema: v.GenericSchema): boolean {
  return isSecretSchema(schema as unknown as AnySchema, undefined);
}

/** Adds to `found` each text of a value that its schema marks as a secret. */
export function markedSecrets(schema: v.GenericSchema, input: unknown, found: Set<string>): void {
  addMarked(schema as unknown as AnySchema, input, found);
}

function addMarked(schema: AnySchema, input: unknown, found: Set<string>): void {
  if (isSecretSchema(schema, input)) collectSecrets(input, true, found);
  else if (typeof input === "object" && input !== null) {
    const inner = unwrap(schema, input);
    for (const [key, value] of Object.entries(input)) {
      const child = isPublicName(key) ? undefined : childOf(inner, Array.isArray(input) ? Number(key) : key);
      if (child) addMarked(child, value, found);
    }
  }
}

/** The schema of what `keys` lead to, as far as the schemas know it. */
export function schemaAt(
  schema: v.GenericSchema,
  keys: readonly (string | number)[],
  input: unknown,
): v.GenericSchema | undefined {
  const along = schemasAlong(schema as unknown as AnySchema, keys, input);
  return along.length > keys.length ? (along.at(-1) as unknown as v.GenericSchema) : undefined;
}

/** The schema of one setting of an object, whatever is piped behind the object. */
export function entryOf(schema: v.GenericSchema, key: string): v.GenericSchema | undefined {
  const any = schema as unknown as AnySchema;
  return childOf(unwrap(any, {}), key) as unknown as v.GenericSchema | undefined;
}

export function isSecretSchema(schema: AnySchema, input: unknown): boolean {
  const around = layersOf(schema, input);
  if (around.some((one) => v.getMetadata(one as unknown as v.GenericSchema).secret === true)) return true;
  const inner = around.at(-1)!;
  const choices = Array.isArray(inner.options) ? inner.options.filter((one) => typeof one === "object") : [];
  return [...choices, ...(inner.item ? [inner.item] : [])].some((one) => isSecretSchema(one, input));
}

/** The schemas that a path passes through, outermost first. */
export function schemasAlong(
  schema: AnySchema,
  keys: readonly (string | number)[],
  input: unknown,
): AnySchema[] {
  const passed = [schema];
  let value = input;
  for (const key of keys) {
    const next = childOf(unwrap(passed.at(-1)!, value), key);
    if (!next) break;
    passed.push(next);
    value = (value as Record<string | number, unknown>)?.[key];
  }
  return passed;
}
