/** Finds and reads the configuration file: JSON, YAML, or a module whose default export is the configuration. */
import { createRequire } from "node:module";
import { dirname, extname, isAbsolute, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Env, fileTrouble } from "./environment.ts";
import { type Fault, quote, show } from "./fault.ts";
import { findJsonFault, type TextFault } from "./json.ts";

export interface FileIo {
  cwd: string;
  readFile(path: string): Promise<string>;
  /** `import()`, with a file's URL or a package's name. */
  importModule(specifier: string): Promise<unknown>;
}

/** The file's content, unchecked; `path` is absolute. */
export interface ConfigFile {
  path: string;
  content: Record<string, unknown>;
}

export type FileResult =
  | { ok: true; file: ConfigFile | undefined }
  | { ok: false; source: string; faults: Fault[] };

const EXTENSIONS = ["ts", "json", "yaml", "yml", "js", "mjs"];
const MODULES = new Set([".ts", ".mts", ".js", ".mjs", ".cjs"]);
const ACCEPTED_CONTENT = 'an object with "services" and "plugins"';

/** Reads `WATCHDOG_CONFIG`, or else the one `watchdog.config.*` in the working folder, if there is one. */
export async function readConfigFile(named: string | undefined, env: Env, io: FileIo): Promise<FileResult> {
  if (named !== undefined) {
    const path = resolve(io.cwd, named);
    const read = await readText(path, io);
    if (!read.ok) {
      const found = `${show(named)}: ${read.trouble}`;
      const accepted = `the path of a configuration file (${EXTENSIONS.join(", ")}); leave it out for the built-in services`;
      return { ok: false, source: named, faults: [{ path: "env WATCHDOG_CONFIG", found, accepted }] };
    }
    return parse(path, read.text, env, io);
  }
  const candidates = await Promise.all(
    EXTENSIONS.map(async (extension) => {
      const path = resolve(io.cwd, `watchdog.config.${extension}`);
      return { path, read: await readText(path, io) };
    }),
  );
  const present = candidates.filter(({ read }) => read.ok || !read.missing);
  if (present.length > 1) {
    const names = present.map(({ path }) => shortPath(path, io.cwd));
    const found = `${names.length} configuration files: ${names.join(", ")}`;
    const accepted = "one of them, or its path in WATCHDOG_CONFIG";
    return { ok: false, source: io.cwd, faults: [{ path: "watchdog.config.*", found, accepted }] };
  }
  const [one] = present;
  if (!one) return { ok: true, file: undefined };
  const short = shortPath(one.path, io.cwd);
  if (!one.read.ok) {
    return {
      ok: false,
      source: short,
      faults: [{ path: short, found: one.read.trouble, accepted: "a readable file" }],
    };
  }
  return parse(one.path, one.read.text, env, io);
}

type Text = { ok: true; text: string } | { ok: false; missing: boolean; trouble: string };

async function readText(path: string, io: FileIo): Promise<Text> {
  try {
    return { ok: true, text: (await io.readFile(path)).replace(/^\ufeff/, "") };
  } catch (error) {
    return {
      ok: false,
      missing: (error as { code?: unknown })?.code === "ENOENT",
      trouble: fileTrouble(error),
    };
  }
}

function shortPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short.startsWith("..") || isAbsolute(short) ? path : short;
}

type Content =
  | { ok: true; content: unknown }
  | { ok: false; at?: TextFault; found: string; accepted: string };

async function parse(path: string, text: string, env: Env, io: FileIo): Promise<FileResult> {
  const short = shortPath(path, io.cwd);
  const extension = extname(path).toLowerCase();
  let result: Content;
  if (extension === ".json") result = parseJson(text);
  else if (extension === ".yaml" || extension === ".yml") result = await parseYaml(text);
  else if (MODULES.has(extension)) result = await loadModule(path, env, io);
  else {
    const accepted = `a file that ends in ${EXTENSIONS.map((one) => `.${one}`).join(", ")}`;
    result = { ok: false, found: extension === "" ? "a name without an ending" : quote(extension), accepted };
  }
  if (result.ok && (typeof result.content !== "object" || !result.content || Array.isArray(result.content))) {
    result = { ok: false, found: show(result.content, true), accepted: ACCEPTED_CONTENT };
  }
  if (result.ok) return { ok: true, file: { path, content: result.content as Record<string, unknown> } };
  const place = result.at ? `${short}:${result.at.line}:${result.at.column}` : short;
  return {
    ok: false,
    source: short,
    faults: [{ path: place, found: result.found, accepted: result.accepted }],
  };
}

function parseJson(text: string): Content {
  const at = findJsonFault(text);
  if (at) return { ok: false, at, found: at.problem, accepted: "JSON, each key once" };
  return { ok: true, content: JSON.parse(text) };
}

async function parseYaml(text: string): Promise<Content> {
  const { LineCounter, parseDocument } = await import("yaml");
  const lines = new LineCounter();
  const accepted = "YAML 1.2, each key once";
  try {
    const document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      logLevel: "error",
      merge: true,
    });
    // A warning is a tag that nobody resolves. The faults after the first are mostly its consequences.
    const [error] = [...document.errors, ...document.warnings];
    if (!error) return { ok: true, content: document.toJS({ maxAliasCount: 100 }) ?? {} };
    const { line, col } = lines.linePos(error.pos[0]);
    // What follows a colon or a backslash in the parser's words may be the file's own text.
    const problem = error.message.replace(/[:\\].*$/s, "");
    return { ok: false, at: { line, column: col, problem }, found: lowerFirst(problem), accepted };
  } catch (error) {
    // An alias without an anchor, or one that multiplies without end.
    const found = String((error as Error)?.message).replace(/:.*$/s, "");
    return { ok: false, found: lowerFirst(found), accepted };
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

async function loadModule(path: string, env: Env, io: FileIo): Promise<Content> {
  const accepted = `a module whose default export is ${ACCEPTED_CONTENT}, or a function that returns one`;
  const loaded = await importDefault(pathToFileURL(path).href, io);
  if (!loaded.ok) return { ok: false, found: loaded.reason, accepted: loaded.accepted ?? accepted };
  if (typeof loaded.value !== "function") return { ok: true, content: loaded.value };
  try {
    return { ok: true, content: await loaded.value({ env }) };
  } catch (error) {
    return { ok: false, found: `a function that threw ${brief(error)}`, accepted };
  }
}

export type Imported = { ok: true; value: unknown } | { ok: false; reason: string; accepted?: string };

/** A module's default export. */
export async function importDefault(specifier: string, io: FileIo): Promise<Imported> {
  try {
    const namespace = (await io.importModule(specifier)) as { default?: unknown };
    const value = namespace?.default;
    // A .ts file outside a package of ES modules is loaded as CommonJS, its default export one level deeper.
    const inner = value as { __esModule?: unknown; default?: unknown } | undefined;
    if (inner?.__esModule === true) return { ok: true, value: inner.default };
    return value === undefined ? { ok: false, reason: "no default export" } : { ok: true, value };
  } catch (error) {
    const code = String((error as { code?: unknown })?.code);
    if (/ERR_UNKNOWN_FILE_EXTENSION|UNSUPPORTED_TYPESCRIPT/.test(code)) {
      return {
        ok: false,
        reason: "TypeScript, which this Node cannot load",
        accepted:
          "a .mjs file (a configuration may also be .json or .yaml); or a start on Node 22.18 or later, on Deno, or with `node --import tsx`",
      };
    }
    return { ok: false, reason: `a module that failed to load: ${brief(error)}` };
  }
}

/** Where a third party's plugin is: a path or a package's name, both as seen from the configuration file. */
export function pluginSpecifier(from: string, configFile: string): string {
  if (/^\.{0,2}\//.test(from)) return pathToFileURL(resolve(dirname(configFile), from)).href;
  if (/^[a-z]+:/.test(from)) return from;
  try {
    return pathToFileURL(createRequire(configFile).resolve(from)).href;
  } catch {
    // Not installed beside the file, or with an entry for `import` alone.
    return from;
  }
}

/** An error's kind and first line, cut. */
export function brief(error: unknown): string {
  if (!(error instanceof Error)) return show(error, true);
  return quote(`${error.name}: ${error.message.split("\n")[0]}`);
}
