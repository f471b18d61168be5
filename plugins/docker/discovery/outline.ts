/** The containers of this engine, as a configuration file could have them. Pure. */
import type { Outline } from "../../../src/plugin.ts";
import type { Inspected } from "../facts.ts";
import { identityOf } from "./identity.ts";

/** In these states it was never started, or is on its way out. */
const NOT_THERE = new Set(["created", "removing", "dead"]);

/**
 * `ownId`: the watchdog's own container; empty if this engine has none. On the host and on its network, names do not
 * resolve, and published ports answer.
 */
export function outlinesOf(containers: readonly Inspected[], ownId: string): Outline[] {
  const own = containers.find(({ facts }) => facts.id === ownId);
  const isInContainer = own !== undefined && own.networkMode !== "host";
  return containers.map((container) => {
    const { name, facts, labels, healthTest } = container;
    const host = isInContainer ? hostOf(container, containers) : undefined;
    const leftOut = whyNot(container, ownId);
    return {
      name: identityOf(container, undefined).value,
      container: name,
      likelyContainer: name,
      ports: isInContainer ? exposed(container, host) : published(container),
      ...(host === undefined ? {} : { host }),
      ...(healthTest === undefined ? {} : { health: healthTest }),
      labels,
      dependsOn: [],
      notes: facts.status === "running" ? [] : [`it is ${facts.status} now`],
      ...(leftOut === undefined ? {} : { leftOut }),
    };
  });
}

function whyNot({ facts, labels }: Inspected, ownId: string): string | undefined {
  if (ownId !== "" && facts.id === ownId) return "the watchdog's own container";
  if (NOT_THERE.has(facts.status)) return `it is ${facts.status}`;
  const isJob = labels["com.docker.compose.oneoff"]?.toLowerCase() === "true";
  if (facts.status === "exited" && facts.exitCode === 0 && !isJob) return "it has ended by itself (exit 0)";
  return undefined;
}

/** The name under which it is asked; `undefined` on the host's network, on none, or on the one that knows no names. */
function hostOf(container: Inspected, all: readonly Inspected[]): string | undefined {
  const parent = container.facts.networkParent;
  if (parent !== undefined) {
    const owner = all.find(({ facts, name }) => facts.id === parent || name === parent);
    return owner && owner.facts.networkParent === undefined ? hostOf(owner, all) : undefined;
  }
  const isNamed = container.networks.some(({ network }) => network !== "bridge");
  const { name } = container;
  if (!isNamed || !/^[a-z0-9][a-z0-9_.-]*$/.test(name) || !URL.canParse(`http://${name}/`)) return undefined;
  // A name of digits alone would be an address.
  return new URL(`http://${name}/`).hostname === name ? name : undefined;
}

function exposed({ exposedPorts }: Inspected, host: string | undefined): Outline["ports"] {
  if (host === undefined) return [];
  return exposedPorts
    .flatMap((text) => /^(\d+)\/tcp$/.exec(text)?.[1] ?? [])
    .map((port) => ({ port: Number(port), at: `${host}:${port}` }))
    .sort((a, b) => a.port - b.port);
}

/** Where this host can ask it: an address of every interface is asked on loopback. */
function published({ bindings }: Inspected): Outline["ports"] {
  return bindings.map(({ port, address, hostPort }) => {
    const host = address === "" || address === "0.0.0.0" || address === "::" ? "127.0.0.1" : address;
    return { port, at: `${host.includes(":") ? `[${host}]` : host}:${hostPort}` };
  });
}
