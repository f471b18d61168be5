import * as v from "valibot";
import {
  type Alert,
  cut,
  type Delivery,
  type DirectSink,
  definePlugin,
  type SinkSettings,
  sinkSettings,
} from "../src/plugin.ts";
import { classifyFault } from "./redis/classify.ts";

export interface RedisOptions extends SinkSettings {
  url: string;
  stream: string;
}

/** SpreadPilot's alert-router makes one Telegram message of it all, which may have 4096 characters. */
const MESSAGE_LIMIT = 3000;
const PARAM_LIMIT = 200;
/** Below the 15 s of an attempt, so that the reason says what took so long. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Adds alerts to a Redis stream as SpreadPilot's own services do: its alert-router tells people. */
export default definePlugin<RedisOptions>(
  (options) => ({
    name: "redis",
    setup(watchdog) {
      watchdog.sink(redisSink(options));
    },
  }),
  {
    options: v.strictObject({
      url: v.pipe(
        v.unknown(),
        v.check(
          (value) => typeof value === "string" && isRedisUrl(value),
          'an address such as "redis://redis:6379", "redis://user:password@redis:6379/0" or "rediss://…" (special characters in the password as %XX)',
        ),
        v.transform((value) => value as string),
        v.metadata({ secret: true }),
      ),
      stream: v.optional(
        v.pipe(v.string("the name of a stream"), v.minLength(1, "the name of a stream"), v.maxLength(200)),
        "alerts",
      ),
      ...sinkSettings,
    }),
    fromEnv: (env) => (env.REDIS_URL ? { url: env.REDIS_URL } : undefined),
  },
);

/**
 * A connection for each alert: alerts are rare, a kept one would hold a process of one tick, and a connection
 * that died unseen costs an attempt. `connectTimeoutMs` is for the connection alone.
 */
export function redisSink(
  { url, stream, ...settings }: RedisOptions,
  connectTimeoutMs = CONNECT_TIMEOUT_MS,
): DirectSink {
  const { host, pathname } = new URL(url);
  return {
    name: "redis",
    target: `redis ${host}${pathname.replace(/\/$/, "")}, stream ${stream}`,
    settings,
    async deliver(alert, signal): Promise<Delivery> {
      // Imported late: a tick that tells nothing must not pay for it.
      const { createClient } = await import("redis");
      if (signal.aborted) return { outcome: "retry", reason: "stopped before Redis took it" };
      const client = createClient({
        url,
        // Understood by every server; nothing here needs RESP 3.
        RESP: 2,
        disableOfflineQueue: true,
        socket: { connectTimeout: connectTimeoutMs, reconnectStrategy: false },
      });
      // An 'error' that nobody listens to ends the process. What failed is also what `connect` or `xAdd` rejects with.
      client.on("error", () => {});
      const stop = () => client.destroy();
      signal.addEventListener("abort", stop, { once: true });
      try {
        await client.connect();
        const entry = await client.xAdd(stream, "*", { alert: JSON.stringify(eventOf(alert)) });
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

/** SpreadPilot's model `AlertEvent`, whose strings must be whole Unicode: Python refuses half a surrogate pair. */
function eventOf({ event_type, message, timestamp, params }: Alert): Record<string, unknown> {
  const whole = Object.entries(params).map(([name, value]) => [
    name,
    typeof value === "string" ? cut(value, PARAM_LIMIT) : value,
  ]);
  return { event_type, message: cut(message, MESSAGE_LIMIT), timestamp, params: Object.fromEntries(whole) };
}

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
