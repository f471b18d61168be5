/** Merges the services that were found on the host with those that the configuration lists. */
import { isRecord } from "../core/record.ts";
import type { Discovery, FoundService, ListedService, RefusedContainer } from "../plugin/discovery.ts";
import type { Config } from "./config.ts";
import { joinPath } from "./fault.ts";
import type { Layer } from "./layers.ts";
import type { RelationFault } from "./relations.ts";
import { readServicePart } from "./service-part.ts";

type Here = Extract<Discovery, { ok: true }>;

export interface Merged {
  /** The configuration with what was found. */
  config: Config;
  /** Containers that are not watched, because what they say cannot be used. */
  refused: RefusedContainer[];
  /** Listed services whose container is to be found, and was not. */
  unresolved: { name: string; why: string }[];
  /** Built-in services that are left out, because nothing of them is on this host. */
  leftOut: string[];
}

/** What a discoverer is asked about: the services that the configuration lists. */
export function listedServices(config: Config): ListedService[] {
  return [...config.services.values()].map(({ name, container }) => ({
    name,
    url: config.targets.get(name)!.url,
    container,
  }));
}

/** Listed services whose container nobody named, although their restarter needs one. */
export function unplaced({ services, targets, serviceSource }: Config): string[] {
  const { declarations, isBuiltIn } = serviceSource;
  return [...services.values()].flatMap(({ name, container, action }) => {
    const { restarter } = targets.get(name)!;
    if (isBuiltIn) return [name];
    const heals = action === "restart" || action === "stop";
    return container === "" && heals && declarations[restarter]?.needsContainer ? [name] : [];
  });
}

/**
 * `config` as it was loaded, and what is there now. Key by key, the file's own words about a service are stronger than
 * its labels, and its labels stronger than `defaults`. A found container that is a listed service's is that service.
 * `isOn`: containers that are not listed are watched, too. `canCheck`: whether a check of this name exists.
 */
export async function withFound(
  config: Config,
  here: Here,
  isOn: boolean,
  canCheck: (check: string) => boolean,
): Promise<Merged> {
  const { serviceSource: source } = config;
  const listed = new Map(
    Object.entries(isRecord(source.file.said.services) ? source.file.said.services : {}),
  );
  const merged: Merged = { config, refused: [...here.refused], unresolved: [], leftOut: [] };
  const between = new Map<string, Layer>();
  const owners = new Map<string, string>();
  for (const { name, container } of config.services.values()) {
    if (container !== "" && !source.isBuiltIn) owners.set(container, name);
  }
  for (const [name, place] of placesOf(unplaced(config), here, owners)) {
    if ("container" in place) {
      const { container } = place;
      owners.set(container, name);
      between.set(name, { said: { container }, origin: () => "found by the host of its URL" });
      if (source.isBuiltIn) listed.set(name, { ...(listed.get(name) as object), container });
    } else if (!source.isBuiltIn) merged.unresolved.push({ name, why: place.why });
    else if (isOn && !here.containers[name]?.length) {
      listed.delete(name);
      merged.leftOut.push(name);
    }
  }
  const found = new Map<string, FoundService>();
  for (const one of here.services) found.set(owners.get(one.container) ?? one.name, one);

  for (const [name, one] of found) between.set(name, layerOf(one, between.get(name)));
  for (;;) {
    const services = {
      ...Object.fromEntries([...found.keys()].map((name) => [name, {}])),
      ...Object.fromEntries(listed),
    };
    const { origin, said } = source.file;
    const file: Layer = { said: { ...said, services }, origin };
    const read = await readServicePart({ ...source, file, mayFind: isOn }, true, between);
    const faults = [...read.faults, ...checkFaults(read.config.targets, canCheck)];
    const wrong = [...found].filter(([name]) => faults.some((fault) => isOf(fault, name)));
    if (faults.length === 0 || found.size === 0) {
      merged.config = {
        ...config,
        ...read.config,
        secrets: [...new Set([...config.secrets, ...read.config.secrets])],
        sections: [...config.sections.filter(({ path }) => path[0] !== "services"), ...read.config.sections],
      };
      return merged;
    }
    // A fault that names none of them comes from all of them together.
    for (const [name, one] of wrong.length > 0 ? wrong : [...found]) {
      merged.refused.push({ container: one.container, faults: faultsOf(name, one, faults) });
      found.delete(name);
      between.delete(name);
    }
  }
}

/** The container of each service, or why there is none. No container is that of two services. */
function placesOf(
  names: readonly string[],
  { containers }: Here,
  owners: ReadonlyMap<string, string>,
): [name: string, { container: string } | { why: string }][] {
  const claims = names.flatMap((name) => (containers[name]?.length === 1 ? containers[name] : []));
  return names.map((name) => {
    const candidates = containers[name] ?? [];
    const [container] = candidates;
    if (container === undefined) return [name, { why: "no container has the host of its URL for a name" }];
    if (candidates.length > 1) {
      return [name, { why: `the host of its URL means several containers: ${candidates.join(", ")}` }];
    }
    const isShared = owners.has(container) || claims.filter((one) => one === container).length > 1;
    return [
      name,
      isShared ? { why: `${container} is the container of another service, too` } : { container },
    ];
  });
}

function layerOf({ container, settings, origins }: FoundService, placed: Layer | undefined): Layer {
  return {
    said: { ...placed?.said, ...settings, container },
    origin: (keys) => {
      const key = keys.join(".");
      const by = origins[key] ?? origins[String(keys[0])];
      return by === undefined ? `container ${container}` : `container ${container}, ${by}`;
    },
  };
}

const isOf = ({ path, between }: RelationFault, name: string) => {
  if (between) return between.includes(name);
  const own = joinPath(["services", name]);
  return path === own || path.startsWith(`${own}.`) || path.startsWith(`${own}[`);
};

function faultsOf(name: string, { origins }: FoundService, faults: readonly RelationFault[]) {
  const own = faults.filter((fault) => isOf(fault, name));
  return (own.length > 0 ? own : faults).map(({ path, found, accepted, between }) => {
    if (between) return { label: origins.dependsOn ?? path, found, accepted };
    const key = path.slice(joinPath(["services", name]).length).replace(/^\./, "");
    return { label: origins[key] ?? origins[key.split(/[.[]/)[0]!] ?? path, found, accepted };
  });
}

function checkFaults(targets: Config["targets"], canCheck: (check: string) => boolean): RelationFault[] {
  return [...targets].flatMap(([name, { check }]) => {
    if (canCheck(check)) return [];
    const path = joinPath(["services", name, "check"]);
    return [{ path, found: JSON.stringify(check), accepted: "a check that a plugin provides" }];
  });
}
