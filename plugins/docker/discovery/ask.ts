/** How a container is asked whether it is well: the first way of a documented order that it offers. Pure. */
import type { Check, ContainerView, LabelFault } from "./contract.ts";
import { DIALECTS, type Dialect } from "./dialects.ts";
import { hostsOf, type Lookup, readAddress } from "./hosts.ts";
import { exposedPort, type Published, traefikAddress, traefikPort } from "./published.ts";
import { shown } from "./values.ts";
import type { Saying, Sayings } from "./vocabulary.ts";

export interface Ask {
  check: Check;
  url?: string;
  /** Statuses that pass, where they are not the usual ones. */
  status?: number | string;
  /** What else the labels say that were followed; labels made for healing win over it. */
  interval?: Saying<string>;
  timeout?: Saying<string>;
  /** The labels, `HEALTHCHECK`, or `running state`. */
  by: string;
}

export type Asked = { ok: true; ask: Ask } | { ok: false; faults: LabelFault[] };

export const HEALTHCHECK = "HEALTHCHECK";
export const RUNNING = "running state";

/** By the label that switched it on; `undefined` for ours. */
export function askOf(
  view: ContainerView,
  said: Sayings,
  switchedOnBy: Dialect | undefined,
  lookup: Lookup,
): Asked {
  if (said.check?.value === "docker") return { ok: true, ask: { check: "docker", by: said.check.by } };
  if (said.url) return urlAsk(said.url, said.check, hostsOf(view, lookup));
  const parts = said.port ?? said.path ?? said.scheme ?? said.check;
  if (parts) return partsAsk(view, said, hostsOf(view, lookup), parts.by);
  const isHealedByHealthcheck = view.hasHealthcheck && switchedOnBy?.healsByHealthcheck === true;
  for (const { publishes } of isHealedByHealthcheck ? [] : DIALECTS) {
    const ask = publishedAsk(view, publishes?.(view), lookup);
    if (ask) return { ok: true, ask };
  }
  return { ok: true, ask: { check: "docker", by: view.hasHealthcheck ? HEALTHCHECK : RUNNING } };
}

function urlAsk(url: Saying<string>, check: Saying<Check> | undefined, hosts: readonly string[]): Asked {
  const address = readAddress(url.value.trim(), hosts);
  if (!address.ok) {
    return { ok: false, faults: [{ label: url.by, found: shown(url.value), accepted: address.accepted }] };
  }
  const fits: Check = address.scheme === "tcp" ? "tcp" : "http";
  if (check && check.value !== fits) {
    const accepted = `${fits}, which is what ${url.by} asks for`;
    return { ok: false, faults: [{ label: check.by, found: shown(check.value), accepted }] };
  }
  return { ok: true, ask: { check: fits, url: address.url, by: url.by } };
}

/** From `watchdog.scheme`, `.port`, `.path` and `.check`; what they leave open, traefik's labels and EXPOSE say. */
function partsAsk(view: ContainerView, said: Sayings, hosts: readonly string[], by: string): Asked {
  const wrong = (found: string, accepted: string): Asked => ({
    ok: false,
    faults: [{ label: by, found, accepted }],
  });
  const isTcp = said.check?.value === "tcp" || said.scheme?.value === "tcp";
  const clash = isTcp ? clashOf(said) : undefined;
  if (clash) return { ok: false, faults: [clash] };
  const host = hosts[0];
  if (host === undefined) {
    return wrong("a container without a network of its own", "watchdog.check=docker");
  }
  const port = said.port ?? traefikPort(view) ?? exposedPort(view);
  if (!port) return wrong("no port", "watchdog.port beside it, or an EXPOSE in the image");
  const labels = [said.check, said.scheme, said.port, said.path].flatMap((one) => one?.by ?? []);
  if (isTcp) {
    return { ok: true, ask: { check: "tcp", url: `tcp://${host}:${port.value}`, by: join(labels, port.by) } };
  }
  const other = said.path ? undefined : traefikAddress(view);
  const scheme = said.scheme?.value ?? other?.scheme ?? "http";
  const url = `${scheme}://${host}:${port.value}${said.path?.value ?? other?.path ?? "/health"}`;
  if (!other) return { ok: true, ask: { check: "http", url, by: join(labels, port.by) } };
  const { status, interval, timeout } = other;
  const times = { ...(interval && { interval }), ...(timeout && { timeout }) };
  return { ok: true, ask: { check: "http", url, status, ...times, by: join(labels, other.by, port.by) } };
}

const join = (labels: readonly string[], ...more: string[]) => [...new Set([...labels, ...more])].join(", ");

function clashOf({ check, scheme, path }: Sayings): LabelFault | undefined {
  if (path) return { label: path.by, found: shown(path.value), accepted: "no path with tcp" };
  if (scheme && scheme.value !== "tcp") {
    return { label: scheme.by, found: shown(scheme.value), accepted: "tcp, for the check tcp" };
  }
  if (check && check.value !== "tcp") {
    return { label: check.by, found: shown(check.value), accepted: "tcp, for the scheme tcp" };
  }
  return undefined;
}

/** `undefined` where it cannot be asked so: another host, no network of its own, no port. */
function publishedAsk(
  view: ContainerView,
  published: Published | undefined,
  lookup: Lookup,
): Ask | undefined {
  if (!published) return undefined;
  const { url, scheme = "http", path = "/", by, port = exposedPort(view), ...more } = published;
  const hosts = hostsOf(view, lookup);
  if (url === undefined && port === undefined) return undefined;
  const address = readAddress(url ?? `${scheme}://${hosts[0]}:${port!.value}${path}`, hosts);
  if (!address.ok || address.scheme === "tcp") return undefined;
  const origin = url === undefined ? `${by}, ${port!.by}` : by;
  return { check: "http", url: address.url, by: origin, ...more };
}
