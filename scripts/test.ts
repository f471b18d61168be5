/**
 * Runs the tests. Node 20's `--test` expands no globs, so the files are found here.
 * Usage: `tsx scripts/test.ts [--deno] [FILTER...] [--runner-option...]`: a filter is a part of a path
 * (`core`, `e2e/heal`); what begins with "-" goes to the runner as it is.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const args = process.argv.slice(2);
const deno = args.includes("--deno");
const options = args.filter((arg) => arg.startsWith("-") && arg !== "--deno");
const filters = args.filter((arg) => !arg.startsWith("-"));

const files = readdirSync("test", { recursive: true, encoding: "utf8" })
  .map((path) => join("test", path))
  .filter((path) => path.endsWith(".test.ts"))
  .filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)))
  .sort();
const endToEnd = files.filter((path) => path.startsWith(join("test", "e2e")));
const others = files.filter((path) => !endToEnd.includes(path));

if ((deno ? others : files).length === 0) {
  console.error(`no test file matches ${filters.join(" ") || "test/**/*.test.ts"}`);
  process.exit(1);
}

// The end-to-end tests come last and one at a time: they load the machine, and share an engine.
const statuses = deno
  ? [run(join("node_modules", ".bin", "deno"), ["test", "-A", "--no-check", ...options, ...others])]
  : [runNode(others, 2), runNode(endToEnd, 1)];
process.exit(statuses.find((status) => status !== 0) ?? 0);

function runNode(paths: string[], concurrency: number): number {
  if (paths.length === 0) return 0;
  const flags = ["--import", "tsx", "--test", `--test-concurrency=${concurrency}`];
  return run(process.execPath, [...flags, ...options, ...paths]);
}

function run(command: string, parameters: string[]): number {
  const { status, signal, error } = spawnSync(command, parameters, { stdio: "inherit" });
  if (error) console.error(`could not run ${command}: ${error.message}`);
  if (signal) console.error(`${command} was ended by ${signal}`);
  return status ?? 1;
}
