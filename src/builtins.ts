/** The plugins that come with the watchdog. Only entry points import this: one line adds one. */
import consolePlugin from "../plugins/console.ts";
import cron from "../plugins/cron.ts";
import docker from "../plugins/docker.ts";
import http from "../plugins/http.ts";
import webhook from "../plugins/webhook.ts";
import type { PluginFactory } from "./plugin.ts";

// biome-ignore lint/suspicious/noExplicitAny: each factory's options are checked by its own schema.
export const builtins: Record<string, PluginFactory<any>> = {
  http,
  docker,
  cron,
  webhook,
  console: consolePlugin,
};
