/**
 * Programs of Debian that tests run as they are. Where one is missing, its tests are skipped with a line that
 * says so; where nothing may be skipped (`CI=true`, or `REQUIRE_DOCKER=1` as `.ci/run` sets it) they fail.
 */
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";

/** Whether a test may be skipped because something that it needs is missing. */
export const maySkip = process.env.CI !== "true" && process.env.REQUIRE_DOCKER !== "1";

/** Debian has the servers of root here, whether the user's own path names it or not. */
const FOLDERS = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];

/** Where a program is; its name when it is nowhere, so that starting it says so. */
export function pathOf(program: string): string {
  return FOLDERS.map((folder) => join(folder, program)).find(existsSync) ?? program;
}

/** Why tests that run `program` are skipped here; `false` when they are not. */
export function notInstalled(program: string, debianPackage = program): string | false {
  if (!maySkip || pathOf(program) !== program) return false;
  return `${program} is not installed (apt-get install ${debianPackage})`;
}

/**
 * A port of loopback that nobody listens at, for a server that cannot choose one by itself. Not one of the
 * kernel's own choice: outgoing connections of other tests get those.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}
