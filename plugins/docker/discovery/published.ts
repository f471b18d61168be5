/**
 * Health addresses that labels publish for other programs: SpreadPilot's Python watchdog, AutoKuma, traefik. One
 * that we could not ask in the same way (other headers, another method) is not taken: its answer to us would
 * say nothing about the service.
 */
import type { ContainerView } from "./contract.ts";
import { labelOf, path, port, type Reader, wholeNumber } from "./values.ts";
import { interval, type Saying, timeout } from "./vocabulary.ts";

/** What is asked: a URL as it was written, or what one is made of. */
export interface Published {
  url?: string;
  scheme?: "http" | "https";
  port?: Saying<number>;
  path?: string;
  status: number | string;
  interval?: Saying<string>;
  timeout?: Saying<string>;
  by: string;
}

export const SPREADPILOT = "spreadpilot";
const EXPOSE = "EXPOSE";

/** Its watchdog takes the first port that is published; we take an exposed one where none is. */
export function spreadpilotAddress(view: ContainerView): Published | undefined {
  if (labelOf(view.labels, SPREADPILOT) === undefined) return undefined;
  const first = tcpPorts([...view.publishedPorts, ...view.exposedPorts])[0];
  if (first === undefined) return undefined;
  return {
    scheme: "http",
    port: { value: first, by: EXPOSE },
    path: "/health",
    status: 200,
    by: SPREADPILOT,
  };
}

/** The numbers of the TCP ports among `8080/tcp`, in their order. */
function tcpPorts(ports: readonly string[]): number[] {
  return ports.flatMap((text) => {
    const number = port.read(/^(\d{1,5})\/tcp$/.exec(text)?.[1] ?? "");
    return number === undefined ? [] : [number];
  });
}

/** Both follow redirects, and take what they end at: we do not, and take the redirect. */
const GOOD_OR_REDIRECT = "200-399";

const KUMA = /^kuma\.([\w-]{1,100})\.http\.([a-z_]+)$/i;
/** Keys that do not change what is asked, or what counts as an answer. */
const KUMA_PLAIN = new Set([
  ...["url", "name", "description", "parent", "parent_name", "tags", "tag_names", "notification_name_list"],
  ...["interval", "retry_interval", "resend_interval", "max_retries", "max_redirects", "timeout"],
]);

/** `kuma.<id>.http.url`; the first by name. */
export function kumaAddress({ labels }: ContainerView): Published | undefined {
  const groups = grouped(labels, KUMA);
  for (const group of groups) {
    const url = group.get("url");
    if (url === undefined || ![...group.keys()].every((key) => KUMA_PLAIN.has(key))) continue;
    return { url: url.value, status: GOOD_OR_REDIRECT, by: url.label };
  }
  return undefined;
}

const TRAEFIK =
  /^traefik\.http\.services\.([\w@-]{1,100})\.loadbalancer\.(server\.port|healthcheck\.[a-z]+(?=$|\.))/i;

/** `traefik.http.services.<n>.loadbalancer.healthcheck.*` with a path; the first by name. */
export function traefikAddress({ labels }: ContainerView): Published | undefined {
  for (const group of grouped(labels, TRAEFIK)) {
    const of = (key: string) => group.get(`healthcheck.${key}`);
    const said = of("path");
    const asked = said && path.read(said.value);
    if (asked === undefined || !isPlain(of)) continue;
    const status = of("status") === undefined ? GOOD_OR_REDIRECT : STATUS.read(of("status")!.value);
    const scheme = of("scheme")?.value.toLowerCase() ?? "http";
    if (status === undefined || (scheme !== "http" && scheme !== "https")) continue;
    const number = of("port") ?? group.get("server.port");
    return {
      scheme,
      path: asked,
      status,
      ...saying("port", number, port),
      ...saying("interval", of("interval"), interval),
      ...saying("timeout", of("timeout"), timeout),
      by: said!.label,
    };
  }
  return undefined;
}

/** The port that traefik asks or serves, whether there is a health check or not; the first by name. */
export function traefikPort({ labels }: ContainerView): Saying<number> | undefined {
  for (const group of grouped(labels, TRAEFIK)) {
    const said = saying("port", group.get("healthcheck.port") ?? group.get("server.port"), port);
    if (said.port) return said.port;
  }
  return undefined;
}

/** The lowest exposed port, which is the one that traefik would take. */
export function exposedPort(view: ContainerView): Saying<number> | undefined {
  const [lowest] = tcpPorts([...view.exposedPorts, ...view.publishedPorts]).sort((a, b) => a - b);
  return lowest === undefined ? undefined : { value: lowest, by: EXPOSE };
}

const STATUS = wholeNumber(100, 599);

interface Written {
  label: string;
  value: string;
}

type Group = Map<string, Written>;

function isPlain(of: (key: string) => Written | undefined): boolean {
  const method = of("method")?.value.toUpperCase() ?? "GET";
  const mode = of("mode")?.value.toLowerCase() ?? "http";
  return method === "GET" && mode === "http" && !of("hostname") && !of("headers");
}

/** Labels with a name in them, by that name; their other words in lower case, as traefik reads them. */
function grouped(labels: Readonly<Record<string, string>>, pattern: RegExp): Group[] {
  const groups = new Map<string, Group>();
  for (const [label, value] of Object.entries(labels)) {
    const match = typeof value === "string" ? pattern.exec(label) : null;
    if (!match) continue;
    const group: Group = groups.get(match[1]!) ?? new Map();
    groups.set(match[1]!, group.set(match[2]!.toLowerCase(), { label, value }));
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

/** A wrong value says nothing. */
function saying<K extends string, T>(key: K, written: Written | undefined, reader: Reader<T>) {
  const value = written && reader.read(written.value);
  const said = value === undefined ? {} : { [key]: { value, by: written!.label } };
  return said as { [P in K]?: Saying<T> };
}
