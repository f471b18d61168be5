/** Which plugins are on, and their settings: from the file, from the environment, or by default. */
import * as v from "valibot";
import { isRecord, own } from "../core/record.ts";
import { collectSecrets } from "../redaction/secrets.ts";
import { check } from "./check.ts";
import type { Declarations, PluginConfig, Section, ThirdPartyFactory } from "./config.ts";
import { type FromFiles, layerOf, nameOf, readSecretFiles, readVariables } from "./environment.ts";
import { type Fault, joinPath, show, showUnknownKey } from "./fault.ts";
import { brief, type FileIo, importDefault, pluginSpecifier } from "./file.ts";
import type { Foreign } from "./foreign-names.ts";
import { type Layer, merged, type Origin } from "./layers.ts";
import { nearest } from "./nearest.ts";
import { entryOf, markedSecrets } from "./schema.ts";
import { SERVICE_KEYS } from "./service-settings.ts";

const ACCEPTED_ENTRY = "true, false, or an object of settings";
const NAME = /^[a-z][a-z0-9_-]{0,63}$/i;

export interface PluginsResult {
  on: PluginConfig[];
  /** Built-in and third-party plugins, on or off: services may have settings for any of them. */
  declarations: Declarations;
  /** The names of plugins that should be on, including those with faults. */
  wanted: Set<string>;
  /** Whether a third-party plugin is among them. It may register checks and restarters of any name. */
  thirdParty: boolean;
  sections: Section[];
  secrets: Set<string>;
  faults: Fault[];
}

/** What a plugin's settings are read from, besides the file. */
interface PluginWorld {
  env: Record<string, string>;
  fromFiles: FromFiles;
  foreign: Pick<Foreign, "plugins">;
  io: FileIo;
}

interface Entry {
  /** `undefined`: the file does not mention it. */
  said: boolean | Record<string, unknown> | undefined;
  from?: string;
  factory?: ThirdPartyFactory;
}

/**
 * Reads `plugins` in the file at `path` and the variables of each plugin. If both give a setting, the file wins.
 * Secrets that were read from files are added to `env`.
 */
export async function readPlugins(
  { said: { plugins: section }, origin }: Layer,
  path: string,
  builtIn: Declarations,
  world: PluginWorld,
): Promise<PluginsResult> {
  const faults: Fault[] = [];
  const wanted = new Set<string>();
  const secrets = new Set<string>();
  const sections: Section[] = [];
  const declarations: Record<string, Declarations[string]> = {};
  let thirdParty = false;
  const entries = new Map<string, Entry>(Object.keys(builtIn).map((name) => [name, { said: undefined }]));
  if (section !== undefined && section !== null && !isRecord(section)) {
    faults.push({ path: "plugins", found: show(section, true), accepted: "an object of plugins by name" });
  }
  for (const [name, said] of isRecord(section) ? Object.entries(section) : []) {
    const read = await readEntry(name, said, path, builtIn, world.io);
    if ("faults" in read) faults.push(...read.faults);
    if (isThirdPartys(said, own(builtIn, name))) {
      thirdParty = true;
      // The schema is unknown, so the settings of services for this plugin cannot be validated.
      if ("faults" in read) declarations[name] = { serviceOptions: v.unknown() };
    }
    if (said !== false) wanted.add(name);
    // A plugin with a fault counts as off, so that the fault is reported once.
    entries.set(name, "faults" in read ? { said: false } : read);
  }
  const on: PluginConfig[] = [];
  for (const [name, entry] of entries) {
    const declaration = entry.factory ?? (Object.hasOwn(builtIn, name) ? builtIn[name] : undefined);
    if (!declaration) continue;
    declarations[name] = declaration;
    const itsOrigin: Origin = (keys) => origin(["plugins", name, ...keys]);
    if (entry.said === false) {
      sections.push(switchedOff(name, itsOrigin([])));
      continue;
    }
    const result = await readOptions(name, entry, declaration, itsOrigin, world, secrets);
    faults.push(...result.faults);
    if (result.section) sections.push(result.section);
    if (result.on) on.push(result.on);
    if (result.on || result.faults.length > 0) wanted.add(name);
  }
  return { on, declarations, wanted, thirdParty, sections, secrets, faults };
}

/** A plugin that may not be on by default, nor by the environment. */
export function switchedOff(name: string, origin: string): Section {
  return {
    path: ["plugins"],
    schema: v.unknown(),
    layers: [{ said: { [name]: false }, origin: () => origin }],
  };
}

/**
 * A third party's plugin may have the name of a built-in one, and takes its place. So a plugin of one's own goes on
 * working when a later version brings one of that name.
 */
function isThirdPartys(said: unknown, builtIn: Declarations[string] | undefined): boolean {
  if (!isRecord(said) || !Object.hasOwn(said, "from")) return false;
  // A built-in plugin may have a setting of that name: `email` is sent from somebody.
  return builtIn?.options === undefined || entryOf(builtIn.options, "from") === undefined;
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
  // YAML reads `cron:` with nothing after it as null.
  const settings = said === null ? true : said;
  if (typeof settings !== "boolean" && !isRecord(settings)) {
    return fail({ found: show(settings, true), accepted: ACCEPTED_ENTRY });
  }
  if (Object.hasOwn(builtIn, name) && !isThirdPartys(settings, builtIn[name])) return { said: settings };
  if (!isRecord(settings) || !Object.hasOwn(settings, "from")) {
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
  if ("fromEnv" in factory) {
    const found = `${show(from)}: a plugin with "fromEnv", which is not asked any more`;
    return fail({
      path: `${path}.from`,
      found,
      accepted: 'its variables by their settings, env: { url: "OWN_URL" }',
    });
  }
  if (factory.serviceOptions && SERVICE_KEYS.includes(name)) {
    return fail({ found: show(name), accepted: "a name that is not a setting of services" });
  }
  return { said: rest, from, factory };
}

async function readOptions(
  name: string,
  { said, from, factory }: Entry,
  declaration: Declarations[string],
  origin: Origin,
  { env, fromFiles, foreign, io }: PluginWorld,
  secrets: Set<string>,
): Promise<{ on?: PluginConfig; section?: Section; faults: Fault[] }> {
  // A third-party plugin without a schema validates its options itself.
  const schema = declaration.options ?? (factory ? v.unknown() : v.strictObject({}));
  const variables = declaration.env ?? {};
  const names = Object.values(variables).map(nameOf);
  const faults = await readSecretFiles(env, names, io.cwd, io.readFile, fromFiles);
  if (faults.length > 0) return { faults };
  const asked = readVariables(schema, variables, env, fromFiles);
  const ofOthers = foreign.plugins(name);
  const isAsked = switchesOn(declaration, asked.said) || switchesOn(declaration, ofOthers.said);
  const isOn = said !== undefined || isAsked || declaration.isDefault;
  if (!isOn) return { faults: [] };
  const fromFile = isRecord(said) ? said : {};
  const layers: Layer[] = Object.keys(ofOthers.said).length > 0 ? [ofOthers] : [];
  if (Object.keys(asked.said).length > 0) layers.push(layerOf(asked));
  if (said !== undefined) layers.push({ said: fromFile, origin });
  const itsModule: Layer[] = from === undefined ? [] : [{ said: { from }, origin }];
  const section: Section = { path: ["plugins", name], schema, layers: [...itsModule, ...layers] };
  try {
    // A third party's plugin may expect a plain object.
    const settings = { ...merged(layers) };
    markedSecrets(schema, settings, secrets);
    // The schema of a third-party plugin may not mark its secrets; their names may tell.
    collectSecrets(settings, false, secrets);
    const checked = check(schema, settings, ["plugins", name], { hideUrls: true });
    if (checked.ok) {
      const thirdPartys = factory ? { from, factory } : {};
      return { on: { name, ...thirdPartys, options: checked.value }, section, faults: [] };
    }
    return {
      faults: checked.faults.map(({ path, found, accepted, keys }) => {
        const [key] = keys;
        const inFile = key === undefined || Object.hasOwn(fromFile, key);
        const by = inFile ? undefined : layers.findLast((one) => own(one.said, String(key)) !== undefined);
        return { path: by?.origin(keys) ?? path, found, accepted };
      }),
    };
  } catch (error) {
    const found = `a schema that threw ${brief(error)}`;
    return {
      faults: [{ path: joinPath(["plugins", name]), found, accepted: "a plugin whose schema can be asked" }],
    };
  }
}

function switchesOn({ onBy }: Declarations[string], said: Record<string, unknown>): boolean {
  const keys = Object.keys(said);
  return keys.some((key) => onBy === undefined || onBy.includes(key));
}
