/** `include`: further files with services and templates. Paths start at the folder of the file that includes them. */
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import { isRecord, own } from "../core/record.ts";
import type { Env } from "./environment.ts";
import { type Fault, joinPath, show, showUnknownKey } from "./fault.ts";
import { type ConfigFile, type FileIo, readNamedFile } from "./file.ts";

/** What an included file may hold, besides "maintenance". */
const BY_NAME = ["services", "templates"] as const;
const ACCEPTED_KEYS = '"services", "templates", "maintenance", "include" or a key that begins with x-';
const MOST_FILES = 1000;

export interface Included {
  content: Record<string, unknown>;
  /** The file that a service, template or window comes from, by its path in the whole (`services.web`). */
  places: ReadonlyMap<string, string>;
  faults: Fault[];
}

/** The content of the file together with all files that it includes. A file that two patterns match is read once. */
export async function readIncludes(file: ConfigFile, env: Env, io: FileIo): Promise<Included> {
  const root = dirname(file.path);
  const content = { ...file.content };
  const places = new Map<string, string>();
  const faults: Fault[] = [];
  const short = (path: string) => relative(root, path);
  const known = new Set<string>();

  function add(from: ConfigFile): void {
    for (const [key, said] of Object.entries(from.content)) {
      if (key === "include" || key.startsWith("x-")) continue;
      const path = `${short(from.path)}: ${joinPath([key])}`;
      if (key === "maintenance") {
        for (const at of addWindows(content, said)) places.set(at, short(from.path));
      } else if (!BY_NAME.some((name) => name === key)) {
        faults.push({ path, found: showUnknownKey(key), accepted: ACCEPTED_KEYS });
      } else if (!isRecord(said)) {
        faults.push({ path, found: show(said, true), accepted: `an object of ${key} by name` });
      } else content[key] = { ...named(content[key]), ...fresh(key, said, from.path) };
    }
  }

  function fresh(key: string, said: Record<string, unknown>, path: string): Record<string, unknown> {
    const entries = Object.entries(said).filter(([name]) => {
      const at = joinPath([key, name]);
      const isNew = own(named(content[key]), name) === undefined;
      if (isNew) places.set(at, short(path));
      else {
        const where = places.get(at) ?? basename(file.path);
        faults.push({
          path: `${short(path)}: ${at}`,
          found: `a name that ${where} has already`,
          accepted: "a name of its own",
        });
      }
      return isNew;
    });
    return Object.fromEntries(entries);
  }

  async function follow(from: ConfigFile, passed: readonly string[]): Promise<void> {
    const said = from.content.include;
    if (said === undefined || said === null) return;
    const lead = from === file ? "" : `${short(from.path)}: `;
    for (const [index, pattern] of [said].flat().entries()) {
      const path = `${lead}${Array.isArray(said) ? `include[${index}]` : "include"}`;
      const found = await matches(pattern, dirname(from.path), root, io);
      if ("found" in found) {
        faults.push({ path, ...found });
        continue;
      }
      for (const one of found.paths) await readOnce(one, path, passed);
    }
  }

  /** `passed`: the chain of files that leads here. */
  async function readOnce(one: string, path: string, passed: readonly string[]): Promise<void> {
    if (passed.includes(one)) {
      const found = `${show(short(one))}, which includes itself`;
      faults.push({ path, found, accepted: "another file" });
    } else if (known.size === MOST_FILES && !known.has(one)) {
      faults.push({ path, found: `more than ${MOST_FILES} files`, accepted: `at most ${MOST_FILES}` });
    } else if (!known.has(one)) {
      known.add(one);
      const read = await readNamedFile(one, env, io);
      if (!read.ok) faults.push(...read.faults);
      else {
        add(read.file);
        await follow(read.file, [...passed, one]);
      }
    }
  }

  await follow(file, [file.path]);
  delete content.include;
  return { content, places, faults };
}

/** Adds windows to those of other files, and returns the path of each in the whole. */
function addWindows(content: Record<string, unknown>, said: unknown): string[] {
  const before = content.maintenance ?? [];
  const areLists = Array.isArray(before) && Array.isArray(said);
  content.maintenance = areLists ? [...before, ...said] : said;
  return areLists ? said.map((_, index) => joinPath(["maintenance", before.length + index])) : [];
}

const named = (value: unknown) => (isRecord(value) ? value : {});

type Matches = { paths: string[] } | Pick<Fault, "found" | "accepted">;

const ACCEPTED =
  'a path beside the configuration file, with "*" and "?" in its last part if need be, such as "conf.d/*.yaml"';

async function matches(pattern: unknown, folder: string, root: string, io: FileIo): Promise<Matches> {
  if (typeof pattern !== "string" || pattern.trim() === "")
    return { found: show(pattern), accepted: ACCEPTED };
  const path = resolve(folder, pattern);
  const way = relative(root, path);
  if (isAbsolute(pattern) || way.startsWith("..") || isAbsolute(way)) {
    return { found: `${show(pattern)}, which leaves the folder of the configuration`, accepted: ACCEPTED };
  }
  if (/[*?]/.test(dirname(pattern)))
    return { found: `${show(pattern)}, a pattern of folders`, accepted: ACCEPTED };
  const shape = basename(path)
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", "[^/]*")
    .replaceAll("?", "[^/]");
  const names = await io.readFolder(dirname(path)).catch(() => []);
  // A star does not match hidden files, such as those that editors leave.
  const found = names.filter(
    (name) => new RegExp(`^${shape}$`).test(name) && (!name.startsWith(".") || name === basename(path)),
  );
  if (found.length === 0) {
    return {
      found: `${show(pattern)}, which no file matches`,
      accepted: "the path or pattern of at least one file",
    };
  }
  return { paths: found.sort().map((name) => join(dirname(path), name)) };
}
