/**
 * What discovery reads and what it gives. Labels are written by whoever builds an image or starts a container,
 * so nothing in them is trusted.
 */
import type { Attachment } from "../networks.ts";

/** One container as `docker inspect` gives it, reduced to what discovery reads. */
export interface ContainerView {
  /** The full id. */
  id: string;
  /** The exact name, without the engine's leading slash. */
  name: string;
  labels: Readonly<Record<string, string>>;
  /** `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`. */
  status: string;
  /** Whether a HEALTHCHECK is in force (`NONE` is none). */
  hasHealthcheck: boolean;
  /** `8080/tcp`, in the engine's order. */
  exposedPorts: readonly string[];
  /** The container's side of the ports that the host publishes: `8080/tcp`, in the engine's order. */
  publishedPorts: readonly string[];
  /** `host`, `none`, `container:<id>`, or the network that it was created on. */
  networkMode: string;
  networks: readonly Pick<Attachment, "network" | "names" | "addresses">[];
}

/** The settings of the plugin that decide what is discovered. */
export interface DiscoveryRules {
  /** The full id of the watchdog's own container; empty on a host. */
  ownId: string;
  /** The label that switches healing on when it is `true`, or `all` for every container that has a HEALTHCHECK. */
  label: string;
  /** A container that no label switches on or off is on: to describe it, not to heal it. */
  everything?: true;
  /** Paused containers are left out. */
  onlyRunning: boolean;
  /** The services that a file lists: labels may depend on them. */
  listed: readonly string[];
}

export type Scheme = "http" | "https" | "tcp";
export type Check = "http" | "tcp" | "docker";
export type Action = "restart" | "stop" | "notify" | "none";

/** The keys of `services.<name>` in a file, in the forms that a file gives them. */
export interface DiscoveredSettings {
  check: Check;
  url?: string;
  http?: { status: number | string };
  interval?: string;
  timeout?: string;
  startPeriod?: string;
  failureThreshold?: number;
  action?: Action;
  respectManualStop?: true;
  dependsOn?: string[];
  group?: string;
  displayName?: string;
  docker?: { stopTimeout: string };
}

/** What each setting comes from: a label, `HEALTHCHECK`, `EXPOSE`, or a variable. Several are joined by ", ". */
export type Origins = Record<string, string>;

export interface LabelFault {
  /** The label, or what else is wrong about the container. */
  label: string;
  /** What was found, fit to be shown. */
  found: string;
  accepted: string;
}

export interface Service {
  kind: "service";
  /** Survives a recreated container. */
  name: string;
  container: string;
  settings: DiscoveredSettings;
  origins: Origins;
  /** What its labels say that it depends on, and what no container and no listed service is called. */
  absent: string[];
}

export interface Ignored {
  kind: "ignored";
  container: string;
  why: string;
}

export interface Refused {
  kind: "refused";
  container: string;
  faults: LabelFault[];
}

export type Found = Service | Ignored | Refused;
