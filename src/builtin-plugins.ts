/** The plugins that come with the watchdog. Only entry points import this: one line adds one. */
import alertmanager from "../plugins/alertmanager.ts";
import apprise from "../plugins/apprise.ts";
import consolePlugin from "../plugins/console.ts";
import cron from "../plugins/cron.ts";
import deadman from "../plugins/deadman.ts";
import discord from "../plugins/discord.ts";
import docker from "../plugins/docker.ts";
import email from "../plugins/email.ts";
import gotify from "../plugins/gotify.ts";
import http from "../plugins/http.ts";
import ntfy from "../plugins/ntfy.ts";
import pagerduty from "../plugins/pagerduty.ts";
import processPlugin from "../plugins/process.ts";
import redis from "../plugins/redis.ts";
import slack from "../plugins/slack.ts";
import tcp from "../plugins/tcp.ts";
import teams from "../plugins/teams.ts";
import telegram from "../plugins/telegram.ts";
import webhook from "../plugins/webhook.ts";
import type { PluginFactory } from "./plugin/contract.ts";

// biome-ignore lint/suspicious/noExplicitAny: each factory's options are checked by its own schema.
export const builtins: Record<string, PluginFactory<any>> = {
  http,
  tcp,
  docker,
  process: processPlugin,
  cron,
  webhook,
  console: consolePlugin,
  slack,
  discord,
  teams,
  telegram,
  pagerduty,
  ntfy,
  gotify,
  alertmanager,
  apprise,
  email,
  redis,
  deadman,
};
