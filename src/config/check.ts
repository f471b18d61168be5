/** Validates a value with a valibot schema and reports every fault in our own words, without secrets. */
import * as v from "valibot";
import { isRecord, own, record } from "../core/record.ts";
import { isSecretName } from "../redaction/names.ts";
import { type Fault, joinPath, show, showUnknownKey } from "./fault.ts";
import { suggest } from "./nearest.ts";
import { type AnySchema, childOf, isSecretSchema, schemasAlong, unwrap } from "./schema.ts";

export type Checked<T> = { ok: true; value: T } | { ok: false; faults: LocatedFault[] };

/** A fault, and the keys that lead to it from the validated value. */
export interface LocatedFault extends Fault {
  keys: readonly (string | number)[];
  value: unknown;
}

/** valibot silently drops these names from a record. */
const NEVER_READ = new Set(["__proto__", "constructor", "prototype"]);

/** Finds unknown keys at every depth. valibot's `strictObject` stops at the first one, and `object` ignores them. */
function unknownKeys(schema: AnySchema, input: unknown, keys: (string | number)[]): LocatedFault[] {
  const inner = unwrap(schema, input);
  if (Array.isArray(input)) {
    return input.flatMap((one, i) => (inner.item ? unknownKeys(inner.item, one, [...keys, i]) : []));
  }
  if (!isRecord(input)) return [];
  const closed = inner.type === "object" || inner.type === "strict_object";
  return Object.entries(input).flatMap(([key, value]) => {
    const child = childOf(inner, key);
    if (inner.type === "record" && NEVER_READ.has(key)) {
      return [
        { path: "", keys: [...keys, key], value, found: `the name "${key}"`, accepted: "another name" },
      ];
    }
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

/** A schema's own message says what is accepted. valibot's default messages are reworded. */
function acceptedBy(issue: v.BaseIssue<unknown>): string {
  if (!issue.message.startsWith("Invalid ")) return issue.message;
  const expected = issue.expected ?? `a valid ${issue.type.replaceAll("_", " ")}`;
  const choices = expected.replace(/^\(|\)$/g, "").split(" | ");
  if (choices.length > 1) return `one of ${choices.map((one) => own(WORDS, one) ?? one).join(", ")}`;
  return (own(WORDS, expected) ?? expected).replace(/^>=/, "at least ").replace(/^<=/, "at most ");
}

/** The keys and the value of an issue in the input. A schema may turn one value into a list of one. */
function locate(issue: v.BaseIssue<unknown>, input: unknown): { keys: (string | number)[]; value: unknown } {
  const keys: (string | number)[] = [];
  let value = input;
  for (const { key } of issue.path ?? []) {
    if (typeof value !== "object" || value === null) break;
    keys.push(typeof key === "number" ? key : String(key));
    value = (value as Record<string | number, unknown>)[keys.at(-1)!];
  }
  return { keys, value };
}

function faultOf(issue: v.BaseIssue<unknown>, schema: AnySchema, input: unknown): LocatedFault {
  const { keys, value } = locate(issue, input);
  const along = schemasAlong(schema, keys, input);
  const aboutKey = issue.path?.at(-1)?.origin === "key";
  if (aboutKey && issue.expected === "never") {
    // Inside a union or behind a transformation, where `unknownKeys` does not look.
    const found = showUnknownKey(String(keys.at(-1)));
    return { path: "", keys, value: undefined, found, accepted: "a known key" };
  }
  let accepted = acceptedBy(issue);
  if (aboutKey && issue.received === "undefined" && along.length === keys.length + 1) {
    // valibot reports a missing key for its parent: ask the key's own schema what it accepts.
    const own = v.safeParse(along.at(-1) as unknown as v.GenericSchema, undefined).issues?.[0];
    if (own) accepted = acceptedBy(own);
  }
  const secret =
    along.some((one) => isSecretSchema(one, value)) ||
    keys.some((key) => typeof key === "string" && isSecretName(key));
  return { path: "", keys, value, found: show(value, secret), accepted };
}

/**
 * Parses `input`. On failure, returns every fault, including unknown keys at any depth. `prefix` is put before each
 * path. `hideUrls` is for settings whose URLs are secrets themselves (the webhook URL of a chat is its password).
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
 * Like `check`, but on failure it also returns the correct settings, so that later checks can find their faults in
 * the same run. `restSchema` gives what reads these: a schema that requires nothing.
 */
export function checkRest<T>(
  schema: v.GenericSchema<unknown, T>,
  input: unknown,
  prefix: readonly (string | number)[],
  restSchema = () => schema,
): { value?: T; faults: LocatedFault[] } {
  const checked = check(schema, input, prefix);
  if (checked.ok) return { value: checked.value, faults: [] };
  const { faults } = checked;
  if (!isRecord(input)) return { faults };
  const wrong = new Set(faults.map(({ keys }) => keys[0]));
  const rest = record(input);
  for (const key of Object.keys(input)) if (wrong.has(key)) delete rest[key];
  const again = check(restSchema(), rest, prefix);
  return again.ok ? { value: again.value, faults } : { faults };
}

function mayHoldUrl({ keys, value }: LocatedFault): boolean {
  return (
    keys.some((key) => /url|uri|hook|endpoint|address/i.test(String(key))) || String(value).includes("://")
  );
}
