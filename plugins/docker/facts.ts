/** Reads the answer of `docker inspect --type container`. Pure. */
import type { ContainerFacts } from "../../src/plugin.ts";

/** One container, with what only this plugin needs beside the facts. Texts are as the engine gave them. */
export interface Inspected {
  name: string;
  facts: ContainerFacts;
  labels: Readonly<Record<string, string>>;
  /** `NAME=value` */
  env: readonly string[];
  /** `exit 1: <output>`, oldest first. */
  healthLog: readonly string[];
  /** The last health output, when it was a failure. */
  failedHealth?: string;
}

type Json = Record<string, unknown>;

const object = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const number = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);

/** The engine's RFC 3339 with nanoseconds as ms; its year 1 ("never") as 0. */
export function parseTimeMs(value: unknown): number {
  const ms = Date.parse(text(value));
  return Number.isFinite(ms) && ms > 0 ? ms : 0;
}

/** Every container in an answer; what is not one is left out. */
export function parseInspect(answer: unknown): Inspected[] {
  return list(answer)
    .map(object)
    .filter((raw) => text(raw.Id) !== "")
    .map(parseOne);
}

/** The container that was asked for by `name`: by its name, else by the beginning of its id. */
export function findAsked(containers: readonly Inspected[], name: string): Inspected | undefined {
  return (
    containers.find((container) => container.name === name) ??
    containers.find((container) => container.facts.id.startsWith(name))
  );
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
  // -1 is Docker's "wait for ever".
  if (typeof config.StopTimeout === "number") {
    facts.stopTimeoutMs = config.StopTimeout < 0 ? FOR_EVER_MS : config.StopTimeout * 1000;
  }
  const parent = /^container:(.+)$/.exec(text(object(raw.HostConfig).NetworkMode))?.[1];
  if (parent) facts.networkParent = parent;
  return {
    name: text(raw.Name).replace(/^\//, ""),
    facts,
    labels,
    env: list(config.Env).map(text),
    ...healthOf(state),
  };
}

const FOR_EVER_MS = 365 * 86_400_000;

function healthOf(state: Json): Pick<Inspected, "healthLog" | "failedHealth"> {
  const entries = list(object(state.Health).Log).map(object);
  const healthLog = entries.map((entry) => `exit ${number(entry.ExitCode)}: ${text(entry.Output).trim()}`);
  const last = entries.at(-1);
  return last && number(last.ExitCode) !== 0 ? { healthLog, failedHealth: healthLog.at(-1)! } : { healthLog };
}

/** The name for people and the id for telling a new image under an old tag: `app:1.4@sha256:0123456789ab`. */
function imageOf(name: string, id: string): string {
  return name === "" || name === id ? id : `${name}@${id.slice(0, 19)}`;
}
