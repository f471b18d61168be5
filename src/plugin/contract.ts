/**
 * The contract between plugins and the runner: checks, restarters, sinks, triggers and hooks, and the context in
 * which they run.
 *
 * Every port resolves to a value that says what happened, and never rejects. `reason` is for people ("HTTP 503 in 12
 * ms", "connection refused", "no answer in 5 s").
 */
import type { GenericSchema } from "valibot";
import type { Alert } from "../core/alert.ts";
import type { CheckFault } from "../core/container.ts";
import type { RestartFault } from "../core/event.ts";
import type { Delivery } from "../core/outbox.ts";
import type { Redact } from "../redaction/redactor.ts";
import type { ContainerFacts, FailedCheck } from "./container-facts.ts";
import type { Discoverer } from "./discovery.ts";
import type { Address, Finding } from "./examination.ts";
import type { ForeignEnvironment } from "./foreign.ts";
import type { TickHook } from "./hook.ts";
import type { SinkSettings } from "./sink-settings.ts";

/** Time as a port, so that tests can control it. When the signal aborts, `wait` resolves early, and never rejects. */
export interface Clock {
  /** Wall clock, ms since the epoch. */
  now(): number;
  /** Milliseconds from an arbitrary start, never going back: for durations. */
  monotonicMs(): number;
  wait(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Log {
  /** Whether debug lines are shown. Ask before you build thousands of them. */
  readonly isDebug?: boolean;
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** What a plugin may use of the world. */
export interface Ports {
  clock: Clock;
  log: Log;
  /** Uniform in [0, 1). */
  random(): number;
  env: Readonly<Record<string, string | undefined>>;
  /** Hides the secrets that the configuration knows, and whatever looks like one. */
  redact: Redact;
}

/**
 * A service as plugins see it. `options` holds the service's settings for the plugin that is called, already
 * validated.
 */
export interface ServiceTarget<Options = unknown> {
  name: string;
  displayName: string;
  url: string;
  container: string;
  timeoutMs: number;
  options: Options;
}

/**
 * `unknown`: the check could not be made, and counts as nothing; with `blocked`, because whoever is asked about the
 * service does not answer: people are told. `fault`: it failed before it came to the service.
 */
export type CheckResult =
  | { ok: true; reason: string }
  | { ok: false; reason: string; unknown?: true; blocked?: true; fault?: CheckFault };

export interface Check<Options = unknown> {
  name: string;
  /** Ends within `service.timeoutMs`. The signal aborts when nobody waits for the result any more. */
  run(service: ServiceTarget<Options>, signal: AbortSignal): Promise<CheckResult>;
}

/**
 * `unknown: true`: it is not known whether the restart happened or will happen (a timeout). `untried: true`: it
 * certainly did not happen, because it could not even be tried; it costs no budget.
 */
export type RestartResult =
  | { ok: true; reason: string }
  | { ok: false; reason: string; fault?: RestartFault; unknown?: true; untried?: true };

/** What is kept of a container before it is restarted. Texts are bounded and have no secrets. */
export interface Evidence {
  facts?: ContainerFacts;
  /** The last outputs of the image's own health check, oldest first. */
  healthLog: string[];
  /** The last log lines, oldest first. */
  logLines: string[];
  /** The likely cause and what to do: `OOMKilled: raise the memory limit`. */
  hint?: string;
  /** What is missing, and why: `docker logs took longer than 2 s`. */
  missing?: string;
}

/**
 * Whether a restart may begin now. A restarter asks this last, right before its command, with no other `await` in
 * between: while a process was suspended, another one may have taken the state over and decided differently. On
 * `false`, the restarter does nothing and returns; its result is ignored.
 */
export type MayAct = () => Promise<boolean>;

export interface Restarter<Options = unknown> {
  name: string;
  /** Loads what is imported late. Called once at the start of a server, not for a one-shot tick. */
  prepare?(): Promise<unknown>;
  /** Always ends, as `unknown` when its time is up. Never runs two commands for one container at once. */
  restart(service: ServiceTarget<Options>, signal: AbortSignal, mayAct: MayAct): Promise<RestartResult>;
  /** For the action `stop`: the container stays stopped. */
  stop?(service: ServiceTarget<Options>, signal: AbortSignal, mayAct: MayAct): Promise<RestartResult>;
  /**
   * Facts by container name; a container that does not exist is absent. `failed`, by container name, are checks that
   * the watchdog's own network may have failed, for `outOfReach`.
   */
  inspect?(
    containers: readonly string[],
    signal: AbortSignal,
    failed?: ReadonlyMap<string, FailedCheck>,
  ): Promise<
    | { ok: true; containers: Record<string, ContainerFacts> }
    | { ok: false; reason: string; fault?: RestartFault }
  >;
  /**
   * Whether it could do its work: version, rights, clock. It changes nothing. `containers` are those that it would
   * restart. Bounded in time (5 s).
   */
  examine?(containers: readonly string[], signal: AbortSignal): Promise<readonly Finding[]>;
  /** How a person ended the container, or is ending it while it still runs (`stopped by docker stop at …`). */
  stoppedByHand?(container: string, signal: AbortSignal): Promise<string | undefined>;
  /**
   * Why the disk of its engine has no room for a restart, which would stop a container that then cannot start; `null`
   * if it has room; `undefined` if that cannot be seen from here. `wasFull`: it was, and needs some room to be over.
   * Called only when a restart is due, and while the disk is full.
   */
  diskFault?(signal: AbortSignal, wasFull: boolean): Promise<string | null | undefined>;
  /**
   * Called when this process has taken the state, before its first tick, and after each reload, with the services of
   * this restarter: takes over what an earlier watchdog left. `file` is a path beside the state, for whatever must
   * survive a crash. At most 10 s.
   */
  takeOver?(services: readonly ServiceTarget<Options>[], file: string): Promise<void>;
  /** Collected before a restart, within 2 s and of limited size. */
  evidence?(service: ServiceTarget<Options>, signal: AbortSignal): Promise<Evidence>;
}

/** A request of a sink, serialised once: exactly these bytes are signed and sent. */
export interface SinkRequest {
  url: string;
  /** Other members of a cluster, which get the same request at the same time. One that accepts it is enough. */
  alsoTo?: readonly string[];
  method: "POST" | "PUT" | "GET";
  headers: Record<string, string>;
  body: string;
}

/** The answer of a receiver. `headers` has names in lower case; `body` is cut at 64 KiB. */
export interface SinkResponse {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** The earlier attempts to deliver the same alert. */
export interface Earlier {
  attempts: number;
  /** The reason of the last attempt; empty before the first. */
  lastReason: string;
}

interface SinkBase {
  name: string;
  /** Where the sink delivers to, for people: without secrets. */
  target: string;
  /** Which alerts the sink gets and how they are worded, as read by `sinkSettings`. */
  settings?: SinkSettings;
  /** Loads what is imported late. Called once at the start of a server, not for a one-shot tick. */
  prepare?(): Promise<unknown>;
}

/** A sink over HTTP: two pure functions. The runner sends, enforces a deadline of 15 s, retries, and keeps alerts. */
export interface HttpSink extends SinkBase {
  format(alert: Alert): SinkRequest;
  /** Several alerts of one moment as one message, for chats. Called only with two or more. */
  formatMany?(alerts: readonly Alert[]): SinkRequest;
  /** Headers that are computed for every attempt, over the exact bytes that are sent. */
  sign?(alert: Alert, request: SinkRequest, timestampS: number): Promise<Record<string, string>>;
  classify(response: SinkResponse, earlier: Earlier): Delivery;
}

/** A sink that delivers in another way than HTTP. */
export interface DirectSink extends SinkBase {
  deliver(alert: Alert, signal: AbortSignal): Promise<Delivery>;
  /** Where it connects to, one after another until one accepts; absent when it connects nowhere. */
  addresses?: readonly Address[];
}

export type Sink = HttpSink | DirectSink;

/** Calls `tick` until the signal aborts. The promise ends when it has stopped. */
export interface Trigger {
  name: string;
  run(tick: () => Promise<void>, signal: AbortSignal): Promise<void>;
}

/** What a plugin's `setup` is given. */
export interface Watchdog extends Ports {
  /** How often a trigger should tick, in ms. It may change when services join or leave: read it each time. */
  readonly intervalMs: number;
  /** Aborts when the plugin is no longer used, after a reload or at the end. Its sinks still deliver what waits. */
  ending: AbortSignal;
  check(check: Check): void;
  restarter(restarter: Restarter): void;
  sink(sink: Sink): void;
  trigger(trigger: Trigger): void;
  hook(hook: TickHook): void;
  discoverer(discoverer: Discoverer): void;
}

export interface Plugin {
  name: string;
  setup(watchdog: Watchdog): void | Promise<void>;
}

/** What is known about a plugin before its setup: faults in its settings are reported with all others. */
export interface PluginDeclaration<Options> {
  /** A valibot schema of the plugin's own settings, `plugins.<name>` in the file. */
  options?: GenericSchema<unknown, Options>;
  /** A valibot schema of a service's settings for the plugin, `services.<service>.<name>` in the file. */
  serviceOptions?: GenericSchema;
  /** The plugin is on unless it is switched off. */
  isDefault?: true;
  /** What the URL of a service that it checks must be, as a valibot schema; without it, a URL may be missing. */
  checkUrl?: GenericSchema<unknown, string>;
  /** Its check asks about a container: a service that it checks has one. */
  checksContainer?: true;
  /** Whether it also finds services that are not listed, by its settings. */
  findsServices?(options: Options): boolean;
  /** What it restarts is a container; other restarters know a service by its name. */
  needsContainer?: true;
  /**
   * Each setting's environment variable, which may also come as `NAME_FILE`. Text is read by the setting's schema:
   * "8080" as a number, "yes" as true. A `list` is separated by commas.
   */
  env?: Readonly<Record<string, string | { list: string }>>;
  /** Settings that switch the plugin on if the environment has one of them; by default all of `env`. */
  onBy?: readonly string[];
  /** The environment of other tools, weaker than all else that people say. */
  foreign?: ForeignEnvironment;
}

export interface PluginFactory<Options> extends PluginDeclaration<Options> {
  (options: Options): Plugin;
}

/**
 * Declares a plugin: `export default definePlugin((options) => ({ name, setup }))`. With a declaration, its settings
 * are validated before anything starts.
 */
export function definePlugin<Options = Record<string, never>>(
  factory: (options: Options) => Plugin,
  declaration: PluginDeclaration<Options> = {},
): PluginFactory<Options> {
  return Object.assign((options: Options) => factory(options), declaration);
}
