/** What a configuration file could say of containers: what their labels say, else what their outline suggests. Pure. */
import type { Outline, Suggestion } from "../../../src/plugin.ts";
import { HEALTHCHECK, RUNNING } from "./ask.ts";
import type { ContainerView, DiscoveryRules, Found, LabelFault, Service } from "./contract.ts";
import { discover } from "./discover.ts";
import { readHealthTest } from "./health-test.ts";
import { identityOf } from "./identity.ts";

/** Every container is looked at as if a label had switched it on. */
const EVERYTHING: DiscoveryRules = {
  ownId: "",
  label: "autoheal",
  onlyRunning: false,
  everything: true,
  listed: [],
};

/** Ports on which hardly anybody speaks HTTP. */
const NOT_HTTP: ReadonlySet<number> = new Set([
  ...[21, 22, 25, 53, 110, 143, 389, 465, 587, 636, 993, 995, 1433, 1521, 1883, 2181, 3306, 3389, 4222, 5432],
  ...[5433, 5671, 5672, 6379, 6432, 6650, 8883, 9042, 9092, 9093, 9094, 11211, 26379, 27017, 27018, 33060],
]);
/** Where a health address usually is; SpreadPilot's own first. */
const USUAL_PATHS = ["/health", "/healthz", "/api/health", "/-/healthy"];

export function suggestionsOf(outlines: readonly Outline[]): Suggestion[] {
  const views = outlines.map(viewOf);
  const judged = discover(views, EVERYTHING).map((found, at) => ({
    found,
    outline: outlines[at]!,
    view: views[at]!,
  }));
  /** By the name that discovery gave it. */
  const names = new Map<string, string>();
  /** By the name of the outline. */
  const kept = new Map<string, string>();
  for (const { found, outline, view } of judged) {
    if (found.kind !== "service" || outline.leftOut !== undefined) continue;
    const isNamedByLabel = found.name !== identityOf(view, undefined).value;
    names.set(found.name, isNamedByLabel ? found.name : outline.name);
    kept.set(outline.name, names.get(found.name)!);
  }
  return judged.map(({ outline, found }) => {
    const leftOut = outline.leftOut ?? whyNot(found);
    if (leftOut !== undefined || found.kind !== "service") {
      return { name: outline.name, settings: {}, why: {}, notes: [], leftOut: leftOut ?? "it is no service" };
    }
    const name = names.get(found.name)!;
    const byLabel = found.settings.dependsOn?.flatMap((one) => names.get(one) ?? []);
    const on = byLabel ?? outline.dependsOn.flatMap((one) => kept.get(one) ?? []);
    return suggest(
      name,
      outline,
      found,
      [...new Set(on)].filter((one) => one !== name),
    );
  });
}

function whyNot(found: Found): string | undefined {
  if (found.kind === "ignored") return found.why;
  if (found.kind === "refused") return found.faults.map(faultText).join("; ");
  return undefined;
}

const faultText = ({ label, found, accepted }: LabelFault) =>
  `${label}: found ${found}, accepted: ${accepted}`;

function viewOf(outline: Outline, at: number): ContainerView {
  const { likelyContainer, name, labels, health, ports, host } = outline;
  const exposed = ports.map(({ port }) => `${port}/tcp`);
  return {
    id: String(at).padStart(64, "0"),
    name: likelyContainer,
    // So labels that name services of Compose find them.
    labels: { "com.docker.compose.project": "compose", "com.docker.compose.service": name, ...labels },
    status: "running",
    hasHealthcheck: health !== undefined,
    exposedPorts: exposed,
    publishedPorts: exposed,
    networkMode: "outline",
    networks: [{ network: "outline", names: [...new Set([host ?? name, name])], addresses: [] }],
  };
}

type Said = Record<string, unknown>;

interface Asked {
  settings: Said;
  why: Record<string, string>;
  notes?: readonly string[];
  guesses?: readonly string[];
}

function suggest(name: string, outline: Outline, service: Service, dependsOn: readonly string[]): Suggestion {
  const { check, url, failureThreshold, dependsOn: _, ...said } = service.settings;
  const byLabel = service.origins.check !== HEALTHCHECK && service.origins.check !== RUNNING;
  const counted = byLabel || service.origins.failureThreshold !== HEALTHCHECK ? failureThreshold : undefined;
  const labelled: Said = { ...said, ...(counted === undefined ? {} : { failureThreshold: counted }) };
  const asked = byLabel ? askedByLabel(outline, check, url, service.origins.check!) : askedByOutline(outline);
  const { container = asked.settings.check === "docker" ? outline.likelyContainer : undefined } = {
    ...(outline.container === "" ? {} : { container: outline.container }),
  };
  const isGuessed = container !== undefined && outline.container === "";
  return {
    name,
    settings: {
      ...asked.settings,
      ...(container === undefined ? {} : { container }),
      ...labelled,
      ...(dependsOn.length > 0 ? { dependsOn } : {}),
    },
    why: {
      ...Object.fromEntries(Object.keys(labelled).map((key) => [key, service.origins[key] ?? ""])),
      ...(isGuessed ? { container: "what Compose calls it" } : {}),
      ...asked.why,
    },
    notes: [...outline.notes, ...(asked.notes ?? [])],
    ...(asked.guesses === undefined ? {} : { guesses: asked.guesses }),
  };
}

function askedByLabel(outline: Outline, check: string, url: string | undefined, by: string): Asked {
  if (url === undefined) return { settings: { check }, why: { check: by } };
  const { port, pathname, search, protocol } = new URL(url);
  const at = placeOf(outline, Number(port || (protocol === "https:" ? 443 : 80)));
  if (at === undefined) return withoutPlace(outline);
  const rest = check === "tcp" ? "" : `${pathname}${search}`;
  return { settings: { url: `${protocol}//${at}${rest}`, check }, why: { url: by } };
}

function askedByOutline(outline: Outline): Asked {
  const { health, ports } = outline;
  const test = health && readHealthTest(health.test, [outline.name, ...(outline.host ? [outline.host] : [])]);
  if (test?.kind === "http") {
    const at = placeOf(outline, test.port);
    if (at === undefined) return withoutPlace(outline);
    const { intervalMs, timeoutMs, retries, startPeriodMs } = health!;
    const times = {
      interval: shown(intervalMs, 100, 86_400_000),
      timeout: shown(timeoutMs, 10, 600_000),
      failureThreshold: retries !== undefined && retries >= 1 && retries <= 1000 ? retries : undefined,
      startPeriod: startPeriodMs === 0 ? undefined : shown(startPeriodMs, 0, 86_400_000),
    };
    const status = test.anyStatus ? "100-599" : "200-399";
    return {
      settings: { url: `http://${at}${test.path}`, ...times, http: { status } },
      why: {
        url: `its HEALTHCHECK, by ${test.tool}`,
        http: test.anyStatus ? "without -f, curl takes every answer" : "",
      },
    };
  }
  if (health !== undefined && test?.kind !== "none")
    return byEngine("its HEALTHCHECK, which asks no plain URL", 1);
  const [first] = ports;
  if (first === undefined) return byEngine("no HEALTHCHECK and no port: whether it runs");
  const url = `tcp://${first.at}`;
  if (NOT_HTTP.has(first.port))
    return { settings: { url, check: "tcp" }, why: { url: `its port ${first.port}` } };
  return {
    settings: { url, check: "tcp" },
    why: { url: `its port ${first.port}, and no HEALTHCHECK` },
    guesses: USUAL_PATHS.map((path) => `http://${first.at}${path}`),
  };
}

function byEngine(why: string, failureThreshold?: number): Asked {
  const counted = failureThreshold === undefined ? {} : { failureThreshold };
  return {
    settings: { check: "docker", ...counted },
    why: { check: why, failureThreshold: "the engine has counted its retries already" },
  };
}

/** It says where it is asked, but that is not to be reached from here. */
function withoutPlace(outline: Outline): Asked {
  const asked = outline.health
    ? byEngine("its HEALTHCHECK, as its port is not published on this host", 1)
    : byEngine("whether it runs, as its port is not published on this host");
  return asked;
}

/** Where a port of the container is asked; `undefined` if it is not to be reached. */
function placeOf({ ports, host }: Outline, port: number): string | undefined {
  return ports.find((one) => one.port === port)?.at ?? (host === undefined ? undefined : `${host}:${port}`);
}

function shown(ms: number | undefined, least: number, most: number): string | undefined {
  if (ms === undefined || ms < least || ms > most) return undefined;
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${Math.round(ms)}ms`;
}
