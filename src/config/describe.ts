/**
 * The configuration as a person would write it in one file: everything filled in, secrets hidden, and where each value
 * came from.
 */
import * as v from "valibot";
import { isRecord, own } from "../core/record.ts";
import { type Form, parseDurationMs, showDuration } from "../plugin/settings.ts";
import { isPublicName, isSecretName } from "../redaction/names.ts";
import { hiding } from "../redaction/redactor.ts";
import { announcesSecret, HIDDEN, hideByForm } from "../redaction/settings.ts";
import type { Config, Section } from "./config.ts";
import { show } from "./fault.ts";
import { ITSELF, mergedOrigins, mergeLayers, type Said } from "./layers.ts";
import { type AnySchema, childOf, entryOf, isSecretSchema, layersOf, unwrap } from "./schema.ts";
import { impliedSettings } from "./service.ts";

export interface Described {
  value: Record<string, unknown>;
  /** The same keys; each value is a text that says where it came from, or for a list of objects one text for each. */
  origins: Record<string, unknown>;
}

/** Nobody said it: it comes from the tables of the settings, or was derived from other settings. */
const DEFAULT = "default";

export function describe(config: Config): Described {
  const described: Described = { value: {}, origins: {} };
  const hide = hider(config.secrets);
  for (const section of config.sections) {
    const said = mergeLayers([impliedOf(section, config), ...section.layers.map((layer) => layer.said)]);
    const value = { ...(shown(section.schema as unknown as AnySchema, said, "said", hide) as Said) };
    addChecksAndRestarters(value, section, hide);
    if (section.path[0]?.startsWith("x-") && Object.keys(value).length === 0) continue;
    place(described.value, section.path, value);
    place(described.origins, section.path, named(value, mergedOrigins(section.layers)));
  }
  return described;
}

function place(whole: Record<string, unknown>, path: readonly string[], section: unknown): void {
  const [key, ...rest] = path;
  if (key === undefined) {
    Object.assign(whole, section);
  } else if (rest.length === 0 && !isRecord(whole[key])) {
    whole[key] = section;
  } else {
    whole[key] ??= {};
    place(whole[key] as Record<string, unknown>, rest, section);
  }
}

/** What the runner makes of settings that nobody gave and whose default depends on others. */
function impliedOf({ path: [room, name] }: Section, config: Config): Said {
  if (room === undefined) {
    const { stateFile, tickBudgetMs } = config;
    return { stateFile, dryRun: false, tickBudget: showDuration(tickBudgetMs) };
  }
  if (room !== "services") return {};
  return impliedSettings(config.services.get(name!)!);
}

/** A service that says nothing to its check and its restarter has their defaults. */
function addChecksAndRestarters(value: Record<string, unknown>, { path, schema }: Section, hide: Hide): void {
  if (path[0] !== "services") return;
  for (const plugin of [String(value.check), String(value.restarter)]) {
    const options = Object.hasOwn(value, plugin) ? undefined : entryOf(schema, plugin);
    const defaults = options && shown(options as unknown as AnySchema, {}, "default", hide);
    if (isRecord(defaults) && Object.keys(defaults).length > 0) value[plugin] = defaults;
  }
}

/** Returns a text as it may be shown. */
type Hide = (text: string, form: Form | undefined) => string;

function hider(secrets: readonly string[]): Hide {
  const known = new Set(secrets);
  const hideKnown = hiding(known, HIDDEN);
  return (text, form) =>
    known.has(text) && text !== "" ? HIDDEN : hideKnown(hideByForm(text, form === "address"));
}

/** `default`: nobody said it, so nothing in it is a secret. */
type Kind = "said" | "secret" | "default";

/** A value with the defaults of its schema, each in the one form that is shown. */
function shown(schema: AnySchema | undefined, input: unknown, kind: Kind, hide: Hide): unknown {
  const around = schema ? layersOf(schema, input) : [];
  if (input === undefined) {
    const byDefault = around.map((one) => v.getDefault(one as never)).find((one) => one !== undefined);
    return byDefault === undefined ? undefined : shown(schema, byDefault, "default", hide);
  }
  const isSecret = kind === "said" && schema !== undefined && isSecretSchema(schema, input);
  const itsKind = isSecret ? "secret" : kind;
  const form = around.map(formOf).find(Boolean);
  const value = form === "list" ? [input].flat() : input;
  const inner = schema && unwrap(schema, value);
  if (Array.isArray(value)) {
    return value.map((one, index) => {
      const isNext = itsKind === "said" && announcesSecret(value[index - 1]);
      return shown(inner && childOf(inner, index), one, isNext ? "secret" : itsKind, hide) ?? null;
    });
  }
  if (isRecord(value)) return shownRecord(inner, value, itsKind, hide);
  return shownLeaf(value, form, itsKind, hide);
}

function formOf(schema: AnySchema): Form | undefined {
  return (v.getMetadata(schema as unknown as v.GenericSchema) as { form?: Form }).form;
}

function shownRecord(inner: AnySchema | undefined, value: Said, kind: Kind, hide: Hide): Said {
  const keys = new Set([...Object.keys(inner?.entries ?? {}), ...Object.keys(value)]);
  const entries = [...keys].map((key) => {
    const isOpen = kind === "default" || (kind === "said" && !isSecretName(key));
    const itsKind = isOpen ? kind : "secret";
    const child = inner && childOf(inner, key);
    const one = own(value, key);
    return isPublicName(key) && one !== undefined
      ? [key, shown(undefined, one, "said", hide)]
      : [key, shown(child, one, itsKind, hide)];
  });
  const present = entries.filter(([, one]) => one !== undefined);
  // An address in the place of a key may be a secret in the wrong place.
  return Object.fromEntries(present.map(([key, one]) => [hideByForm(String(key), false), one]));
}

function shownLeaf(value: unknown, form: Form | undefined, kind: Kind, hide: Hide): unknown {
  if (value === null || typeof value === "boolean") return value;
  if (kind === "secret") return HIDDEN;
  if (form === "duration") return showDuration(parseDurationMs(value) ?? 0);
  if (kind === "default") return value;
  if (typeof value === "string") return hide(value, form);
  if (typeof value !== "number") return show(value);
  return hide(String(value), form) === HIDDEN ? HIDDEN : value;
}

/** The origins of what is shown, in the same places. */
function named(value: unknown, origins: unknown): unknown {
  if (isRecord(value) && Object.keys(value).length > 0) {
    const entries = Object.entries(value).map(([key, one]) => [
      key,
      named(one, isRecord(origins) ? own(origins, key) : undefined),
    ]);
    return Object.fromEntries(entries);
  }
  return (isRecord(origins) ? origins[ITSELF] : origins) ?? DEFAULT;
}
