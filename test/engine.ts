/**
 * A real Docker engine for tests: whether one answers, a tiny image without a registry, and containers
 * that are removed by id.
 */
import { execFile, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { maySkip } from "./installed.ts";

const IMAGE = "spreadpilot-watchdog-test:busybox";
const APPLETS = ["sh", "sleep", "echo", "cat", "tail", "true", "seq", "tr", "head", "kill", "nc"];

const answers =
  spawnSync("docker", ["version", "--format", "{{.Server.Version}}"], { timeout: 10_000 }).status === 0;
/** A test that needs an engine: skipped, with a line that says so, where none answers and none has to. */
export function engineTest(name: string, run: (t: TestContext) => Promise<void>): void {
  const skip = !answers && maySkip && "no Docker engine answers here (REQUIRE_DOCKER=1 makes this a failure)";
  test(name, { skip, timeout: 120_000 }, run);
}

/** Runs the client. Rejects with what it said. Resolves to its trimmed stdout. */
export function docker(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile("docker", [...args], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`docker ${args[0]}: ${stderr || error.message}`));
      else resolve(stdout.trim());
    });
  });
}

/** The tag of an image with busybox alone, made on first use and kept for the next run. */
export function testImage(): string {
  if (spawnSync("docker", ["image", "inspect", IMAGE]).status === 0) return IMAGE;
  const busybox = spawnSync("sh", ["-c", "command -v busybox"], { encoding: "utf8" }).stdout.trim();
  if (!busybox) throw new Error("busybox is missing: `apt-get install -y busybox-static`");
  const root = mkdtempSync(join(tmpdir(), "watchdog-image-"));
  try {
    for (const folder of ["bin", "tmp"]) mkdirSync(join(root, folder));
    copyFileSync(busybox, join(root, "bin/busybox"));
    chmodSync(join(root, "bin/busybox"), 0o755);
    for (const applet of APPLETS) symlinkSync("busybox", join(root, "bin", applet));
    // A busybox that is not static brings its libraries; ldd says nothing of one that is.
    const libraries = spawnSync("ldd", [busybox], { encoding: "utf8" }).stdout?.match(/\/[^\s)]+/g) ?? [];
    for (const library of libraries) {
      mkdirSync(join(root, dirname(library)), { recursive: true });
      copyFileSync(library, join(root, library));
    }
    const tar = spawnSync("tar", ["-C", root, "-c", "."], { maxBuffer: 64 * 1024 * 1024 });
    const made = spawnSync("docker", ["import", "-", IMAGE], { input: tar.stdout, encoding: "utf8" });
    if (made.status !== 0) throw new Error(`docker import: ${made.stderr}`);
    return IMAGE;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

let serial = 0;

/** A name that no other run of the tests uses. */
export function uniqueName(word: string): string {
  serial += 1;
  return `watchdog-test-${process.pid}-${serial}-${word}`;
}

export interface TestContainer {
  id: string;
  name: string;
}

/** Creates a container, starts it unless told otherwise, and removes it by id when the test ends. */
export async function container(
  t: TestContext,
  word: string,
  { options = [], command = ["sleep", "1000"], start = true }: ContainerSettings = {},
): Promise<TestContainer> {
  const name = uniqueName(word);
  const network = options.includes("--network") ? [] : ["--network", "none"];
  const id = await docker(["create", "--name", name, ...network, ...options, testImage(), ...command]);
  t.after(async () => {
    await docker(["rm", "-f", "-v", id]).catch(() => {});
  });
  if (start) await docker(["start", id]);
  return { id, name };
}

export interface ContainerSettings {
  options?: string[];
  command?: string[];
  start?: boolean;
}
