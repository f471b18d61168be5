/**
 * Runs the fast tests on other versions of Node, as the npm registry has them.
 * Usage: `tsx scripts/test-nodes.ts [VERSION...]`. By default these are the oldest major version that is
 * supported, the image's, and the newest.
 */
import { spawnSync } from "node:child_process";
import { delimiter, dirname } from "node:path";
import { newestRelease, programOf } from "./nodes.ts";

const DEFAULT_VERSIONS = ["20", "24", "latest"];

const wanted = process.argv.length > 2 ? process.argv.slice(2) : DEFAULT_VERSIONS;
const failed: string[] = [];
try {
  for (const release of new Set(wanted.map(newestRelease))) {
    const node = programOf(release);
    console.log(`\n== the fast tests on Node ${release}`);
    // First on the PATH too, for tests that start `npm` or a shell.
    const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` };
    const { status } = spawnSync(node, ["--import", "tsx", "scripts/test.ts"], { stdio: "inherit", env });
    if (status !== 0) failed.push(release);
  }
  if (failed.length > 0) throw new Error(`the fast tests fail on Node ${failed.join(" and ")}`);
} catch (error) {
  console.error(`\n${(error as Error).message}`);
  process.exit(1);
}
