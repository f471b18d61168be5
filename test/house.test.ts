/** The house stays as design.md lays it out: imports point one way, and files stay small. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const ENTRIES = new Set(["src/builtins.ts", "src/main.ts", "src/cli.ts", "src/serve.ts", "src/watchdog.ts"]);
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

test("a plugin imports src/plugin.ts, its own folder, node and packages, and nothing else of ours", () => {
  const bad = imports.filter(({ file, from }) => {
    if (!file.startsWith("plugins/") || !/^(src|plugins)\//.test(from)) return false;
    const own = `plugins/${file.slice("plugins/".length).split("/")[0]!.replace(/\.ts$/, "")}`;
    return from !== "src/plugin.ts" && !from.startsWith(`${own}/`);
  });
  assert.deepEqual(shown(bad), []);
});

test("the runner knows no plugin: only the list of built-in ones imports them", () => {
  const bad = imports.filter(
    ({ file, from }) => file.startsWith("src/") && from.startsWith("plugins/") && file !== "src/builtins.ts",
  );
  assert.deepEqual(shown(bad), []);
});

test("only commands know the list of built-in plugins", () => {
  const bad = imports.filter(
    ({ file, from }) => from === "src/builtins.ts" && !ENTRIES.has(file) && !file.startsWith("src/commands/"),
  );
  assert.deepEqual(shown(bad), []);
});

test("the runner names no vendor", () => {
  const vendors = /["'](docker-cli-js|nodemailer|redis)["']/;
  const bad = filesIn("src").filter((file) => vendors.test(readFileSync(join(ROOT, file), "utf8")));
  assert.deepEqual(bad, []);
});

const linesOf = (file: string) => readFileSync(join(ROOT, file), "utf8").split("\n").length - 1;

test(`no source is past ${MOST_LINES} lines, and no test past ${MOST_TEST_LINES}`, () => {
  const long = [
    ...[...sources, ...filesIn("scripts"), ...filesIn("bench")].filter((file) => linesOf(file) > MOST_LINES),
    ...filesIn("test").filter((file) => linesOf(file) > MOST_TEST_LINES),
  ];
  assert.deepEqual(long, []);
});

test("every relative import names its file, for Deno", () => {
  const bad = imports.filter(({ from }) => /^(src|plugins)\//.test(from) && !from.endsWith(".ts"));
  assert.deepEqual(shown(bad), []);
});
