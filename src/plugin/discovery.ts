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

/** Finds services on this host. */
export interface Discoverer {
  name: string;
  /** Whether it also finds services that are not listed. */
  isOn: boolean;
  /** What is there now. Bounded in time (5 s). */
  discover(listed: readonly ListedService[], signal: AbortSignal): Promise<Discovery>;
  /** Calls `changed` whenever something may have changed, until the signal aborts; absent when it cannot tell. */
  watch?(changed: () => void, signal: AbortSignal): Promise<void>;
}
