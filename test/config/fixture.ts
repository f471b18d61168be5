/** Loads configurations from memory, with plugins as small as their declarations. */
import assert from "node:assert/strict";
import * as v from "valibot";
import type { Config, Declarations } from "../../src/config/config.ts";
import type { Fault } from "../../src/config/fault.ts";
import { type LoadInput, loadConfig } from "../../src/config/load.ts";
import { duration, httpUrl, secret, wholeNumber } from "../../src/plugin/settings.ts";
import { definePlugin } from "../../src/plugin.ts";

const make = (name: string) => () => ({ name, setup() {} });

export const plugins: Declarations = {
  http: definePlugin(make("http"), {
    isDefault: true,
    checkUrl: httpUrl(),
    serviceOptions: v.strictObject({
      status: v.optional(wholeNumber(100, 599), 200),
      headers: v.optional(v.record(v.string(), v.string()), {}),
    }),
  }),
  docker: definePlugin(make("docker"), {
    isDefault: true,
    needsContainer: true,
    findsServices: ({ discover }) => discover === true,
    options: v.strictObject({ discover: v.optional(v.boolean()) }),
    serviceOptions: v.strictObject({ stopTimeout: v.optional(duration(0)) }),
  }),
  cron: definePlugin(make("cron"), {
    isDefault: true,
    options: v.strictObject({ every: v.optional(duration(100)) }),
  }),
  webhook: definePlugin(make("webhook"), {
    options: v.strictObject({
      url: v.pipe(v.string(), v.url("a URL")),
      secret: v.optional(secret('a secret that begins with "whsec_"')),
      signing: v.optional(
        v.pipe(v.string(), v.startsWith("whsec_", "text with whsec_"), v.metadata({ secret: true })),
      ),
      format: v.optional(v.picklist(["own", "cloudevents"], 'one of "own", "cloudevents"'), "own"),
    }),
    env: { url: "WEBHOOK_URL", signing: "WEBHOOK_SECRET" },
    onBy: ["url"],
  }),
  console: definePlugin(make("console")),
  process: definePlugin(make("process"), {
    serviceOptions: v.strictObject({ command: v.pipe(v.unknown(), v.string("a command")) }),
  }),
};

export interface World {
  env?: Record<string, string>;
  /** Absolute path to text; `/app` is the working folder. An `Error` is thrown at who reads it. */
  files?: Record<string, string | Error>;
  /** File URL to namespace, or a function that throws. */
  modules?: Record<string, unknown>;
}

export function load({ env = {}, files = {}, modules = {} }: World, more: Partial<LoadInput> = {}) {
  return loadConfig({
    env,
    cwd: "/app",
    plugins,
    readFile: async (path) => {
      const file = files[path];
      if (file === undefined) throw Object.assign(new Error(`ENOENT ${path}`), { code: "ENOENT" });
      if (file instanceof Error) throw file;
      return file;
    },
    readFolder: async (folder) =>
      Object.keys(files).flatMap((path) =>
        path.startsWith(`${folder}/`) && !path.slice(folder.length + 1).includes("/")
          ? [path.slice(folder.length + 1)]
          : [],
      ),
    importModule: async (specifier) => {
      const found = modules[specifier];
      if (typeof found === "function") return found();
      if (found === undefined) throw new Error(`Cannot find module ${specifier}`);
      return found;
    },
    ...more,
  });
}

export async function loaded(world: World): Promise<Config> {
  const result = await load(world);
  assert.ok(result.ok, `faults: ${result.ok ? "" : JSON.stringify(result.faults)}`);
  return result.config;
}

export async function faultsOf(world: World): Promise<Fault[]> {
  const result = await load(world);
  assert.equal(result.ok, false, "expected faults");
  return result.ok ? [] : result.faults;
}

/** A JSON file in the working folder. */
export function json(content: unknown): World {
  return { files: { "/app/watchdog.config.json": JSON.stringify(content) } };
}

/** A file with one service, `web`, with these settings over the ones that it needs. */
export function web(settings: Record<string, unknown>, more: Record<string, unknown> = {}): World {
  return json({ services: { web: { url: "http://web/", ...settings } }, ...more });
}
