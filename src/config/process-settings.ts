/**
 * The settings of the process: those at the top level of a configuration file, and those that only the environment
 * has.
 */
import { isIP } from "node:net";
import * as v from "valibot";
import { duration, flag, httpUrl, line, oneOf, secret, share, wholeNumber } from "../plugin/settings.ts";
import type { LogFormat, LogLevel } from "../system/log.ts";
import { maintenanceField } from "./maintenance.ts";
import { envEntries, fileEntries, type Settings } from "./settings.ts";

const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const satisfies readonly LogLevel[];
/** What Python and other languages call them. */
const LEVELS_BY_ALIAS = { warning: "warn", critical: "error", fatal: "error" } as const;
const isAlias = (level: string): level is keyof typeof LEVELS_BY_ALIAS =>
  Object.hasOwn(LEVELS_BY_ALIAS, level);

const logLevel = v.pipe(
  v.picklist(
    [...LOG_LEVELS, ...(Object.keys(LEVELS_BY_ALIAS) as (keyof typeof LEVELS_BY_ALIAS)[])],
    `one of ${LOG_LEVELS.map((level) => `"${level}"`).join(", ")}`,
  ),
  v.transform((level): LogLevel => (isAlias(level) ? LEVELS_BY_ALIAS[level] : level)),
);

const LOG_FORMATS = ["pretty", "json"] as const satisfies readonly LogFormat[];

/** Longer than any system allows. The system reports which path is too long. */
const LONGEST_PATH = 65_536;
const ACCEPTED_HOST = 'an address or host name to listen on, such as "127.0.0.1", "0.0.0.0" or "::1"';
const ACCEPTED_TOKEN = "printable characters without spaces";

function isHost(text: string): boolean {
  return isIP(text) !== 0 || (/^[a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?$/i.test(text) && !/^[\d.]+$/.test(text));
}

/** The characters that an `Authorization` header can carry. */
function token(accepted: string) {
  return v.pipe(secret(accepted), v.regex(/^[\x21-\x7e]+$/, accepted), v.metadata({ secret: true }));
}

const tokens = (accepted: string) =>
  v.pipe(v.array(token(accepted), accepted), v.minLength(1, accepted), v.metadata({ secret: true }));

const brake = v.strictObject(
  {
    share: v.optional(share({ zero: false }), 0.5),
    min: v.optional(wholeNumber(1, 10_000), 3),
    window: v.optional(duration(1000, 86_400_000), 60),
  },
  'an object such as { "share": 0.5, "min": 3, "window": "1m" }',
);

export const PROCESS_SETTINGS = {
  configFile: {
    schema: line(LONGEST_PATH),
    env: "WATCHDOG_CONFIG",
    envOnly: true,
    help: "The configuration file; unless set, the one watchdog.config.* in the working folder, if there is one.",
  },
  host: {
    schema: v.pipe(v.string(ACCEPTED_HOST), v.check(isHost, ACCEPTED_HOST)),
    default: "127.0.0.1",
    env: "HOST",
    help: "The address to listen on. Anything but loopback requires a token.",
  },
  port: {
    schema: wholeNumber(0, 65_535),
    default: 8787,
    env: "PORT",
    help: "The port to listen on; 0 for any free one.",
  },
  tokens: {
    schema: tokens(`one or more tokens of ${ACCEPTED_TOKEN}, with commas between`),
    env: { list: "WATCHDOG_TOKEN" },
    envOnly: true,
    help: "Each of these opens /tick and /status; 16 characters or more where other machines can connect.",
  },
  cronSecret: {
    schema: token(`one token of ${ACCEPTED_TOKEN}`),
    env: "CRON_SECRET",
    envOnly: true,
    help: "One more token, under the name that hosted schedulers use.",
  },
  stateFile: {
    schema: line(LONGEST_PATH),
    env: "STATE_FILE",
    help: "Where the state is kept; by default data/state.json in the working folder.",
  },
  logLevel: {
    schema: logLevel,
    default: "info",
    env: "LOG_LEVEL",
    help: "The least severe lines of the log that are written.",
  },
  logFormat: {
    schema: oneOf(...LOG_FORMATS),
    default: "pretty",
    env: "LOG_FORMAT",
    help: "How the log is written: for people, or one JSON object a line.",
  },
  cron: {
    schema: flag(),
    env: "WATCHDOG_CRON",
    envOnly: true,
    help: "Whether the internal scheduler ticks; false where an external one calls /tick.",
  },
  dryRun: {
    schema: flag(),
    env: "DRY_RUN",
    help: "Restart nothing, and say what would have been restarted.",
  },
  startDelay: {
    schema: duration(0, 86_400_000),
    default: 0,
    help: "How long after its start the watchdog waits with its first checks.",
  },
  tickBudget: {
    schema: duration(100, 3_600_000),
    help: "How long a tick waits for the restarts that it began; by default the shortest interval, at most 10 s.",
  },
  maxConcurrentRestarts: {
    schema: wholeNumber(1, 1000),
    default: 4,
    help: "How many restarts run at the same time.",
  },
  brake: {
    schema: brake,
    help: "Holds all restarts when too many services fall together: the fault is then a common one.",
  },
  maintenance: {
    schema: maintenanceField(),
    default: [],
    help: "Windows in which no service is restarted.",
  },
  sentinel: {
    schema: v.strictObject({ url: httpUrl() }, 'an object such as { "url": "http://10.0.0.1/" }'),
    help: "An address asked first: when it does not answer, the fault is the watchdog's own network.",
  },
} as const satisfies Settings;

export const FILE_SCHEMA = v.strictObject({
  /** The address of the schema, for editors. */
  $schema: v.optional(v.string("the address of a JSON Schema")),
  services: v.optional(v.unknown()),
  plugins: v.optional(v.unknown()),
  defaults: v.optional(v.unknown()),
  templates: v.optional(v.unknown()),
  ...fileEntries(PROCESS_SETTINGS),
});

export const ENV_SCHEMA = v.strictObject(envEntries(PROCESS_SETTINGS));

export type EnvSettings = v.InferOutput<typeof ENV_SCHEMA>;
