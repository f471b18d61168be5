/** Runtimes of Node from the npm registry, kept in `node_modules/.cache/nodes`. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

const CACHE = resolve("node_modules/.cache/nodes");
/** The package that holds the program of npm's package `node` for this machine. */
const PACKAGE = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;

/** The newest release that `version` (`24`, `latest`) stands for. Throws when there is none. */
export function newestRelease(version: string): string {
  const { status, stdout } = npm("view", `${PACKAGE}@${version}`, "version", "--json");
  const releases: string[] = status === 0 && stdout ? [JSON.parse(stdout)].flat() : [];
  const newest = releases.sort((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1);
  if (newest === undefined)
    throw new Error(`the npm registry has no ${PACKAGE}@${version}, or is out of reach`);
  return newest;
}

/** The path of a release's program, fetched on first use. Throws when that fails. */
export function programOf(release: string): string {
  const folder = join(CACHE, release);
  const node = join(folder, "package", "bin", process.platform === "win32" ? "node.exe" : "node");
  if (existsSync(node)) return node;
  // What was fetched in part stays under another name.
  const partial = `${folder}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  const packed = npm("pack", `${PACKAGE}@${release}`, "--pack-destination", partial);
  if (packed.status !== 0) throw new Error(`${PACKAGE}@${release} could not be fetched: ${packed.stderr}`);
  const tarball = `${PACKAGE}-${release}.tgz`;
  const unpacked = spawnSync("tar", ["-xzf", tarball], { cwd: partial, encoding: "utf8" });
  if (unpacked.status !== 0) throw new Error(`${tarball} could not be unpacked: ${unpacked.stderr}`);
  rmSync(join(partial, tarball));
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
  return node;
}

function npm(...args: string[]) {
  return spawnSync("npm", args, { encoding: "utf8", shell: process.platform === "win32" });
}
