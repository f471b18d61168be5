/** Every variable that the code reads is documented, and in the file that both Compose files hand on. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { PASSED_ON } from "../../plugins/docker/client.ts";
import { builtins } from "../../src/builtin-plugins.ts";
import { nameOf } from "../../src/config/environment.ts";
import { PROCESS_SETTINGS } from "../../src/config/process-settings.ts";
import { SERVICE_SETTINGS } from "../../src/config/service-settings.ts";
import { variablesOf } from "../../src/config/settings.ts";
import { dropPrivilegesFromEnv, type PrivilegeSystem } from "../../src/system/privileges.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const text = (path: string) => readFileSync(join(ROOT, path), "utf8");
const ENV_FILE = text("deploy/watchdog.env");
/** Set or not, or as a comment that shows how. */
const LINE = /^(#?)([A-Z][A-Z0-9_]*)(=.*)?$/gm;

/** Asks with nothing set and with all set: some names are looked up only when another is there. */
function namesReadBy(read: (env: Record<string, string | undefined>) => unknown): Set<string> {
  const names = new Set<string>();
  for (const value of [undefined, "x"]) {
    const get = (_: object, name: string | symbol) => {
      if (typeof name === "string") names.add(name);
      return value;
    };
    read(new Proxy({}, { get, has: () => value !== undefined }));
  }
  return names;
}

/** Every program has the others. */
const CLIENT = PASSED_ON.filter((name) => name !== "PATH" && name !== "HOME");
const unprivileged = { getuid: () => 1000 } as unknown as PrivilegeSystem;
const inCode = new Set([
  ...[PROCESS_SETTINGS, SERVICE_SETTINGS].flatMap((table) => Object.values(variablesOf(table)).map(nameOf)),
  ...Object.values(builtins).flatMap(({ env = {} }) => Object.values(env).map(nameOf)),
  ...CLIENT,
  ...namesReadBy((env) => dropPrivilegesFromEnv(env, unprivileged)),
]);

test("the env file has every variable that the code reads, each once, and no other", () => {
  const inFile = [...ENV_FILE.matchAll(LINE)].map(([, , name]) => name!);
  assert.ok(inCode.size > 40, `${inCode.size} names were found in the code`);
  assert.deepEqual([...inFile].sort(), [...inCode].sort());
});

test("README and docs name every variable that the code reads", () => {
  const names = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
  const pages = ["README.md", ...names.map((name) => join("docs", name))];
  const words = new Set(pages.flatMap((page) => text(page).match(/\b[A-Z][A-Z0-9_]+\b/g) ?? []));
  assert.deepEqual(
    [...inCode].filter((name) => !words.has(name)),
    [],
  );
});

test("the env file takes from the shell only what no other program means, and sets nothing but the log's form", () => {
  const lines = [...ENV_FILE.matchAll(LINE)].filter(([, comment]) => comment === "");
  const set = lines.filter(([, , , value]) => value !== undefined).map(([line]) => line);
  assert.deepEqual(set, ["LOG_FORMAT=json"]);
  // A shell has these for itself, or the image does: without a value Compose would take the image's away.
  const kept = ["HOST", "PORT", "STATE_FILE", "WATCHDOG_RUN_AS", "LOG_LEVEL", ...CLIENT];
  const taken = lines.map(([, , name]) => name!);
  assert.deepEqual(
    taken.filter((name) => kept.includes(name) || name.startsWith("REDIS_")),
    [],
  );
  // What is neither a comment nor a variable would be read as one.
  const rest = ENV_FILE.replace(LINE, "")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("# "));
  assert.deepEqual(rest, []);
});
