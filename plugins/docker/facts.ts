/** Reads the answer of `docker inspect --type container`. Pure. */
import {
  type ContainerFacts,
  hiding,
  type Outline,
  type Redact,
  secretsOfEnvironment,
} from "../../src/plugin.ts";
import { type Json, list, number, object, text } from "./json.ts";
import { type Attachment, parseNetworks } from "./networks.ts";

/** One container, and what only this plugin needs besides the facts. Texts are as the engine gave them. */
export interface Inspected {
  name: string;
  facts: ContainerFacts;
  labels: Readonly<Record<string, string>>;
  /** `NAME=value` */
  env: readonly string[];
  /** `no`, `always`, `unless-stopped` or `on-failure`; empty if the engine does not say. */
  restartPolicy: string;
  /** Of its HEALTHCHECK: `starting`, `healthy` or `unhealthy`; absent when it has none. */
  health?: string;
  /** `exit 1: <output>`, oldest first. */
  healthLog: readonly string[];
  /** The last output of the health check, if it failed. */
  failedHealth?: string;
  hostname: string;
  /** `host`, `none`, `container:<id>`, or the network that the container was created on. */
  networkMode: string;
  networks: readonly Attachment[];
  /** `8080/tcp`, in the engine's order. */
  exposedPorts: readonly string[];
  /** The container's side of the ports that the host publishes. */
  publishedPorts: readonly string[];
  /** TCP ports that the host publishes, and where; in the engine's order. */
  bindings: readonly { port: number; address: string; hostPort: number }[];
  /** Its HEALTHCHECK, as Docker writes it; absent when it has none. */
  healthTest?: NonNullable<Outline["health"]>;
}

/** The engine's RFC 3339 with nanoseconds as ms; its year 1 ("never") as 0. */
export function parseTimeMs(value: unknown): number {
  const ms = Date.parse(text(value));
  return Number.isFinite(ms) && ms > 0 ? ms : 0;
}

/** All containers in an answer. Skips anything else. */
export function parseInspect(answer: unknown): Inspected[] {
  return list(answer)
    .map(object)
    .filter((raw) => text(raw.Id) !== "")
    .map(parseOne);
}

const FULL_ID = /^[0-9a-f]{64}$/;

/**
 * The container of exactly this name. If no container has the name, the engine takes it for the beginning of an id
 * and would return, and restart, a different container.
 */
export function named(containers: readonly Inspected[], name: string): Inspected | undefined {
  return containers.find((container) => container.name === name);
}

/** The container of exactly this id, or of exactly this name: people may refer to a container by either. */
export function identified(containers: readonly Inspected[], id: string): Inspected | undefined {
  return FULL_ID.test(id) ? containers.find(({ facts }) => facts.id === id) : named(containers, id);
}

/** The container whose id begins with the name that was asked for. */
export function mistaken(containers: readonly Inspected[], name: string): Inspected | undefined {
  return containers.find((container) => container.name !== name && container.facts.id.startsWith(name));
}

/** No id begins like this, so the engine can only take it for a name. */
export function isOnlyAName(name: string): boolean {
  return /[^0-9a-f]/i.test(name);
}

function parseOne(raw: Json): Inspected {
  const state = object(raw.State);
  const config = object(raw.Config);
  const labels = object(config.Labels) as Record<string, string>;
  const facts: ContainerFacts = {
    id: text(raw.Id),
    image: imageOf(text(config.Image), text(raw.Image)),
    configHash: text(labels["com.docker.compose.config-hash"]),
    status: text(state.Status),
    startedAt: parseTimeMs(state.StartedAt),
    finishedAt: parseTimeMs(state.FinishedAt),
    exitCode: number(state.ExitCode),
    oomKilled: state.OOMKilled === true,
    error: text(state.Error),
    restartCount: number(raw.RestartCount),
  };
  const check = object(config.Healthcheck);
  const test = list(check.Test);
  if (test.length > 0 && test[0] !== "NONE") facts.startPeriodMs = number(check.StartPeriod) / 1e6;
  // Docker's -1 means "wait for ever".
  if (typeof config.StopTimeout === "number") {
    facts.stopTimeoutMs = config.StopTimeout < 0 ? FOR_EVER_MS : config.StopTimeout * 1000;
  }
  const networkMode = text(object(raw.HostConfig).NetworkMode);
  const parent = /^container:(.+)$/.exec(networkMode)?.[1];
  if (parent) facts.networkParent = parent;
  return {
    name: text(raw.Name).replace(/^\//, ""),
    facts,
    labels,
    env: list(config.Env).map(text),
    restartPolicy: text(object(object(raw.HostConfig).RestartPolicy).Name),
    hostname: text(config.Hostname),
    networkMode,
    networks: parseNetworks(object(raw.NetworkSettings).Networks),
    exposedPorts: Object.keys(object(config.ExposedPorts)),
    publishedPorts: publishedPorts(object(object(raw.NetworkSettings).Ports)),
    bindings: bindingsOf(object(object(raw.NetworkSettings).Ports)),
    ...(facts.startPeriodMs === undefined ? {} : { healthTest: healthTestOf(check) }),
    ...healthOf(state),
  };
}

const publishedPorts = (ports: Json) => Object.keys(ports).filter((port) => list(ports[port]).length > 0);

function bindingsOf(ports: Json): Inspected["bindings"] {
  return Object.entries(ports).flatMap(([name, value]) => {
    const port = Number(/^(\d+)\/tcp$/.exec(name)?.[1] ?? 0);
    const [first] = list(value).map(object);
    const hostPort = Number(text(first?.HostPort));
    return port > 0 && hostPort > 0 ? [{ port, address: text(first?.HostIp), hostPort }] : [];
  });
}

/** The engine writes 0 where its own default holds. */
function healthTestOf(check: Json): NonNullable<Inspected["healthTest"]> {
  const ms = (key: string) => number(check[key]) / 1e6;
  const times = { intervalMs: ms("Interval"), timeoutMs: ms("Timeout"), startPeriodMs: ms("StartPeriod") };
  const all = { ...times, retries: number(check.Retries) };
  const given = Object.entries(all).filter(([, value]) => value > 0);
  return { test: list(check.Test).map(text), ...Object.fromEntries(given) };
}

const FOR_EVER_MS = 365 * 86_400_000;

function healthOf(state: Json): Pick<Inspected, "health" | "healthLog" | "failedHealth"> {
  const status = text(object(state.Health).Status);
  const health = status === "" || status === "none" ? {} : { health: status };
  const entries = list(object(state.Health).Log).map(object);
  const healthLog = entries.map((entry) => {
    const output = text(entry.Output).trim();
    return `exit ${number(entry.ExitCode)}${output === "" ? "" : `: ${output}`}`;
  });
  const last = entries.at(-1);
  const failed = last && number(last.ExitCode) !== 0 ? { failedHealth: healthLog.at(-1)! } : {};
  return { ...health, healthLog, ...failed };
}

/** The name is for people; the id tells a new image under an old tag apart: `app:1.4@sha256:0123456789ab`. */
function imageOf(name: string, id: string): string {
  return name === "" || name === id ? id : `${name}@${id.slice(0, 19)}`;
}

/** Hides what the variables of a container hold in secret. `env`: lines `NAME=value`, as the engine gives them. */
export function hidingVariables(env: readonly string[]): Redact {
  const variables = env.map(
    (entry) => [entry.split("=", 1)[0]!, entry.slice(entry.indexOf("=") + 1)] as const,
  );
  return hiding(secretsOfEnvironment(Object.fromEntries(variables)));
}
