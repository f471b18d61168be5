/**
 * The one module that a plugin imports: the contracts of checks, restarters, sinks, triggers,
 * discovery and hooks, and the context in which they run.
 *
 * Every port resolves to a value that says what happened and never rejects; `reason` is for people
 * ("HTTP 503 in 12 ms", "connection refused", "no answer in 5 s").
 */
import type { GenericSchema } from "valibot";
import type { Alert } from "./core/alert.ts";

export { containerName, duration, httpUrl, secret } from "./config/fields.ts";
export type { Alert, AlertParams, EventType, Severity } from "./core/alert.ts";
export type { Delivery } from "./core/outbox.ts";
export { classifyStatus, parseRetryAfterMs } from "./delivery/classify.ts";
export { cut } from "./delivery/cut.ts";
export type { Fact, Note } from "./delivery/facts.ts";
export { factsOf, isGoodNews, messageWithHint, notesOf } from "./delivery/facts.ts";
export { fit, jsonBytes } from "./delivery/fit.ts";
export { postJson, readJson } from "./delivery/json.ts";
export { receiverUrl } from "./delivery/receiver-url.ts";
export type { SinkSettings } from "./delivery/sink-settings.ts";
export { sinkSettings } from "./delivery/sink-settings.ts";

import type { Delivery } from "./core/outbox.ts";
import type { SinkSettings } from "./delivery/sink-settings.ts";

/** Time, so that a test can own it. `wait` resolves early, without rejecting, when the signal aborts. */
export interface Clock {
  /** Wall clock, ms since the epoch. */
  now(): number;
  /** Never goes back, ms from an arbitrary start: for durations. */
  monotonicMs(): number;
  wait(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** The world as a plugin may touch it. */
export interface Ports {
  clock: Clock;
  log: Log;
  /** Uniform in [0, 1). */
  random(): number;
  env: Readonly<Record<string, string | undefined>>;
}

/** A service as the ports see it. `options` holds the settings of the plugin that is called, already checked. */
export interface ServiceTarget<Options = unknown> {
  name: string;
  displayName: string;
  url: string;
  container: string;
  timeoutMs: number;
  options: Options;
}

/** `unknown: true` when the check could not be made (we shut down, we had no socket): it counts as nothing. */
export type CheckResult = { ok: true; reason: string } | { ok: false; reason: string; unknown?: true };

export interface Check<Options = unknown> {
  name: string;
  /** Ends by itself within `service.timeoutMs`; the caller guards it all the same. */
  run(service: ServiceTarget<Options>, signal: AbortSignal): Promise<CheckResult>;
}

export type RestartFault =
  | "no_such_container"
  | "engine_unreachable"
  | "permission_denied"
  | "client_missing"
  | "other";

/** `unknown: true` when nobody can say whether the restart happened, or will (the client's time was up). */
export type RestartResult =
  | { ok: true; reason: string }
  | { ok: false; reason: string; fault?: RestartFault; unknown?: true };

/** A container as the engine sees it. Times in ms since the epoch, 0 when the engine has none. */
export interface ContainerFacts {
  id: string;
  image: string;
  /** `com.docker.compose.config-hash`, empty outside compose. */
  configHash: string;
  /** `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`. */
  status: string;
  startedAt: number;
  finishedAt: number;
  exitCode: number;
  oomKilled: boolean;
  error: string;
  restartCount: number;
  /** `Healthcheck.StartPeriod`; absent when the image has none. */
  startPeriodMs?: number;
  /** The container's own stop timeout; absent when it has none (the engine then waits 10 s). */
  stopTimeoutMs?: number;
  /** `HostConfig.NetworkMode=container:<id>`: whose network namespace it lives in. */
  networkParent?: string;
}

/** What is kept of a container before it is restarted. Texts are bounded and redacted. */
export interface Evidence {
  facts?: ContainerFacts;
  /** The last outputs of the image's own health check, oldest first. */
  healthLog: string[];
  /** The last log lines, oldest first. */
  logLines: string[];
  /** The likely cause and what to do: `OOMKilled: raise the memory limit`. */
  hint?: string;
  /** Why some of it is missing: `docker logs took longer than 2 s`. */
  missing?: string;
}

export interface Restarter<Options = unknown> {
  name: string;
  /** Ends by itself, as `unknown` when its time is up; never runs two commands for one container at once. */
  restart(service: ServiceTarget<Options>, signal: AbortSignal): Promise<RestartResult>;
  /** Stops and leaves stopped: the action `stop`. */
  stop?(service: ServiceTarget<Options>, signal: AbortSignal): Promise<RestartResult>;
  /** Facts by container name; a container that does not exist is absent. */
  inspect?(
    containers: readonly string[],
    signal: AbortSignal,
  ): Promise<
    | { ok: true; containers: Record<string, ContainerFacts> }
    | { ok: false; reason: string; fault?: RestartFault }
  >;
  /** Says what a person did to a container that does not run (`stopped by docker stop at …`), where that is known. */
  stoppedByHand?(container: string, signal: AbortSignal): Promise<string | undefined>;
  /** Taken before a restart; bounded in time (2 s) and size. */
  evidence?(service: ServiceTarget<Options>, signal: AbortSignal): Promise<Evidence>;
}

/** A request of a sink, serialised once: the very bytes that are signed and sent. */
export interface SinkRequest {
  url: string;
  method: "POST" | "PUT" | "GET";
  headers: Record<string, string>;
  body: string;
}

/** What a receiver answered. `headers` has lower-case names; `body` is cut at 64 KiB. */
export interface SinkResponse {
  status: number;
  headers: Record<string, string>;
  body: string;
}

interface SinkBase {
  name: string;
  /** Where it goes, fit to be shown: no secret in it. */
  target: string;
  /** Which alerts it gets, and how they are worded: what `sinkSettings` read. */
  settings?: SinkSettings;
}

/** Where alerts go over HTTP: two pure functions. The runner sends, times out (15 s), retries and keeps. */
export interface HttpSink extends SinkBase {
  format(alert: Alert): SinkRequest;
  /** Several alerts of one moment as one message, for chats. Asked only with two or more. */
  formatMany?(alerts: readonly Alert[]): SinkRequest;
  /** Headers that are fresh on every attempt, over the very bytes that are sent. */
  sign?(alert: Alert, request: SinkRequest, timestampS: number): Promise<Record<string, string>>;
  classify(response: SinkResponse): Delivery;
}

/** Where alerts go by other ways than HTTP. */
export interface DirectSink extends SinkBase {
  deliver(alert: Alert, signal: AbortSignal): Promise<Delivery>;
}

export type Sink = HttpSink | DirectSink;

/** Calls `tick` until the signal aborts. The promise ends when it has stopped. */
export interface Trigger {
  name: string;
  run(tick: () => Promise<void>, signal: AbortSignal): Promise<void>;
}

/** A service as a completed tick left it. `incident` is the outage that people were told of. */
export interface ServiceSummary {
  name: string;
  displayName: string;
  container: string;
  status: string;
  incident: { id: string; startedAt: number; message: string } | null;
}

export interface TickSummary {
  /** Whether the cycle ran and its state was saved. */
  ok: boolean;
  startedAt: number;
  services: ServiceSummary[];
}

/** Called after each completed tick, behind it: one that throws or hangs (15 s) is named in the log. */
export interface TickHook {
  name: string;
  ticked(summary: TickSummary, signal: AbortSignal): Promise<void>;
}

/** What a plugin's `setup` is given. */
export interface Watchdog extends Ports {
  /** How often a trigger should tick, ms: the shortest interval of any service, or a part of it where there are many. */
  intervalMs: number;
  check(check: Check): void;
  restarter(restarter: Restarter): void;
  sink(sink: Sink): void;
  trigger(trigger: Trigger): void;
  hook(hook: TickHook): void;
}

export interface Plugin {
  name: string;
  setup(watchdog: Watchdog): void | Promise<void>;
}

/** What is known of a plugin before it is set up, so that its settings are refused with every other fault. */
export interface PluginDeclaration<Options> {
  /** A valibot schema of the plugin's own settings, `plugins.<name>` in the file. */
  options?: GenericSchema<unknown, Options>;
  /** A valibot schema of what a service may say to it, `services.<service>.<name>` in the file. */
  serviceOptions?: GenericSchema;
  /** Settings from the environment: `undefined` when it asks for nothing. */
  fromEnv?(env: Readonly<Record<string, string | undefined>>): unknown;
}

export interface PluginFactory<Options> extends PluginDeclaration<Options> {
  (options: Options): Plugin;
}

/**
 * Declares a plugin: `export default definePlugin((options) => ({ name, setup }))`. With a declaration,
 * its settings are checked before anything starts.
 */
export function definePlugin<Options = Record<string, never>>(
  factory: (options: Options) => Plugin,
  declaration: PluginDeclaration<Options> = {},
): PluginFactory<Options> {
  return Object.assign((options: Options) => factory(options), declaration);
}
