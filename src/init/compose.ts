/** The services of a Compose file, as a configuration file could have them. Pure. */
import { isRecord, own } from "../core/record.ts";
import type { Outline } from "../plugin/discovery.ts";
import { durationMs, numberOf, portsOf } from "./compose-values.ts";
import { interpolate } from "./interpolate.ts";

export interface ComposeInput {
  /** The file, parsed. */
  content: Readonly<Record<string, unknown>>;
  /** What Compose calls the project if the file does not say so. */
  project: string;
  env: Readonly<Record<string, string | undefined>>;
}

export type ComposeRead =
  | { ok: true; outlines: Outline[]; notes: string[] }
  | { ok: false; found: string; accepted: string };

const ACCEPTED = 'a Compose file with "services"';
/** More are not written by a person. */
const MOST_SERVICES = 1000;

export function readCompose({ content, project, env }: ComposeInput): ComposeRead {
  const { services } = content;
  if (!isRecord(services) || Object.keys(services).length === 0) {
    return { ok: false, found: "no services", accepted: ACCEPTED };
  }
  const names = Object.keys(services);
  if (names.length > MOST_SERVICES) {
    return { ok: false, found: `${names.length} services`, accepted: `at most ${MOST_SERVICES} services` };
  }
  const fill = (value: unknown) => (typeof value === "string" ? interpolate(value, env) : undefined);
  const projectName = composeName(fill(content.name) ?? project);
  const jobs = jobsOf(services);
  const outlines = names.map((name): Outline => {
    const raw = own(services, name);
    const world = { name, project: projectName, services, fill, isJob: jobs.has(name) };
    return outlineOf(isRecord(raw) ? raw : {}, world);
  });
  const notes = content.include === undefined ? [] : ["The files that it includes were not read."];
  return { ok: true, outlines, notes };
}

/** Compose's own rule for names of projects. */
function composeName(text: string): string {
  return (
    text
      .toLowerCase()
      .replace(/[^a-z0-9_-]/g, "")
      .replace(/^[_-]+/, "") || "default"
  );
}

type Raw = Readonly<Record<string, unknown>>;

interface World {
  name: string;
  project: string;
  services: Raw;
  fill(value: unknown): string | undefined;
  /** Others wait for its end. */
  isJob: boolean;
}

/** Services whose successful end others wait for. */
function jobsOf(services: Raw): Set<string> {
  const all = Object.values(services).flatMap((raw) => (isRecord(raw) ? waitsFor(raw.depends_on) : []));
  return new Set(all.filter(({ condition }) => condition === ENDED).map(({ name }) => name));
}

const ENDED = "service_completed_successfully";

function waitsFor(value: unknown): { name: string; condition: string }[] {
  if (Array.isArray(value)) {
    return value.filter((one) => typeof one === "string").map((name) => ({ name, condition: "" }));
  }
  if (!isRecord(value)) return [];
  return Object.entries(value).map(([name, one]) => {
    const condition = isRecord(one) && typeof one.condition === "string" ? one.condition : "";
    return { name, condition };
  });
}

function outlineOf(raw: Raw, world: World): Outline {
  const { name, project, fill } = world;
  const notes: string[] = [];
  const named = fill(raw.container_name);
  if (raw.container_name !== undefined && named === undefined) {
    notes.push("its container_name has a variable that is not known here");
  }
  const place = placeOf(raw, world);
  const many = copiesOf(raw);
  if (many > 1) notes.push(`it has ${many} containers: only one of them is found, or none`);
  if (raw.extends !== undefined) notes.push("what it extends was not read");
  const unnamed = `${project}-${name}-1`;
  const isOwnHost = place.host === name;
  const leftOut = whyNot(raw, world);
  const { health, isOff } = healthOf(raw.healthcheck, world);
  if (isOff) notes.push("its HEALTHCHECK is switched off");
  return {
    name,
    // Whose network it shares is found by the host of its URL, not it.
    container: named ?? (isOwnHost ? "" : unnamed),
    likelyContainer: named ?? unnamed,
    ports:
      place.host === undefined
        ? []
        : portsOf(raw, fill).map((port) => ({ port, at: `${place.host}:${port}` })),
    ...(place.host === undefined ? {} : { host: place.host }),
    ...(health === undefined ? {} : { health }),
    labels: labelsOf(raw.labels, fill),
    dependsOn: waitsFor(raw.depends_on)
      .filter(({ condition }) => condition !== ENDED)
      .map((one) => one.name),
    notes: [...notes, ...place.notes],
    ...(leftOut === undefined ? {} : { leftOut }),
  };
}

function whyNot(raw: Raw, { isJob, fill }: World): string | undefined {
  const image = typeof raw.image === "string" ? raw.image : "";
  if (
    /(?:^|\/)spreadpilot-watchdog(?::|@|$)/.test(image) ||
    fill(raw.container_name) === "spreadpilot-watchdog"
  ) {
    return "it is the watchdog";
  }
  if (isJob) return `a job that ends: others wait for its end (${ENDED})`;
  const restart = raw.restart === false ? "no" : fill(raw.restart);
  if (restart === "no") return 'a job that ends (restart: "no")';
  if (within(raw, "deploy", "restart_policy", "condition") === "none")
    return "a job that ends (restart_policy: none)";
  const profiles = Array.isArray(raw.profiles) ? raw.profiles.filter((one) => typeof one === "string") : [];
  if (profiles.length > 0) return `it runs only with the profile ${profiles.join(" or ")}`;
  return copiesOf(raw) === 0 ? "it has no containers (replicas: 0)" : undefined;
}

function copiesOf(raw: Raw): number {
  return numberOf(within(raw, "deploy", "replicas")) ?? numberOf(raw.scale) ?? 1;
}

function within(raw: unknown, ...keys: string[]): unknown {
  return keys.reduce((value, key) => (isRecord(value) ? own(value, key) : undefined), raw);
}

/** A name of digits alone would be an address in a URL. */
function isHost(name: string): boolean {
  if (!/^[a-z0-9][a-z0-9_.-]{0,62}$/.test(name) || !URL.canParse(`http://${name}/`)) return false;
  return new URL(`http://${name}/`).hostname === name;
}

/** Under which name it is asked. */
function placeOf(raw: Raw, { name, services, fill }: World): { host?: string; notes: string[] } {
  const mode = typeof raw.network_mode === "string" ? (fill(raw.network_mode) ?? "") : "";
  const other = /^service:(.+)$/.exec(mode)?.[1] ?? /^container:(.+)$/.exec(mode)?.[1];
  if (other !== undefined) {
    const isThere = mode.startsWith("container:") || Object.hasOwn(services, other);
    if (!isThere || !isHost(other)) return { notes: ["it shares the network of what is not known here"] };
    return { host: other, notes: [`it answers at ${other}, whose network it shares`] };
  }
  if (mode === "host") return { notes: ["it is on the host's own network: give it a url that leads there"] };
  if (mode === "none") return { notes: [] };
  return isHost(name) ? { host: name, notes: [] } : { notes: ["its name is no name of a host"] };
}

function labelsOf(value: unknown, fill: World["fill"]): Record<string, string> {
  const pairs = Array.isArray(value)
    ? value
        .filter((one) => typeof one === "string")
        .map((one): [string, unknown] => {
          const at = one.indexOf("=");
          return at < 0 ? [one, ""] : [one.slice(0, at), one.slice(at + 1)];
        })
    : isRecord(value)
      ? Object.entries(value)
      : [];
  const labels: [string, string][] = pairs.flatMap(([label, one]) => {
    const text = fill(typeof one === "number" || typeof one === "boolean" ? String(one) : (one ?? ""));
    return text === undefined ? [] : [[label, text]];
  });
  return Object.fromEntries(labels);
}

function healthOf(value: unknown, { fill }: World): { health?: Outline["health"]; isOff: boolean } {
  if (!isRecord(value)) return { isOff: false };
  const parts = Array.isArray(value.test) ? value.test : [];
  const isOff = value.disable === true || value.test === "NONE" || parts[0] === "NONE";
  if (isOff || value.test === undefined) return { isOff };
  const filled = (Array.isArray(value.test) ? parts : ["CMD-SHELL", value.test]).map(fill);
  // What is not known is no plain URL either.
  const test = filled.every((one) => one !== undefined) ? (filled as string[]) : ["CMD", "a variable"];
  const times = {
    intervalMs: durationMs(fill(value.interval)),
    timeoutMs: durationMs(fill(value.timeout)),
    startPeriodMs: durationMs(fill(value.start_period)),
    retries: numberOf(typeof value.retries === "string" ? fill(value.retries) : value.retries),
  };
  const given = Object.entries(times).filter(([, one]) => one !== undefined);
  return { health: { test, ...Object.fromEntries(given) }, isOff: false };
}
