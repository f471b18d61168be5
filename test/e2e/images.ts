/** The images of the end-to-end tests: the watchdog's, from the real Dockerfile, and what it is built on. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { newestRelease, programOf } from "../../scripts/nodes.ts";
import { docker } from "./engine.ts";

const WATCHDOG = "spreadpilot-watchdog:e2e";
const BASES = ["node:24-alpine", "docker:28-cli"] as const;
/** The stand-in has the same major version of Node. */
const NODE_VERSION = /^node:(\d+)/.exec(BASES[0])![1]!;
const STAND_INS = [
  `spreadpilot-e2e/node:stand-in-${NODE_VERSION}`,
  "spreadpilot-e2e/docker-cli:stand-in",
] as const;

export interface Images {
  watchdog: string;
  /** Node and a small shell, for the services and the receiver. */
  node: string;
}

/**
 * Builds the watchdog's image, on the real bases where they are present and else on local stand-ins under
 * names of our own: a false `node:24-alpine` would outlive the tests and fool other builds. The images stay,
 * as the cache of the next run; only what changed is built again.
 */
export async function buildImages(): Promise<Images> {
  const { node, dockerCli } = await baseImages();
  const bases = ["--build-arg", `NODE_IMAGE=${node}`, "--build-arg", `DOCKER_CLI_IMAGE=${dockerCli}`];
  await docker("build", "--network=host", "--force-rm", ...bases, "-t", WATCHDOG, ".");
  return { watchdog: WATCHDOG, node };
}

/** For tests that need no watchdog in a container: what it is built on. */
export async function baseImages(): Promise<{ node: string; dockerCli: string }> {
  const present = await Promise.all(BASES.map(exists));
  const [node, dockerCli] = present.every(Boolean) ? BASES : STAND_INS;
  if (node === STAND_INS[0] && !(await Promise.all(STAND_INS.map(exists))).every(Boolean)) {
    const program = programOf(newestRelease(NODE_VERSION));
    await promisify(execFile)("scripts/e2e-base-images.sh", [...STAND_INS, program]);
  }
  return { node, dockerCli };
}

function exists(image: string): Promise<boolean> {
  return docker("image", "inspect", "-f", "{{.Id}}", image).then(
    () => true,
    () => false,
  );
}
