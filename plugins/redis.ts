import * as v from "valibot";
import {
  type Delivery,
  type DirectSink,
  definePlugin,
  type EventType,
  help,
  type SinkSettings,
  secret,
  sinkSettings,
  wholeNumber,
} from "../src/plugin.ts";
import { classifyFault } from "./redis/classify.ts";
import { entryOf, FORMATS, type Format, RECOVERED, type Recovered } from "./redis/entry.ts";

export interface RedisOptions extends SinkSettings {
  url: string;
  stream: string;
  format: Format;
  /** How a recovery is written in SpreadPilot's format, which has none; absent: WATCHDOG_FAILURE. */
  recovered?: Recovered;
}

/** Below the 15 s of an attempt, so that the reason says what took so long. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Adds alerts to a Redis stream, in the format of other receivers or in that of SpreadPilot's router. */
const ACCEPTED_URL =
  'an address such as "redis://redis:6379", "redis://user:password@redis:6379/0" or "rediss://…" (special characters in the password as %XX)';

const ACCEPTED_HOST = 'the name or address of the server, such as "redis"';

export default definePlugin<RedisOptions>(
  (options) => ({
    name: "redis",
    setup(watchdog) {
      watchdog.sink(redisSink(options));
    },
  }),
  {
    options: v.pipe(
      v.strictObject({
        url: help(
          "The address of the server, with a password if it asks for one.",
          v.optional(
            v.pipe(secret(ACCEPTED_URL), v.check(isRedisUrl, ACCEPTED_URL), v.metadata({ secret: true })),
          ),
        ),
        host: help(
          "The server, if there is no url.",
          v.optional(v.pipe(v.string(ACCEPTED_HOST), v.regex(/^[\w.:-]{1,253}$/, ACCEPTED_HOST))),
        ),
        port: help("Its port.", v.optional(wholeNumber(1, 65_535), 6379)),
        password: help("Its password.", v.optional(secret())),
        db: help("The number of the database.", v.optional(wholeNumber(0, 1_000_000))),
        stream: help(
          "The stream to which alerts are added.",
          v.optional(
            v.pipe(
              v.string("the name of a stream"),
              v.minLength(1, "the name of a stream"),
              v.maxLength(200),
            ),
            "alerts",
          ),
        ),
        format: help(
          "How an entry is written: as other receivers get it, or as SpreadPilot's router reads it.",
          v.optional(v.picklist(FORMATS, `one of ${FORMATS.join(", ")}`), "alert"),
        ),
        recovered: help(
          "How a recovery is written in SpreadPilot's format.",
          v.optional(v.picklist(RECOVERED, `one of ${RECOVERED.join(", ")}`)),
        ),
        ...sinkSettings,
      }),
      v.forward(
        v.check(({ url, host }) => url !== undefined || host !== undefined, ACCEPTED_URL),
        ["url"],
      ),
      v.forward(
        v.check(
          ({ format, recovered }) => recovered === undefined || format === "spreadpilot",
          'nothing without "format": "spreadpilot"',
        ),
        ["recovered"],
      ),
      v.transform(
        ({ url, host, port, password, db, ...rest }): RedisOptions => ({
          ...rest,
          url: url ?? urlOf(host!, port, password, db),
        }),
      ),
    ),
    // The variables that SpreadPilot's own services use for Redis.
    env: {
      url: "REDIS_URL",
      host: "REDIS_HOST",
      port: "REDIS_PORT",
      password: "REDIS_PASSWORD",
      db: "REDIS_DB",
      stream: "REDIS_ALERT_STREAM",
      format: "REDIS_ALERT_FORMAT",
    },
    onBy: ["url", "host"],
  },
);

/** Imported late: a tick without alerts should not load it. */
const loadRedis = () => import("redis");

function urlOf(host: string, port: number, password: string | undefined, db: number | undefined): string {
  const login = password === undefined ? "" : `:${encodeURIComponent(password)}@`;
  const path = db === undefined ? "" : `/${db}`;
  return `redis://${login}${host.includes(":") ? `[${host}]` : host}:${port}${path}`;
}

/**
 * Opens a connection for each alert. Alerts are rare, a kept connection would keep a one-shot process alive, and a
 * connection that died unnoticed would cost an attempt. `connectTimeoutMs` is only for the connection.
 */
export function redisSink(
  { url, stream, format, recovered, ...settings }: RedisOptions,
  connectTimeoutMs = CONNECT_TIMEOUT_MS,
): DirectSink {
  const { host, hostname, port, pathname, protocol } = new URL(url);
  return {
    name: "redis",
    target: `redis ${host}${pathname.replace(/\/$/, "")}, stream ${stream}`,
    settings: recovered === "skip" ? withoutRecoveries(settings) : settings,
    addresses: [
      {
        host: hostname.replace(/^\[(.*)\]$/, "$1"),
        port: Number(port || 6379),
        tls: protocol === "rediss:",
      },
    ],
    prepare: loadRedis,
    async deliver(alert, signal): Promise<Delivery> {
      const { createClient } = await loadRedis();
      if (signal.aborted) return { outcome: "retry", reason: "stopped before Redis took it" };
      const client = createClient({
        url,
        // Every server understands RESP 2, and nothing here needs RESP 3.
        RESP: 2,
        disableOfflineQueue: true,
        socket: { connectTimeout: connectTimeoutMs, reconnectStrategy: false },
      });
      // An 'error' event without a listener ends the process. The same error also rejects `connect` or `xAdd`.
      client.on("error", () => {});
      const stop = () => client.destroy();
      signal.addEventListener("abort", stop, { once: true });
      try {
        await client.connect();
        const entry = await client.xAdd(stream, "*", entryOf(alert, format));
        return { outcome: "delivered", reason: `entry ${entry}` };
      } catch (fault) {
        return classifyFault(fault);
      } finally {
        signal.removeEventListener("abort", stop);
        if (client.isOpen) client.destroy();
      }
    },
  };
}

function withoutRecoveries({ events = ALL_EVENTS, ...settings }: SinkSettings): SinkSettings {
  return { ...settings, events: events.filter((event) => event !== "COMPONENT_RECOVERED") };
}

const ALL_EVENTS: readonly EventType[] = ["COMPONENT_DOWN", "COMPONENT_RECOVERED", "WATCHDOG_FAILURE"];

function isRedisUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, pathname } = new URL(text);
  try {
    decodeURIComponent(username + password);
  } catch {
    return false;
  }
  return /^rediss?:$/.test(protocol) && hostname !== "" && /^\/?\d*$/.test(pathname);
}
