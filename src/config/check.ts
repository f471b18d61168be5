/** Checks a value against a valibot schema and says every fault in our own words, secrets hidden. */
import * as v from "valibot";
import { type Fault, isSecretName, joinPath, show, showUnknownKey } from "./fault.ts";
import { suggest } from "./nearest.ts";

export type Checked<T> = { ok: true; value: T } | { ok: false; faults: LocatedFault[] };

/** A fault, and the keys that led to it from the value that was checked. */
export interface LocatedFault extends Fault {
  keys: readonly (string | number)[];
  value: unknown;
}

/** What is read of valibot's schemas here: the few kinds that hold others. */
interface AnySchema {
  kind: string;
  type: string;
  pipe?: AnySchema[];
  entries?: Record<string, AnySchema>;
  wrapped?: AnySchema;
  item?: AnySchema;
  value?: AnySchema;
  options?: AnySchema[];
  getter?: (input: unknown) => AnySchema;
}

/** One layer off: what `optional`, `nullish` and `lazy` hold, or the list or object that a pipe ends up with. */
function peel(schema: AnySchema, input: unknown): AnySchema | undefined {
  if (schema.wrapped) return schema.wrapped;
  if (schema.type === "lazy") return schema.getter?.(input);
  if (schema.entries || schema.item) return undefined;
  return schema.pipe?.slice(1).find((one) => one.kind === "schema" && (one.entries || one.item));
}

/** The schema proper, and all the layers around it. */
function layers(schema: AnySchema, input: unknown): AnySchema[] {
  const all = [schema];
  for (let depth = 0; depth < 10; depth++) {
    const inner = peel(all.at(-1)!, input);
    if (!inner) break;
    all.push(inner);
  }
  return all;
}

function unwrap(schema: AnySchema, input: unknown): AnySchema {
  return layers(schema, input).at(-1)!;
}

function childOf(schema: AnySchema, key: string | number): AnySchema | undefined {
  if (schema.entries) return Object.hasOwn(schema.entries, key) ? schema.entries[key] : undefined;
  if (schema.item) return schema.item;
  if (schema.type === "record") return schema.value;
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSecretSchema(schema: AnySchema, input: unknown): boolean {
  const around = layers(schema, input);
  if (around.some((one) => v.getMetadata(one as unknown as v.GenericSchema).secret === true)) return true;
  const inner = around.at(-1)!;
  const choices = Array.isArray(inner.options) ? inner.options.filter((one) => typeof one === "object") : [];
  return [...choices, ...(inner.item ? [inner.item] : [])].some((one) => isSecretSchema(one, input));
}

/** Every unknown key at every depth. valibot's `strictObject` stops at the first, and `object` sees none. */
function unknownKeys(schema: AnySchema, input: unknown, keys: (string | number)[]): LocatedFault[] {
  const inner = unwrap(schema, input);
  if (Array.isArray(input)) {
    return input.flatMap((one, i) => (inner.item ? unknownKeys(inner.item, one, [...keys, i]) : []));
  }
  if (!isObject(input)) return [];
  const closed = inner.type === "object" || inner.type === "strict_object";
  return Object.entries(input).flatMap(([key, value]) => {
    const child = childOf(inner, key);
    if (child) return unknownKeys(child, value, [...keys, key]);
    if (!closed) return [];
    const accepted = suggest(key, Object.keys(inner.entries!));
    return [{ path: "", keys: [...keys, key], value, found: showUnknownKey(key), accepted }];
  });
}

const WORDS: Record<string, string> = {
  string: "a text",
  number: "a number",
  boolean: "true or false",
  Object: "an object",
  Array: "a list",
  Record: "an object",
  undefined: "nothing",
};

/** A schema's own message says what is accepted; valibot's defaults are put into words. */
function acceptedBy(issue: v.BaseIssue<unknown>): string {
  if (!issue.message.startsWith("Invalid ")) return issue.message;
  const expected = issue.expected ?? `a valid ${issue.type.replaceAll("_", " ")}`;
  const choices = expected.replace(/^\(|\)$/g, "").split(" | ");
  if (choices.length > 1) return `one of ${choices.map((one) => WORDS[one] ?? one).join(", ")}`;
  return (WORDS[expected] ?? expected).replace(/^>=/, "at least ").replace(/^<=/, "at most ");
}

/** The schemas that a path passes through, outermost first. */
function schemasAlong(schema: AnySchema, keys: readonly (string | number)[], input: unknown): AnySchema[] {
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

/** The keys of an issue as far as the input has them: a schema may turn one value into a list of one. */
function keysOf(issue: v.BaseIssue<unknown>, input: unknown): (string | number)[] {
  const keys: (string | number)[] = [];
  let value = input;
  for (const { key } of issue.path ?? []) {
    if (typeof value !== "object" || value === null) break;
    keys.push(typeof key === "number" ? key : String(key));
    value = (value as Record<string | number, unknown>)[keys.at(-1)!];
  }
  return keys;
}

function faultOf(issue: v.BaseIssue<unknown>, schema: AnySchema, input: unknown): LocatedFault {
  const keys = keysOf(issue, input);
  const along = schemasAlong(schema, keys, input);
  const aboutKey = issue.path?.at(-1)?.origin === "key";
  if (aboutKey && issue.expected === "never") {
    // In a union or behind a transformation, where `unknownKeys` does not look.
    const found = showUnknownKey(String(keys.at(-1)));
    return { path: "", keys, value: undefined, found, accepted: "a known key" };
  }
  let accepted = acceptedBy(issue);
  if (aboutKey && issue.received === "undefined" && along.length === keys.length + 1) {
    // The issue of a missing key is its parent's, and does not say what the key's own schema accepts.
    const own = v.safeParse(along.at(-1) as unknown as v.GenericSchema, undefined).issues?.[0];
    if (own) accepted = acceptedBy(own);
  }
  const secret =
    along.some((one) => isSecretSchema(one, issue.input)) ||
    keys.some((key) => typeof key === "string" && isSecretName(key));
  return { path: "", keys, value: issue.input, found: show(issue.input, secret), accepted };
}

/**
 * Parses `input`; on failure every fault, unknown keys at any depth included. `prefix` leads each path.
 * `hideUrls` is for settings whose URLs are secrets themselves (a chat's webhook URL is its password).
 */
export function check<T>(
  schema: v.GenericSchema<unknown, T>,
  input: unknown,
  prefix: readonly (string | number)[],
  { hideUrls = false } = {},
): Checked<T> {
  const any = schema as unknown as AnySchema;
  const faults = unknownKeys(any, input, []);
  const told = new Set(faults.map(({ keys }) => joinPath(keys)));
  const result = v.safeParse(schema, input, { abortPipeEarly: true });
  for (const issue of result.issues ?? []) {
    const fault = faultOf(issue, any, input);
    if (hideUrls && typeof fault.value === "string" && mayHoldUrl(fault))
      fault.found = show(fault.value, true);
    if (!told.has(joinPath(fault.keys))) faults.push(fault);
  }
  if (faults.length === 0 && result.success) return { ok: true, value: result.output };
  return {
    ok: false,
    faults: faults.map((fault) => ({ ...fault, path: joinPath([...prefix, ...fault.keys]) })),
  };
}

/**
 * Like `check`; on failure also the value of the settings that are right, so that what they say is judged in
 * the same run. `instead` stands in for those that cannot be left out.
 */
export function checkRest<T>(
  schema: v.GenericSchema<unknown, T>,
  input: unknown,
  prefix: readonly (string | number)[],
  instead: Record<string, unknown> = {},
): { value?: T; faults: LocatedFault[] } {
  const checked = check(schema, input, prefix);
  if (checked.ok) return { value: checked.value, faults: [] };
  const { faults } = checked;
  if (!isObject(input)) return { faults };
  const wrong = new Set(faults.map(({ keys }) => keys[0]));
  const rest = Object.fromEntries(Object.entries(input).filter(([key]) => !wrong.has(key)));
  for (const [key, value] of Object.entries(instead)) if (wrong.has(key)) rest[key] = value;
  const again = check(schema, rest, prefix);
  return again.ok ? { value: again.value, faults } : { faults };
}

function mayHoldUrl({ keys, value }: LocatedFault): boolean {
  return (
    keys.some((key) => /url|uri|hook|endpoint|address/i.test(String(key))) || String(value).includes("://")
  );
}
