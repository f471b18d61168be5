/** Reads the services of the file, or the built-in ones. */

import { isRecord } from "../core/record.ts";
import { collectSecrets } from "../redaction/secrets.ts";
import type { Declarations, Section } from "./config.ts";
import { type Fault, joinPath, show } from "./fault.ts";
import { distinct, type Layer, merged, readShared, type Shared, templateLayers } from "./layers.ts";
import { markedSecrets } from "./schema.ts";
import { pluginDefaults, readService, type Service } from "./service.ts";
import { ACCEPTED_SERVICE_NAME, SERVICE_NAME, serviceSchemas } from "./service-settings.ts";

interface ServicesResult {
  read: Map<string, Service>;
  names: string[];
  sections: Section[];
  secrets: Set<string>;
  faults: Fault[];
}

/**
 * Reads every service of `file`. `fromEnv` has the settings for all services from the environment. `wanted` is false if
 * the file could not be read. `between` has, by service, settings that are weaker than the file's and stronger than its
 * defaults.
 */
export function readServices(
  file: Layer,
  declarations: Declarations,
  fromEnv: Layer,
  wanted: boolean,
  between: ReadonlyMap<string, Layer> = new Map(),
): ServicesResult {
  const raw = file.said.services;
  const read = new Map<string, Service>();
  const sections: Section[] = [];
  const secrets = new Set<string>();
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    const fault = { path: "services", found: show(raw, true), accepted: "an object of services by name" };
    return { read, names: [], sections, secrets, faults: [fault] };
  }
  const names = Object.keys(raw);
  const faults: Fault[] = [];
  if (names.length === 0 && wanted) {
    const accepted = 'at least one service; leave "services" out for the built-in four';
    faults.push({ path: "services", found: "no services", accepted });
  }
  const schemaOf = serviceSchemas(declarations);
  const silent = pluginDefaults(declarations);
  const { shared, faults: ofShared } = readShared(schemaOf(ANY_CHECK), file, fromEnv);
  faults.push(...ofShared);
  for (const [name, input] of Object.entries(raw)) {
    if (!SERVICE_NAME.test(name)) {
      faults.push({ path: joinPath(["services", name]), found: show(name), accepted: ACCEPTED_SERVICE_NAME });
      continue;
    }
    const { layers, faults: ofTemplates } = layered(name, input, shared, file, between.get(name));
    faults.push(...ofTemplates);
    const said = isRecord(input) ? merged(layers) : input;
    const schema = schemaOf(said);
    markedSecrets(schema, said, secrets);
    const service = readService(name, said, schema, silent, declarations);
    if (service.service) {
      read.set(name, service.service);
      sections.push({ path: ["services", name], schema, layers });
    }
    for (const options of Object.values(service.service?.target.options ?? {})) {
      collectSecrets(options, false, secrets);
    }
    faults.push(...service.faults);
  }
  return { read, names, sections, secrets, faults: distinct(faults) };
}

/** A layer may leave out the URL, so it is read with the schema of a service that needs none. */
const ANY_CHECK = { check: "" };

function layered(
  name: string,
  input: unknown,
  { base, templates }: Shared,
  file: Layer,
  between: Layer | undefined,
): { layers: Layer[]; faults: Fault[] } {
  if (!isRecord(input)) return { layers: [], faults: [] };
  const { extends: names, ...said } = input;
  const { layers, faults } = templateLayers(names, ["services", name, "extends"], templates);
  const own: Layer = { said, origin: (keys) => file.origin(["services", name, ...keys]) };
  return { layers: [...base, ...(between ? [between] : []), ...layers, own], faults };
}
