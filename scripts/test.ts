/**
 * Runs the tests. Node 20's `--test` expands no globs, so the files are found here.
 * Usage: `tsx scripts/test.ts [--tiers=fast,long,e2e] [--deno] [FILTER...] [--runner-option...]`. A filter is a
 * part of a path (`core`, `e2e/heal`) and selects files of every tier. Other options go to the runner unchanged.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** The end-to-end tests come one at a time: they load the machine, and share an engine. */
const FILES_AT_ONCE = { fast: 2, long: 2, e2e: 1 };
type Tier = keyof typeof FILES_AT_ONCE;

function tierOf(path: string): Tier {
  if (path.startsWith(join("test", "e2e"))) return "e2e";
  return path.endsWith(".long.test.ts") ? "long" : "fast";
}

const args = process.argv.slice(2);
const isDeno = args.includes("--deno");
const tiers = args.findLast((arg) => arg.startsWith("--tiers="))?.slice("--tiers=".length) ?? "fast";
const options = args.filter((arg) => arg.startsWith("-") && arg !== "--deno" && !arg.startsWith("--tiers="));
const filters = args.filter((arg) => !arg.startsWith("-"));

const files = readdirSync("test", { recursive: true, encoding: "utf8" })
  .map((path) => join("test", path))
  .filter((path) => path.endsWith(".test.ts"))
  .filter((path) =>
    filters.length === 0
      ? tiers.split(",").includes(tierOf(path))
      : filters.some((part) => path.includes(part)),
  )
  // The end-to-end tests start containers of Node's image.
  .filter((path) => !isDeno || tierOf(path) !== "e2e")
  .sort();

if (files.length === 0) {
  console.error(`no test file matches ${filters.join(" ") || tiers}`);
  process.exit(1);
}

process.exit(isDeno ? runOnDeno() : runOnNode());

function runOnDeno(): number {
  return run(join("node_modules", ".bin", "deno"), [
    "test",
    "-A",
    "--no-check",
    "--parallel",
    ...options,
    ...files,
  ]);
}

function runOnNode(): number {
  const dist = mkdtempSync(join(tmpdir(), "watchdog-dist-"));
  try {
    // The tests of the commands run the built program: it is built once for all of them. Others build their own.
    if (files.some((path) => path.startsWith(join("test", "commands")))) {
      const status = run(process.execPath, ["--import", "tsx", "scripts/build.ts", "--out", dist]);
      if (status !== 0) return status;
      process.env.WATCHDOG_DIST = dist;
    }
    const statuses = (Object.keys(FILES_AT_ONCE) as Tier[]).map((tier) => runTier(tier, dist));
    return statuses.find((status) => status !== 0) ?? 0;
  } finally {
    rmSync(dist, { recursive: true });
  }
}

function runTier(tier: Tier, folder: string): number {
  const ofTier = files.filter((path) => tierOf(path) === tier);
  if (ofTier.length === 0) return 0;
  const paths = tier === "fast" ? byFolder(ofTier, folder) : ofTier;
  // From 22.18 on, Node reads TypeScript by itself, and starts faster than with tsx.
  const loader = process.features.typescript ? [] : ["--import", "tsx"];
  const flags = [...loader, "--test", `--test-concurrency=${FILES_AT_ONCE[tier]}`];
  return run(process.execPath, [...flags, ...options, ...paths]);
}

/**
 * Most of what a small test file costs is the start of its process and the loading of what it tests. So the fast
 * tests of a folder share one process. Those of the commands do not: each waits for processes of its own.
 */
function byFolder(paths: string[], folder: string): string[] {
  const alone = paths.filter((path) => dirname(path) === join("test", "commands"));
  const others = paths.filter((path) => !alone.includes(path));
  const shared = [...new Set(others.map(dirname))].map((room) => {
    const imports = others
      .filter((path) => dirname(path) === room)
      .map((path) => `import ${JSON.stringify(pathToFileURL(resolve(path)))};\n`);
    const path = join(folder, `${basename(room)}.test.mjs`);
    writeFileSync(path, imports.join(""));
    return path;
  });
  return [...alone, ...shared];
}

function run(command: string, parameters: string[]): number {
  const { status, signal, error } = spawnSync(command, parameters, { stdio: "inherit" });
  if (error) console.error(`could not run ${command}: ${error.message}`);
  if (signal) console.error(`${command} was ended by ${signal}`);
  return status ?? 1;
}
