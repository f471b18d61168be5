/** Which names of URLs do not resolve from here, and why. */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Config } from "../config/config.ts";
import type { FailedCheck } from "../plugin/container-facts.ts";
import type { Ports, Restarter } from "../plugin/contract.ts";
import type { Registry } from "../plugin/registry.ts";
import { listed, type Notice } from "../preflight.ts";
import { withDeadline } from "../system/clock.ts";

const LOOK_MS = 2000;
/** Names are looked up by four threads that the first checks need, too. */
const AT_ONCE = 2;

type Resolve = (host: string) => Promise<unknown>;

/** Takes 2 s at most for the names, and 2 s for the reasons; never rejects. Names that take longer are not judged. */
export async function lookAtNames(
  config: Config,
  registry: Registry,
  { clock }: Ports,
  resolve: Resolve = lookup,
): Promise<Notice[]> {
  const services = servicesByHost(config);
  const lost = new Set<string>();
  const left = services.keys();
  let isOver = false;
  async function work(): Promise<void> {
    for (const host of left) {
      if (isOver) return;
      const isKnown = await resolve(host).then(
        () => true,
        () => false,
      );
      if (!isKnown && !isOver) lost.add(host);
    }
  }
  await withDeadline(clock, LOOK_MS, Promise.all(Array.from({ length: AT_ONCE }, work)));
  isOver = true;
  const unresolved = new Map(
    [...lost].flatMap((host) => services.get(host)!.map((name) => [name, host] as const)),
  );
  const why =
    unresolved.size === 0
      ? new Map<string, string>()
      : await reasons(config, registry, clock, [...unresolved.keys()]);
  return noticesOf(unresolved, why);
}

function servicesByHost({ targets }: Config): Map<string, string[]> {
  const hosts = new Map<string, string[]>();
  for (const [name, { url }] of targets) {
    const host = URL.canParse(url) ? new URL(url).hostname : "";
    if (host === "" || isIP(host.replace(/^\[(.*)\]$/, "$1")) > 0) continue;
    hosts.set(host, [...(hosts.get(host) ?? []), name]);
  }
  return hosts;
}

/** By service; what the restarter knows of the way to its container. */
async function reasons(
  config: Config,
  registry: Registry,
  clock: Ports["clock"],
  names: readonly string[],
): Promise<Map<string, string>> {
  const why = new Map<string, string>();
  const groups = new Map<Restarter, string[]>();
  for (const name of names) {
    const restarter = registry.restarters.get(config.targets.get(name)!.restarter);
    const { container } = config.services.get(name)!;
    if (restarter?.inspect && container !== "")
      groups.set(restarter, [...(groups.get(restarter) ?? []), name]);
  }
  const over = new AbortController();
  const looks = [...groups].map(async ([restarter, all]) => {
    const failed = new Map<string, FailedCheck>(
      all.map((name) => [
        config.services.get(name)!.container,
        { url: config.targets.get(name)!.url, fault: "unresolved" },
      ]),
    );
    // One that throws is told of where containers are looked at.
    const ask = async () => restarter.inspect!([...failed.keys()], over.signal, failed);
    const found = await ask().catch(() => undefined);
    if (!found?.ok) return;
    for (const name of all) {
      const { container } = config.services.get(name)!;
      const facts = Object.hasOwn(found.containers, container) ? found.containers[container] : undefined;
      if (facts === undefined) why.set(name, MISSING);
      else if (facts.status !== "running")
        why.set(name, `its container ${container} is ${facts.status}; start it`);
      else if (facts.outOfReach) why.set(name, facts.outOfReach.reason);
    }
  });
  await withDeadline(clock, LOOK_MS, Promise.all(looks));
  over.abort("looked long enough");
  return why;
}

/** Said of containers, and not once more of names. */
const MISSING = "its container does not exist";
const UNKNOWN =
  "start its container, join the watchdog to its network (`docker network connect`), or correct its url";

/** Services with one reason share a line. */
function noticesOf(unresolved: ReadonlyMap<string, string>, why: ReadonlyMap<string, string>): Notice[] {
  const groups = new Map<string, string[]>();
  for (const [name, host] of unresolved) {
    const reason = why.get(name) ?? UNKNOWN;
    groups.set(reason, [...(groups.get(reason) ?? []), `${host} (of ${name})`]);
  }
  groups.delete(MISSING);
  return [...groups].map(([reason, names]) => {
    const what = names.length === 1 ? "this name does not resolve here" : "these names do not resolve here";
    return { level: "warn", text: `${what}: ${listed(names)}: ${reason}` };
  });
}
