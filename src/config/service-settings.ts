/** The settings of a service, as written in a file. */
import * as v from "valibot";
import { DEFAULT_POLICY } from "../core/policy.ts";
import { isRecord } from "../core/record.ts";
import {
  anyUrl,
  choice,
  containerName,
  duration,
  flag,
  help,
  line,
  oneOf,
  share,
  wholeNumber,
} from "../plugin/settings.ts";
import type { Declarations } from "./config.ts";
import { maintenanceField } from "./maintenance.ts";
import { envEntries, fileEntries, type Settings } from "./settings.ts";

const DAY_MS = 86_400_000;

/** Names appear in URLs (`/services/<name>`), in logs and in alerts. */
export const SERVICE_NAME = /^[a-z0-9][a-z0-9_.-]{0,63}$/i;
export const ACCEPTED_SERVICE_NAME =
  'a name of 1 to 64 letters, digits, "_", "." and "-", beginning with a letter or digit';

const names = (what: string) => v.array(line(64), `a list of ${what}`);
const checkEvery = () => duration(100, DAY_MS);
const threshold = () => wholeNumber(1, 1000);

const backoff = v.strictObject(
  {
    base: v.optional(duration(0, DAY_MS)),
    cap: v.optional(duration(0, DAY_MS)),
    jitter: v.optional(share({ zero: true }), DEFAULT_POLICY.backoff.jitter),
  },
  'an object with "base", "cap" and "jitter", such as { "base": "10s", "cap": "5m", "jitter": 0.2 }',
);

const limited = v.strictObject(
  {
    restarts: v.optional(
      wholeNumber(1, 1000, ' (for no restarts at all, set "action" to "notify")'),
      DEFAULT_POLICY.budget.restarts,
    ),
    window: v.optional(duration(1000, 30 * DAY_MS), DEFAULT_POLICY.budget.windowMs / 1000),
  },
  '"never" for no limit, or an object such as { "restarts": 5, "window": "10m" }',
);
const unlimited = v.literal("never");

export const SERVICE_SETTINGS = {
  // Which URL it must be, the check says.
  url: { schema: anyUrl(), help: "The address that the check asks." },
  container: {
    schema: containerName(),
    help: "The container that is restarted; found by the host of the URL unless set.",
  },
  displayName: {
    schema: line(100),
    help: "Its name in alerts and logs; by default made from its key.",
  },
  group: { schema: line(64), help: "The group under which it is shown." },
  check: { schema: line(64), default: "http", help: "The plugin that asks whether it is healthy." },
  restarter: { schema: line(64), default: "docker", help: "The plugin that restarts it." },
  interval: {
    schema: checkEvery(),
    default: DEFAULT_POLICY.intervalMs / 1000,
    env: "CHECK_INTERVAL_SECONDS",
    help: "How often it is checked.",
  },
  fastInterval: {
    schema: checkEvery(),
    help: "How often it is checked while in doubt: failing, down, or just restarted.",
  },
  // The timeout may exceed the interval, as in Kubernetes: a service is due one interval after its last check, so its
  // checks never overlap, and a short `interval` needs no `timeout`.
  timeout: {
    schema: duration(10, 600_000),
    default: 5,
    env: "HEALTH_CHECK_TIMEOUT",
    help: "How long a check may take before it counts as failed.",
  },
  failureThreshold: {
    schema: threshold(),
    default: DEFAULT_POLICY.failureThreshold,
    env: "MAX_CONSECUTIVE_FAILURES",
    help: "How many failures in a row make it down.",
  },
  successThreshold: {
    schema: threshold(),
    default: DEFAULT_POLICY.successThreshold,
    help: "How many passes in a row make it healthy again.",
  },
  startPeriod: {
    schema: duration(0, DAY_MS),
    help: "Failures within this time of the container's start do not count; by default the start period of the image.",
  },
  action: {
    schema: oneOf("restart", "stop", "notify", "none"),
    default: DEFAULT_POLICY.action,
    help: "What is done when it is down.",
  },
  dryRun: {
    schema: flag(),
    default: DEFAULT_POLICY.dryRun,
    help: "Say what would be restarted, and restart nothing.",
  },
  dependsOn: {
    schema: names("services that this one cannot be healthy without"),
    default: [],
    help: "Services that this one cannot be healthy without: while one of them is down, this one is held.",
  },
  restartWith: {
    schema: names("services that are restarted right after this one"),
    default: [],
    help: "Services that are restarted right after this one.",
  },
  backoff: { schema: backoff, default: {}, help: "How long to wait between two restarts." },
  budget: {
    schema: choice([limited, unlimited], (input) => (input === "never" ? unlimited : limited)),
    default: {},
    help: 'How many restarts a window of time may have; "never" for no limit.',
  },
  stable: {
    schema: duration(0, 30 * DAY_MS),
    default: DEFAULT_POLICY.stableMs / 1000,
    help: "Healthy for this long without a break, and backoff and budget begin anew.",
  },
  respectManualStop: {
    schema: flag(),
    default: DEFAULT_POLICY.respectManualStop,
    help: "Whether a container that a person stopped or paused is left alone.",
  },
  recoveryAfter: {
    schema: threshold(),
    default: DEFAULT_POLICY.recoveryAfter,
    help: "The least failures after which a recovery without a restart is told.",
  },
  remindEvery: {
    schema: duration(1000, 30 * DAY_MS),
    help: "How often a lasting outage is reported again; by default never.",
  },
  maintenance: { schema: maintenanceField(), default: [], help: "Windows in which it is not restarted." },
} as const satisfies Settings;

/** The keys of a service: a plugin cannot have one of these names. */
export const SERVICE_KEYS: readonly string[] = [...Object.keys(SERVICE_SETTINGS), "extends"];

const ENTRIES = fileEntries(SERVICE_SETTINGS);
const KNOWN = v.strictObject(ENTRIES);

/** The settings for all services that come from the environment. */
export const SERVICE_ENV_SCHEMA = v.strictObject(envEntries(SERVICE_SETTINGS));

/** The settings of a service, with defaults filled in. Its settings for plugins are under the plugins' names. */
export type ServiceSettings = v.InferOutput<typeof KNOWN> & Record<string, unknown>;

export type ServiceSchema = v.GenericSchema<unknown, ServiceSettings>;

/** Gives the schema of a service: it depends on the plugins at hand, and on the check that the service names. */
export function serviceSchemas(declarations: Declarations): (said: unknown) => ServiceSchema {
  const any = anyServiceSchema(declarations);
  const byCheck = new Map(
    Object.entries(declarations)
      .map(([name, declaration]) => [name, neededBy(declaration)] as const)
      .filter(([, needed]) => Object.keys(needed).length > 0)
      .map(([name, needed]) => [name, serviceSchema(declarations, needed)]),
  );
  return (said) => byCheck.get(checkOf(said)) ?? any;
}

/** Of a service of which nothing is required. */
export function anyServiceSchema(declarations: Declarations): ServiceSchema {
  return serviceSchema(declarations, {});
}

function checkOf(said: unknown): string {
  const check = isRecord(said) ? said.check : undefined;
  return check === undefined ? SERVICE_SETTINGS.check.default : String(check);
}

/** Settings that any service may leave out. */
interface Needed {
  url?: v.GenericSchema;
  container?: v.GenericSchema;
}

/** What a check must know of a service; all else, its own options say. */
export function neededBy({ checkUrl, checksContainer }: Declarations[string]): Needed {
  return {
    ...(checkUrl && { url: help(SERVICE_SETTINGS.url.help, checkUrl) }),
    ...(checksContainer && {
      container: help(SERVICE_SETTINGS.container.help, SERVICE_SETTINGS.container.schema),
    }),
  };
}

function serviceSchema(declarations: Declarations, needed: Needed): ServiceSchema {
  const plugins = Object.entries(declarations).flatMap(([plugin, { serviceOptions }]) =>
    serviceOptions ? [[plugin, v.optional(serviceOptions)] as const] : [],
  );
  const schema = v.strictObject(
    // Its own settings come first where it is shown, and are stronger than a plugin of such a name.
    { ...ENTRIES, ...Object.fromEntries(plugins), ...ENTRIES, ...needed },
    "an object with the service's settings",
  );
  return schema as unknown as ServiceSchema;
}
