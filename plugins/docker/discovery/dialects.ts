/**
 * Every label that is understood, and the tool whose label it is: one table in the order of precedence. Ours come
 * first, then those of other healers, then those that are made for something else.
 */
import type { ContainerView, DiscoveryRules } from "./contract.ts";
import { kumaAddress, type Published, SPREADPILOT, spreadpilotAddress, traefikAddress } from "./published.ts";
import { flag, line, names, oneOf, path, port, serviceName, wholeNumber } from "./values.ts";
import { interval, startPeriod, stopTimeout, timeout, translated, type Word, word } from "./vocabulary.ts";

/** A label that switches healing on, and off with `false`. */
export interface Switch {
  label: string;
  /**
   * `flag`: true or false, and anything else is a fault. `lenient`: anything else says nothing. `no`: only false
   * says something. `any`: it only has to be there.
   */
  takes: "flag" | "lenient" | "no" | "any";
}

export interface Dialect {
  tool: string;
  /** A wrong value refuses the container. Labels that are made for something else are passed over. */
  strict: boolean;
  switches?(rules: DiscoveryRules): Switch[];
  /** A container that this tool's label switches on is asked by its HEALTHCHECK, before any published address. */
  healsByHealthcheck?: true;
  words: readonly Word[];
  publishes?(view: ContainerView): Published | undefined;
}

export const OWN_PREFIX = "watchdog.";
export const ENABLE = `${OWN_PREFIX}enable`;
export const EXCLUDE = `${OWN_PREFIX}exclude`;

const action = oneOf("restart", "stop", "notify", "none");

export const OWN_WORDS: readonly Word[] = [
  word("watchdog.name", "name", serviceName),
  // The host is judged later, when the container's own ones are known.
  word("watchdog.url", "url", { accepted: "a URL", read: (text) => text }),
  word("watchdog.scheme", "scheme", oneOf("http", "https", "tcp")),
  word("watchdog.port", "port", port),
  word("watchdog.path", "path", path),
  word("watchdog.check", "check", oneOf("http", "tcp", "docker")),
  word("watchdog.interval", "interval", interval),
  word("watchdog.timeout", "timeout", timeout),
  word("watchdog.failures", "failureThreshold", wholeNumber(1, 1000)),
  word("watchdog.start-period", "startPeriod", startPeriod),
  word("watchdog.depends-on", "dependsOn", names),
  word("watchdog.group", "group", line(64)),
  word("watchdog.display-name", "displayName", line(100)),
  word("watchdog.action", "action", action),
  word("watchdog.stop-timeout", "stopTimeout", stopTimeout),
];

const autohealStopTimeout = word("autoheal.stop.timeout", "stopTimeout", stopTimeout);

export const DIALECTS: readonly Dialect[] = [
  // `watchdog.enable` decides before all others, and is read apart from them.
  { tool: "SpreadPilot Watchdog", strict: true, words: OWN_WORDS },
  {
    tool: "SpreadPilot",
    strict: true,
    switches: () => [{ label: SPREADPILOT, takes: "any" }],
    words: [],
    publishes: spreadpilotAddress,
  },
  {
    tool: "deunhealth",
    strict: true,
    switches: () => [{ label: "deunhealth.restart.on.unhealthy", takes: "flag" }],
    healsByHealthcheck: true,
    words: [],
  },
  {
    tool: "tmknight/docker-autoheal",
    strict: true,
    switches: () => [{ label: "autoheal.monitor.enable", takes: "flag" }],
    healsByHealthcheck: true,
    words: [
      translated("autoheal.restart.enable", "action", flag, (on) => (on ? null : "notify")),
      autohealStopTimeout,
    ],
  },
  { tool: "Docker-Guardian", strict: true, words: [word("autoheal.action", "action", action)] },
  {
    tool: "docker-autoheal",
    strict: true,
    switches: autohealSwitches,
    healsByHealthcheck: true,
    words: [autohealStopTimeout],
  },
  {
    tool: "TommyE123/docker-autoheal",
    strict: false,
    // Any text is an identity there; what is no name of ours becomes one.
    words: [word("monitoring.id", "name", line(255))],
  },
  { tool: "docker-surgeon", strict: true, words: [word("com.monitor.depends.on", "dependsOn", names)] },
  { tool: "AutoKuma", strict: false, words: [], publishes: kumaAddress },
  { tool: "traefik", strict: false, words: [], publishes: traefikAddress },
  {
    tool: "homepage",
    strict: false,
    words: [word("homepage.name", "displayName", line(100)), word("homepage.group", "group", line(64))],
  },
  {
    tool: "Dozzle",
    strict: false,
    words: [word("dev.dozzle.name", "displayName", line(100)), word("dev.dozzle.group", "group", line(64))],
  },
];

const AUTOHEAL = "autoheal";

/**
 * A label of one's own choice may have other values for a purpose of its own. `autoheal=false` excludes, whatever
 * label was chosen.
 */
function autohealSwitches({ label }: DiscoveryRules): Switch[] {
  if (label === AUTOHEAL || label === "all") return [{ label: AUTOHEAL, takes: "flag" }];
  return [
    { label, takes: "lenient" },
    { label: AUTOHEAL, takes: "no" },
  ];
}
