/**
 * Keeps the house in order: imports point one way, the runner knows no plugin, files and functions stay small.
 * A list of known exceptions must match what is found, so it can only shrink: strike out what you repaired.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** From the bottom up: a room imports itself and what stands before it. A name with "/" is a whole folder. */
const ROOMS = [
  ...[
    "src/version.ts",
    "src/core/",
    "src/redaction/",
    "src/plugin/",
    "src/plugin.ts",
    "plugins/",
    "src/builtin-plugins.ts",
  ],
  ...["src/system/", "src/config/", "src/state/", "src/incidents/", "src/delivery/"],
  ...[
    "src/init/",
    "src/tick/",
    "src/http/",
    "src/preflight.ts",
    "src/doctor/",
    "src/setup.ts",
    "src/watchdog.ts",
  ],
  ...["src/reload/", "src/server.ts", "src/commands/"],
  ...["src/main.ts", "src/cli.ts"],
];
const KNOWN_UPWARD_IMPORTS = [
  "src/http/world.ts imports src/watchdog.ts",
  "src/plugin/registry.ts imports src/system/log.ts",
];
/** All others belong to the plugin that talks to the vendor. */
const RUNNER_PACKAGES = [
  "@hono/node-server",
  "@valibot/to-json-schema",
  "consola/core",
  "croner",
  "hono",
  "ofetch",
  "valibot",
  "yaml",
];
/** Folders of `plugins/` that belong to no plugin: what several need. They import `src/plugin.ts` and themselves. */
const SHARED_BY_PLUGINS = ["plugins/network/"];
const KNOWN_PLUGIN_NAMES = [
  "src/config/load.ts: cron",
  "src/config/service-settings.ts: docker",
  "src/config/service-settings.ts: http",
  "src/tick/services.ts: http",
];
const MOST_FUNCTION_LINES = 70;
const KNOWN_LONG_FUNCTIONS = [
  "plugins/process/family.ts: createFamily",
  "src/delivery/courier.ts: createCourier",
  "src/state/journal.ts: createJournal",
  "src/state/ledger.ts: createLedger",
  "src/state/lock.ts: hold",
  "src/state/ownership.ts: createOwnership",
  "src/state/store.ts: createFiles",
  "src/tick/observe.ts: createInspector",
  "src/tick/observe.ts: createLookout",
  "src/tick/tick.ts: createTicker",
  "src/watchdog.ts: createWatchdog",
];
const MOST_LINES = 300;
/** A table is one thing, however many rows it has. */
const MOST_TEST_LINES = 400;

interface Import {
  file: string;
  from: string;
}

function filesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => join(folder, path).replaceAll("\\", "/"));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  const found = text.matchAll(/(?:\bfrom\s+|\bimport\s+|\bimport\()["']([^"']+)["']/g);
  return [...found].map(([, from]) => ({
    file,
    from: from!.startsWith(".") ? normalize(join(dirname(file), from!)).replaceAll("\\", "/") : from!,
  }));
}

const sources = [...filesIn("src"), ...filesIn("plugins")];
const imports = sources.flatMap(importsOf);
const shown = (bad: Import[]) => bad.map(({ file, from }) => `${file} imports ${from}`);

test("the core imports only the core", () => {
  const core = imports.filter(({ file }) => file.startsWith("src/core/"));
  assert.ok(core.length > 30, `${core.length} imports were found`);
  assert.deepEqual(shown(core.filter(({ from }) => !from.startsWith("src/core/"))), []);
});

test("the core touches no clock, no randomness, no process, and waits for nothing", () => {
  const impure =
    /\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bprocess\.|\bawait\b|\basync\b|\bsetTimeout\b|\bfetch\(/;
  const bad = filesIn("src/core").filter((file) => impure.test(readFileSync(join(ROOT, file), "utf8")));
  assert.deepEqual(bad, []);
});

test("a plugin imports src/plugin.ts, its own folder, shared ones, node and packages, and nothing else of ours", () => {
  const bad = imports.filter(({ file, from }) => {
    if (!file.startsWith("plugins/") || !/^(src|plugins)\//.test(from)) return false;
    const own = `plugins/${file.slice("plugins/".length).split("/")[0]!.replace(/\.ts$/, "")}`;
    const isShared = SHARED_BY_PLUGINS.some((folder) => from.startsWith(folder));
    const mayShare = !SHARED_BY_PLUGINS.some((folder) => file.startsWith(folder));
    return from !== "src/plugin.ts" && !from.startsWith(`${own}/`) && !(isShared && mayShare);
  });
  assert.deepEqual(shown(bad), []);
});

test("only the list of built-in plugins imports them", () => {
  const bad = imports.filter(
    ({ file, from }) =>
      file.startsWith("src/") && from.startsWith("plugins/") && file !== "src/builtin-plugins.ts",
  );
  assert.deepEqual(shown(bad), []);
});

test("imports point down", () => {
  const height = (file: string) => ROOMS.findIndex((room) => file.startsWith(room));
  assert.deepEqual(
    sources.filter((file) => height(file) < 0),
    [],
    "each file has its place in ROOMS",
  );
  const upward = imports.filter(({ file, from }) => height(from) > height(file));
  assert.deepEqual(shown(upward), KNOWN_UPWARD_IMPORTS);
});

/** Groups of files that reach one another, by Tarjan's algorithm. Imports of types count. */
function circles(): string[] {
  const found: string[] = [];
  const order = new Map<string, number>();
  const path: string[] = [];
  function visit(file: string): number {
    const own = order.size;
    let lowest = own;
    order.set(file, own);
    path.push(file);
    for (const { from } of imports.filter((one) => one.file === file && sources.includes(one.from))) {
      if (!order.has(from)) lowest = Math.min(lowest, visit(from));
      else if (path.includes(from)) lowest = Math.min(lowest, order.get(from)!);
    }
    if (lowest === own) {
      const group = path.splice(path.indexOf(file));
      if (group.length > 1) found.push(group.sort().join(", "));
    }
    return lowest;
  }
  for (const file of sources) if (!order.has(file)) visit(file);
  return found.sort();
}

test("no files import one another in a circle, types included", () => {
  assert.deepEqual(circles(), []);
});

test("the runner imports no vendor's package", () => {
  const packages = imports.filter(
    ({ file, from }) => file.startsWith("src/") && !/^(src|plugins|node:|package\.json)/.test(from),
  );
  assert.deepEqual(shown(packages.filter(({ from }) => !RUNNER_PACKAGES.includes(from))), []);
});

test("the runner knows no plugin by name", () => {
  const files = readdirSync(join(ROOT, "plugins")).filter((name) => name.endsWith(".ts"));
  const names = files.map((name) => name.replace(/\.ts$/, ""));
  const found = filesIn("src")
    .filter((file) => file !== "src/builtin-plugins.ts")
    .flatMap((file) => {
      const tokens = readFileSync(join(ROOT, file), "utf8").matchAll(
        /\/\*[\s\S]*?\*\/|\/\/.*|"((?:[^"\\\n]|\\.)*)"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g,
      );
      const said = [...tokens].map(([, literal]) => literal!).filter((literal) => names.includes(literal));
      return [...new Set(said)].map((name) => `${file}: ${name}`);
    });
  assert.deepEqual(found.sort(), KNOWN_PLUGIN_NAMES);
});

test("no directory is made by Node's own recursion, which spins for ever in /proc", () => {
  const bad = sources.filter((file) =>
    /recursive: true, mode|mkdir\w*\([^)]*recursive/.test(readFileSync(join(ROOT, file), "utf8")),
  );
  assert.deepEqual(bad, []);
});

const linesOf = (file: string) => readFileSync(join(ROOT, file), "utf8").split("\n").length - 1;

test(`no source is past ${MOST_LINES} lines, and no test past ${MOST_TEST_LINES}`, () => {
  const long = [
    ...[...sources, ...["scripts", "bench", "demo"].flatMap(filesIn)].filter(
      (file) => linesOf(file) > MOST_LINES,
    ),
    ...filesIn("test").filter((file) => linesOf(file) > MOST_TEST_LINES),
  ];
  assert.deepEqual(long, []);
});

/** The formatter puts the ends of a function at one depth. Neither blank lines nor comments count. */
function longFunctions(file: string): string[] {
  const lines = readFileSync(join(ROOT, file), "utf8").split("\n");
  const depths = lines.map((line) => line.search(/\S/));
  return lines.flatMap((line, open) => {
    if (!/(\bfunction\b.*|=>|\)(: [^;=]*)?) \{$/.test(line)) return [];
    if (/^\s*(\} )?(if|else|for|while|switch|catch)\b/.test(line)) return [];
    const close = lines.findIndex(
      (other, at) => at > open && depths[at] === depths[open] && /^ *\}/.test(other),
    );
    const body = lines.slice(open + 1, close).filter((one) => /^\s*[^\s/*]/.test(one));
    if (body.length <= MOST_FUNCTION_LINES) return [];
    const head = lines.findLast(
      (other, at) => at <= open && depths[at] === depths[open] && /^\s*\w/.test(other),
    );
    const name = /^\s*(?:(?:export|default|async|function|const) )*(\w*)/.exec(head ?? "")?.[1];
    return [`${file}: ${name}`];
  });
}

test(`no function is longer than ${MOST_FUNCTION_LINES} lines`, () => {
  const files = [...sources, ...["scripts", "bench", "demo"].flatMap(filesIn)];
  assert.deepEqual(files.flatMap(longFunctions).sort(), KNOWN_LONG_FUNCTIONS);
});

test("no folder holds one file alone", () => {
  const alone = sources
    .map(dirname)
    .filter((folder, _, all) => all.filter((other) => other === folder).length < 2);
  assert.deepEqual(alone, []);
});

test("every relative import names its file, for Deno", () => {
  const bad = imports.filter(({ from }) => /^(src|plugins)\//.test(from) && !from.endsWith(".ts"));
  assert.deepEqual(shown(bad), []);
});

test("every package in the lock file has a hash, and none is tied to one registry", () => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, { integrity?: string; resolved?: string }>;
  };
  const entries = Object.entries(packages).filter(([path]) => path !== "");
  assert.ok(entries.length > 50, `${entries.length} packages were found`);
  const bad = entries.filter(([, { integrity, resolved }]) => !integrity?.startsWith("sha512-") || resolved);
  assert.deepEqual(
    bad.map(([path]) => path),
    [],
  );
});

test(".ci/run leaves out no kind of test", () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const run = readFileSync(join(ROOT, ".ci/run"), "utf8");
  // Others that it runs play the same files: `test:coverage` those of `test`.
  const covered = ["test", "test:all"];
  const left = Object.keys(scripts).filter((name) => /^test\b/.test(name) && !covered.includes(name));
  assert.deepEqual(
    left.filter((name) => !new RegExp(`^npm run ${name}( |$)`, "m").test(run)),
    [],
  );
});
