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
  /** The names in a folder. */
  readFolder(path: string): Promise<string[]>;
  /** `import()`, with a file's URL or a package's name. */
  importModule(specifier: string): Promise<unknown>;
  /** The limit for loading a module and for resolving what it exports. */
  moduleTimeoutMs: number;
}

/** The file's content, unchecked; `path` is absolute. */
export interface ConfigFile {
  path: string;
  /** The content comes from a module, which reads the environment itself. */
  isModule: boolean;
  content: Record<string, unknown>;
}

export type FileResult =
  | { ok: true; file: ConfigFile | undefined }
  | { ok: false; source: string; faults: Fault[] };

const EXTENSIONS = ["ts", "json", "yaml", "yml", "js", "mjs"];
const MODULES = new Set([".ts", ".mts", ".js", ".mjs", ".cjs"]);
const ACCEPTED_CONTENT = 'an object with "services" and "plugins"';

/** Reads the file in `WATCHDOG_CONFIG`, or the only `watchdog.config.*` in the working folder, if there is one. */
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

/** Reads an included file by its absolute path. */
export async function readNamedFile(
  path: string,
  env: Env,
  io: FileIo,
): Promise<{ ok: true; file: ConfigFile } | { ok: false; faults: Fault[] }> {
  const read = await readText(path, io);
  const short = shortPath(path, io.cwd);
  if (!read.ok)
    return { ok: false, faults: [{ path: short, found: read.trouble, accepted: "a readable file" }] };
  const parsed = await parse(path, read.text, env, io);
  return parsed.ok ? { ok: true, file: parsed.file! } : parsed;
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

export type Content =
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
  if (result.ok)
    return {
      ok: true,
      file: { path, isModule: MODULES.has(extension), content: result.content as Record<string, unknown> },
    };
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

/** Unchecked; the fault has neither a name nor a value of the file in it. */
export async function parseYaml(text: string): Promise<Content> {
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
    // A warning is an unknown tag. Faults after the first are usually its consequences.
    const [error] = [...document.errors, ...document.warnings];
    if (!error) return { ok: true, content: document.toJS({ maxAliasCount: 100 }) ?? {} };
    const { line, col } = lines.linePos(error.pos[0]);
    // In the parser's message, the text after a colon or a backslash may come from the file.
    const problem = error.message.replace(/[:\\].*$/s, "");
    return { ok: false, at: { line, column: col, problem }, found: lowerFirst(problem), accepted };
  } catch (error) {
    // An alias without an anchor, or one that expands too far.
    const found = String((error as Error)?.message).replace(/:.*$/s, "");
    return { ok: false, found: lowerFirst(found), accepted };
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

async function loadModule(path: string, env: Env, io: FileIo): Promise<Content> {
  const accepted = `a module whose default export is ${ACCEPTED_CONTENT}, or a function that returns one, or a promise of one`;
  const loaded = await importDefault(pathToFileURL(path).href, io);
  if (!loaded.ok) return { ok: false, found: loaded.reason, accepted: loaded.accepted ?? accepted };
  const { value } = loaded;
  const what = typeof value === "function" ? "a function" : "a promise";
  try {
    const content = await inTime(typeof value === "function" ? value({ env }) : value, io.moduleTimeoutMs);
    if (content !== LATE) return { ok: true, content };
    return { ok: false, found: `${what} without a result after ${io.moduleTimeoutMs / 1000} s`, accepted };
  } catch (error) {
    const how = what === "a function" ? "threw" : "rejected with";
    return { ok: false, found: `${what} that ${how} ${brief(error)}`, accepted };
  }
}

const LATE = Symbol("late");

/**
 * The timer also keeps the process alive: if only a promise is left that never resolves, Node exits silently with
 * status 13.
 */
async function inTime(work: unknown, limitMs: number): Promise<unknown> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, limitMs, LATE);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

export type Imported = { ok: true; value: unknown } | { ok: false; reason: string; accepted?: string };

/** A module's default export. */
export async function importDefault(specifier: string, io: FileIo): Promise<Imported> {
  try {
    const namespace = await inTime(io.importModule(specifier), io.moduleTimeoutMs);
    if (namespace === LATE) {
      const reason = `a module that was not loaded after ${io.moduleTimeoutMs / 1000} s (does it await something that never comes?)`;
      return { ok: false, reason };
    }
    const value = (namespace as { default?: unknown })?.default;
    // A .ts file outside an ESM package is loaded as CommonJS, with its default export one level deeper.
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

/** Resolves the path or package of a third-party plugin, as seen from the configuration file. */
export function pluginSpecifier(from: string, configFile: string): string {
  if (/^\.{0,2}\//.test(from)) return pathToFileURL(resolve(dirname(configFile), from)).href;
  if (/^[a-z]+:/.test(from)) return from;
  try {
    return pathToFileURL(createRequire(configFile).resolve(from)).href;
  } catch {
    // Not installed beside the file, or only importable as ESM.
    return from;
  }
}

/** An error's kind and first line, cut. */
export function brief(error: unknown): string {
  if (!(error instanceof Error)) return show(error, true);
  return quote(`${error.name}: ${error.message.split("\n")[0]}`);
}
