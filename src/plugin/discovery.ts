/** What finds services on a host, and the runner promise each other. */

/** A service of the configuration, for whoever finds its container. `container` is empty when the file names none. */
export interface ListedService {
  name: string;
  url: string;
  container: string;
}

/** A container that is a service by what it says of itself. */
export interface FoundService {
  /** Survives a recreated container. */
  name: string;
  container: string;
  /** As a configuration file has them under `services.<name>`; not checked yet. */
  settings: Readonly<Record<string, unknown>>;
  /** By the key of the setting: the label, or whatever else it comes from. */
  origins: Readonly<Record<string, string>>;
}

/** A container that cannot be a service as it says. */
export interface RefusedContainer {
  container: string;
  faults: readonly { label: string; found: string; accepted: string }[];
}

export type Discovery =
  | {
      ok: true;
      services: readonly FoundService[];
      refused: readonly RefusedContainer[];
      /**
       * By listed service: its container if that exists, or else those that the host of its URL may mean. Absent: none.
       */
      containers: Readonly<Record<string, readonly string[]>>;
    }
  | { ok: false; reason: string };

/** A container as its engine or a Compose file describes it: what a configuration file can be made of. */
export interface Outline {
  /** What the service is called in the file. */
  name: string;
  /** Empty where nobody named it: it is found by the host of its URL. */
  container: string;
  /** What the engine will call it, if nobody named it. */
  likelyContainer: string;
  /** Its TCP ports, the likeliest first, and where each is asked: `api:8080`, `127.0.0.1:18080`. */
  ports: readonly { port: number; at: string }[];
  /** Under this name it is asked at ports that are not listed, too; absent: it is not. */
  host?: string;
  /** Whether it has a HEALTHCHECK. Its command, as Docker writes it, and its times; absent where the image has them. */
  health?: {
    test: readonly string[];
    intervalMs?: number;
    timeoutMs?: number;
    retries?: number;
    startPeriodMs?: number;
  };
  labels: Readonly<Record<string, string>>;
  /** Names of other outlines. */
  dependsOn: readonly string[];
  /** What whoever reads the file should know. */
  notes: readonly string[];
  /** Why it is not to be watched. */
  leftOut?: string;
}

/** An outline as a service of a configuration file. */
export interface Suggestion {
  name: string;
  /** As a file has them under `services.<name>`. */
  settings: Readonly<Record<string, unknown>>;
  /** By the key of the setting: why it is so. */
  why: Readonly<Record<string, string>>;
  notes: readonly string[];
  /** Why it is not to be watched; then there are no settings. */
  leftOut?: string;
  /** Better to be asked over HTTP than what `settings` have, if one of these URLs answers. */
  guesses?: readonly string[];
}

/** Finds services on this host. */
export interface Discoverer {
  name: string;
  /** Whether it also finds services that are not listed. */
  isOn: boolean;
  /** What is there now. Bounded in time (5 s). */
  discover(listed: readonly ListedService[], signal: AbortSignal): Promise<Discovery>;
  /**
   * What a configuration file could say of these containers; without them, of all that are on this host. Bounded in
   * time (5 s).
   */
  suggest?(
    outlines: readonly Outline[] | undefined,
    signal: AbortSignal,
  ): Promise<{ ok: true; services: readonly Suggestion[] } | { ok: false; reason: string }>;
  /** Calls `changed` whenever something may have changed, until the signal aborts; absent when it cannot tell. */
  watch?(changed: () => void, signal: AbortSignal): Promise<void>;
}
