/** The services of the file, or the built-in ones. */
import type { Declarations } from "./config.ts";
import { type Fault, joinPath, show } from "./fault.ts";
import { pluginDefaults, readService, type Service, type ServiceDefaults } from "./service.ts";
import { ACCEPTED_SERVICE_NAME, SERVICE_NAME, serviceSchemas } from "./service-schema.ts";

/** Reads every service; `wanted` is false when nothing is known of them. */
export function readServices(
  raw: unknown,
  declarations: Declarations,
  defaults: ServiceDefaults,
  wanted: boolean,
): { read: Map<string, Service>; names: string[]; faults: Fault[] } {
  const read = new Map<string, Service>();
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    const fault = { path: "services", found: show(raw, true), accepted: "an object of services by name" };
    return { read, names: [], faults: [fault] };
  }
  const names = Object.keys(raw);
  const faults: Fault[] = [];
  if (names.length === 0 && wanted) {
    const accepted = 'at least one service; leave "services" out for the built-in four';
    faults.push({ path: "services", found: "no services", accepted });
  }
  const schemaOf = serviceSchemas(declarations);
  const silent = pluginDefaults(declarations);
  for (const [name, input] of Object.entries(raw)) {
    if (!SERVICE_NAME.test(name)) {
      faults.push({ path: joinPath(["services", name]), found: show(name), accepted: ACCEPTED_SERVICE_NAME });
      continue;
    }
    const service = readService(name, input, schemaOf(input), silent, defaults);
    if (service.service) read.set(name, service.service);
    faults.push(...service.faults);
  }
  return { read, names, faults };
}
