/** The layers of a service: settings for all services, the templates that it extends, and its own settings. */
import type * as v from "valibot";
import { isRecord, record } from "../core/record.ts";
import { checkRest } from "./check.ts";
import { type Fault, joinPath, show } from "./fault.ts";
import { suggest } from "./nearest.ts";

export type Said = Readonly<Record<string, unknown>>;

/** The keys that lead to a value. */
export type Keys = readonly (string | number)[];

/** Where a value came from, for people: `env PORT`, `template web`, `conf.d/a.yaml`. */
export type Origin = (keys: Keys) => string;

/** What one source says, and where each value of it came from. */
export interface Layer {
  said: Said;
  origin: Origin;
}

/** Several layers as one; only whole settings win, the last one that has it. */
export function stacked(layers: readonly Layer[]): Layer {
  const holds = (key: string | number | undefined) => (layer: Layer) =>
    Object.hasOwn(layer.said, String(key));
  return {
    said: Object.assign({}, ...layers.map(({ said }) => said)),
    origin: (keys) => (layers.findLast(holds(keys[0])) ?? layers.at(-1)!).origin(keys),
  };
}

export const merged = (layers: readonly Layer[]) => mergeLayers(layers.map(({ said }) => said));

/** Of an object of origins, where the object itself came from. */
export const ITSELF = "";

/**
 * Where each value of `merged(layers)` came from, in an object with the same keys. An object stays an object in it, and
 * everything else becomes its origin: so the same merge gives the same places.
 */
export const mergedOrigins = (layers: readonly Layer[]) =>
  mergeLayers(layers.map(({ said, origin }) => originsOf(said, origin, []) as Said));

function originsOf(value: unknown, origin: Origin, keys: Keys): unknown {
  if (value === undefined) return undefined;
  if (isRecord(value)) {
    const entries = Object.entries(value).map(([key, one]) => [key, originsOf(one, origin, [...keys, key])]);
    return { [ITSELF]: origin(keys), ...Object.fromEntries(entries) };
  }
  // Such a list may be made of the lists of several files.
  if (Array.isArray(value) && value.some(isRecord)) return value.map((_, index) => origin([...keys, index]));
  return origin(keys);
}

/**
 * Without a prototype: a plugin may be called `constructor`, which valibot would find in every plain object.
 * Later layers win; objects are merged key by key, everything else is replaced.
 */
export function mergeLayers(layers: readonly Said[]): Record<string, unknown> {
  const merged = record<unknown>({});
  for (const layer of layers) {
    for (const [key, value] of Object.entries(layer)) {
      const before = merged[key];
      merged[key] = isRecord(before) && isRecord(value) ? mergeLayers([before, value]) : value;
    }
  }
  return merged;
}

/** The templates that `extends` names, each after those that it extends itself, so that later ones win. */
export function templateLayers(
  said: unknown,
  path: Keys,
  templates: ReadonlyMap<string, Layer>,
  passed: readonly string[] = [],
): { layers: Layer[]; faults: Fault[] } {
  if (said === undefined || said === null) return { layers: [], faults: [] };
  const names = typeof said === "string" ? [said] : said;
  if (!Array.isArray(names)) {
    const fault = {
      path: joinPath(path),
      found: show(said, true),
      accepted: "the name of a template, or a list of them",
    };
    return { layers: [], faults: [fault] };
  }
  const layers: Layer[] = [];
  const faults: Fault[] = [];
  for (const [index, name] of names.entries()) {
    const at = joinPath(typeof said === "string" ? path : [...path, index]);
    const template = typeof name === "string" ? templates.get(name) : undefined;
    if (template === undefined) {
      const accepted = suggest(String(name), templates.keys(), 'no name: there are no "templates"');
      faults.push({ path: at, found: `unknown template ${show(name)}`, accepted });
    } else if (passed.includes(name)) {
      const way = [...passed.slice(passed.indexOf(name)), name].join(" -> ");
      faults.push({
        path: at,
        found: `a template that extends itself: ${way}`,
        accepted: "templates without a cycle",
      });
    } else {
      const { extends: further, ...own } = template.said;
      const inner = templateLayers(further, ["templates", name, "extends"], templates, [...passed, name]);
      faults.push(...inner.faults);
      layers.push(...inner.layers, { said: own, origin: template.origin });
    }
  }
  return { layers, faults };
}

/**
 * The correct settings of a layer. A wrong setting is reported once, here, and not for each service. A missing one is
 * no fault, because another layer may have it.
 */
function checkLayer(schema: v.GenericSchema, said: unknown, path: Keys): { said: Said; faults: Fault[] } {
  if (said === undefined || said === null) return { said: {}, faults: [] };
  if (!isRecord(said)) {
    const accepted = "an object of the settings that a service may have";
    return { said: {}, faults: [{ path: joinPath(path), found: show(said, true), accepted }] };
  }
  const { extends: names, ...own } = said;
  const { faults } = checkRest(schema, own, path);
  const wrong = faults.filter(({ value }) => value !== undefined);
  const right = record(own);
  for (const { keys } of wrong) delete right[String(keys[0])];
  return {
    said: names === undefined ? right : { ...right, extends: names },
    faults: wrong.map(({ path, found, accepted }) => ({ path, found, accepted })),
  };
}

export interface Shared {
  /** Settings for all services, weaker than a service's own. Later ones win. */
  base: readonly Layer[];
  templates: ReadonlyMap<string, Layer>;
}

/** Reads `defaults` and `templates` of a file. `fromEnv`: what the environment says for all services. */
export function readShared(
  schema: v.GenericSchema,
  { said: { defaults, templates }, origin }: Layer,
  fromEnv: Layer,
): { shared: Shared; faults: Fault[] } {
  const all = checkLayer(schema, defaults, ["defaults"]);
  const faults = [...all.faults];
  if (Object.hasOwn(all.said, "extends")) {
    faults.push({ path: "defaults.extends", found: "templates", accepted: "the settings themselves" });
  }
  const read = new Map<string, Layer>();
  if (templates !== undefined && templates !== null && !isRecord(templates)) {
    faults.push({
      path: "templates",
      found: show(templates, true),
      accepted: "an object of templates by name",
    });
  }
  for (const [name, said] of Object.entries(isRecord(templates) ? templates : {})) {
    const template = checkLayer(schema, said, ["templates", name]);
    read.set(name, { said: template.said, origin: (keys) => origin(["templates", name, ...keys]) });
    faults.push(...template.faults);
  }
  for (const [name, { said }] of read) {
    faults.push(...templateLayers(said.extends, ["templates", name, "extends"], read, [name]).faults);
  }
  const { extends: _, ...own } = all.said;
  const forAll = { said: own, origin: (keys: Keys) => origin(["defaults", ...keys]) };
  return { shared: { base: [fromEnv, forAll], templates: read }, faults: distinct(faults) };
}

/** Without repeats: a cycle of templates is found again from each of them, and from each service that extends one. */
export function distinct(faults: readonly Fault[]): Fault[] {
  return [...new Map(faults.map((fault) => [`${fault.path} ${fault.found}`, fault])).values()];
}
