/** Which plugins are on, and their settings: from the file, from the environment, or by default. */
import * as v from "valibot";
import { check } from "./check.ts";
import type { Declarations, PluginConfig, ThirdPartyFactory } from "./config.ts";
import { type Env, readSecretFiles } from "./environment.ts";
import { type Fault, joinPath, show, showUnknownKey } from "./fault.ts";
import { brief, type FileIo, importDefault, pluginSpecifier } from "./file.ts";
import { nearest } from "./nearest.ts";
import { SERVICE_KEYS } from "./service-schema.ts";

/** On without being asked for: the seed's own way to check, to heal and to keep time. */
const ON_BY_DEFAULT = new Set(["http", "docker", "cron"]);
const ACCEPTED_ENTRY = "true, false, or an object of settings";
const NAME = /^[a-z][a-z0-9_-]{0,63}$/i;

export interface PluginsResult {
  on: PluginConfig[];
  /** Built-in and third parties', on or off: what a service may speak to. */
  declarations: Declarations;
  /** Names of those that are meant to be on, those with faults included. */
  wanted: Set<string>;
  /** Whether a third party's is among them: it may bring checks and restarters of any name. */
  thirdParty: boolean;
  faults: Fault[];
}

interface Entry {
  /** `undefined`: the file does not mention it. */
  said: boolean | Record<string, unknown> | undefined;
  from?: string;
  factory?: ThirdPartyFactory;
}

/**
 * Reads `plugins` of the file and asks each plugin what the environment says to it. Of a plugin that both
 * speak to, the file's keys win. `env` gets the secrets that were read from files.
 */
export async function readPlugins(
  section: unknown,
  configFile: string,
  builtIn: Declarations,
  env: Record<string, string>,
  io: FileIo,
): Promise<PluginsResult> {
  const faults: Fault[] = [];
  const wanted = new Set<string>();
  let thirdParty = false;
  const entries = new Map<string, Entry>(Object.keys(builtIn).map((name) => [name, { said: undefined }]));
  if (section !== undefined && section !== null && !isObject(section)) {
    faults.push({ path: "plugins", found: show(section, true), accepted: "an object of plugins by name" });
  }
  for (const [name, said] of isObject(section) ? Object.entries(section) : []) {
    const read = await readEntry(name, said, configFile, builtIn, io);
    if ("faults" in read) faults.push(...read.faults);
    if (isObject(said) && Object.hasOwn(said, "from") && !Object.hasOwn(builtIn, name)) thirdParty = true;
    if (said !== false) wanted.add(name);
    // A plugin with a fault is taken as off, so that the fault is told once.
    entries.set(name, "faults" in read ? { said: false } : read);
  }
  const declarations: Record<string, Declarations[string]> = {};
  const on: PluginConfig[] = [];
  for (const [name, entry] of entries) {
    const declaration = entry.factory ?? (Object.hasOwn(builtIn, name) ? builtIn[name] : undefined);
    if (!declaration) continue;
    declarations[name] = declaration;
    if (entry.said === false) continue;
    const result = await readOptions(name, entry, declaration, env, io);
    faults.push(...result.faults);
    if (result.on) on.push(result.on);
    if (result.on || result.faults.length > 0) wanted.add(name);
  }
  return { on, declarations, wanted, thirdParty, faults };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function readEntry(
  name: string,
  said: unknown,
  configFile: string,
  builtIn: Declarations,
  io: FileIo,
): Promise<Entry | { faults: Fault[] }> {
  const path = joinPath(["plugins", name]);
  const fail = (fault: Partial<Fault> & Pick<Fault, "found" | "accepted">) => ({
    faults: [{ path, ...fault }],
  });
  // YAML's `cron:` with nothing after it.
  const settings = said === null ? true : said;
  if (typeof settings !== "boolean" && !isObject(settings)) {
    return fail({ found: show(settings, true), accepted: ACCEPTED_ENTRY });
  }
  // A built-in plugin may have a setting of that name: `email` is sent from somebody.
  if (Object.hasOwn(builtIn, name)) return { said: settings };
  if (!isObject(settings) || !Object.hasOwn(settings, "from")) {
    const near = nearest(name, Object.keys(builtIn));
    const other = `one of ${Object.keys(builtIn).join(", ")}; or a third party's, with "from": "./its-module.ts"`;
    const accepted = near === undefined ? other : `"${near}" (the nearest known one), or ${other}`;
    return fail({ found: showUnknownKey(name).replace("key", "plugin"), accepted });
  }
  const { from, ...rest } = settings;
  if (!NAME.test(name)) {
    return fail({
      found: show(name),
      accepted: 'a name of letters, digits, "_" and "-", beginning with a letter',
    });
  }
  const accepted =
    "the path (from the configuration file) or package of a module that exports definePlugin(...) as default";
  if (typeof from !== "string" || from.trim() === "") {
    return fail({ path: `${path}.from`, found: show(from), accepted });
  }
  const loaded = await importDefault(pluginSpecifier(from, configFile), io);
  if (!loaded.ok) {
    const found = `${show(from)}: ${loaded.reason}`;
    return fail({ path: `${path}.from`, found, accepted: loaded.accepted ?? accepted });
  }
  if (typeof loaded.value !== "function") {
    const found = `${show(from)}: ${show(loaded.value, true)} as default export`;
    return fail({ path: `${path}.from`, found, accepted });
  }
  const factory = loaded.value as ThirdPartyFactory;
  if (factory.serviceOptions && SERVICE_KEYS.includes(name)) {
    return fail({ found: show(name), accepted: "a name that is not a setting of services" });
  }
  return { said: rest, from, factory };
}

async function readOptions(
  name: string,
  { said, from, factory }: Entry,
  declaration: Declarations[string],
  env: Record<string, string>,
  io: FileIo,
): Promise<{ on?: PluginConfig; faults: Fault[] }> {
  const asked = await askEnvironment(name, declaration, env, io);
  if (!asked.ok) return { faults: asked.faults };
  if (said === undefined && asked.options === undefined && !ON_BY_DEFAULT.has(name)) return { faults: [] };
  const fromFile = isObject(said) ? said : {};
  const merged = isObject(asked.options) ? { ...asked.options, ...fromFile } : fromFile;
  // A third party's plugin without a schema judges its options itself.
  const schema = declaration.options ?? (factory ? v.unknown() : v.strictObject({}));
  try {
    const checked = check(schema, merged, ["plugins", name], { hideUrls: true });
    if (checked.ok) {
      const origin = factory ? { from, factory } : {};
      return { on: { name, ...origin, options: checked.value }, faults: [] };
    }
    const faults = checked.faults.map(({ path, found, accepted, keys, value }) => {
      const inFile = keys.length > 0 && Object.hasOwn(fromFile, keys[0]!);
      const variable = inFile ? undefined : variableOf(value, asked.names, env);
      return { path: variable === undefined ? path : `env ${variable}`, found, accepted };
    });
    return { faults };
  } catch (error) {
    const found = `a schema that threw ${brief(error)}`;
    return {
      faults: [{ path: joinPath(["plugins", name]), found, accepted: "a plugin whose schema can be asked" }],
    };
  }
}

type Asked = { ok: true; options: unknown; names: string[] } | { ok: false; faults: Fault[] };

/**
 * What the environment says to a plugin. The names that it looks up are recorded, so that each may come as
 * NAME_FILE without the plugin's knowing: it is asked again until it looks up nothing new that has a file.
 */
async function askEnvironment(
  name: string,
  declaration: Declarations[string],
  env: Record<string, string>,
  io: FileIo,
): Promise<Asked> {
  const names = new Set<string>();
  const recorder: Env = new Proxy(env, {
    get(target, key) {
      if (typeof key === "string") names.add(key);
      return Object.hasOwn(target, key) ? target[key as string] : undefined;
    },
    has(target, key) {
      if (typeof key === "string") names.add(key);
      return Object.hasOwn(target, key);
    },
  });
  for (;;) {
    let options: unknown;
    try {
      options = declaration.fromEnv?.(recorder);
    } catch (error) {
      const found = `settings in the environment at which it threw ${brief(error)}`;
      return {
        ok: false,
        faults: [{ path: joinPath(["plugins", name]), found, accepted: "what the plugin's page says" }],
      };
    }
    const fresh = [...names].filter((one) => env[`${one}_FILE`] !== undefined);
    if (fresh.length === 0) return { ok: true, options, names: [...names] };
    const faults = await readSecretFiles(env, fresh, io.cwd, io.readFile);
    if (faults.length > 0) return { ok: false, faults };
  }
}

/** The variable that a value came from: the one that it equals, or is a part of, as are all of a list. */
function variableOf(value: unknown, names: readonly string[], env: Env): string | undefined {
  const parts = (Array.isArray(value) ? value : [value]).filter(
    (one) => typeof one === "string" && one !== "",
  );
  if (parts.length === 0) return undefined;
  return (
    names.find((one) => env[one] === value) ??
    names.find((one) => parts.every((part) => env[one]?.includes(part)))
  );
}
