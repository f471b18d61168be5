/** Runs the snippets of the pages: configurations load, commands and routes exist, plugins compile. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { Ajv } from "ajv";
import { parse } from "yaml";
import { builtins } from "../../src/builtin-plugins.ts";
import { COMMANDS } from "../../src/commands/table.ts";
import { formatFaults } from "../../src/config/fault.ts";
import { loadConfig } from "../../src/config/load.ts";
import { createApp } from "../../src/http/app.ts";
import { inlineCodeOf, PAGES, ROOT, read, type Snippet, snippetsOf } from "./pages.ts";

/** What no test can run, and why. */
const NOT_RUN: Readonly<Record<string, string>> = {
  "docs/architecture.md: flowchart TD": "a diagram",
  "docs/alerts.md: webhook (http://127.0.0.1:9107): delivered, HTTP 200": "what a command prints",
};

const snippets = PAGES.flatMap(snippetsOf);
const inLanguage = (...languages: string[]) =>
  snippets.filter(({ language, name }) => languages.includes(language) && !Object.hasOwn(NOT_RUN, name));
const where = ({ page, line }: Snippet) => `${page}:${line}`;
const folder = mkdtempSync(join(tmpdir(), "watchdog-docs-"));
after(() => rmSync(folder, { recursive: true }));

test("every snippet is of a language that is run, or is in the list of those that are not", () => {
  const known = ["json", "yaml", "ts", "js", "sh"];
  const others = snippets.filter(
    ({ language, name }) => !known.includes(language) && !Object.hasOwn(NOT_RUN, name),
  );
  assert.deepEqual(others.map(where), []);
  const names = snippets.map(({ name }) => name);
  assert.deepEqual(
    Object.keys(NOT_RUN).filter((name) => !names.includes(name)),
    [],
  );
  assert.ok(snippets.length > 25, `${snippets.length} snippets were found`);
});

test("every example of JSON is JSON", () => {
  for (const snippet of inLanguage("json")) {
    assert.doesNotThrow(() => JSON.parse(snippet.text), where(snippet));
  }
});

/** Loads a configuration as the program does, in a folder of its own, beside the page's plugins. */
async function load(snippet: Snippet, extension: string): Promise<string> {
  const own = join(folder, `${snippet.page.replaceAll("/", "-")}-${snippet.line}`);
  mkdirSync(own);
  for (const { text } of inLanguage("js").filter(({ page }) => page === snippet.page)) {
    writeFileSync(join(own, "backup.mjs"), text);
  }
  writeFileSync(join(own, `watchdog.config.${extension}`), snippet.text);
  const loaded = await loadConfig({ env: {}, cwd: own, plugins: builtins });
  return loaded.ok ? "" : `${where(snippet)}: ${formatFaults(loaded.faults, loaded.source)}`;
}

/** Those of the pages are run by test/docs/migrating.test.ts. */
const isCompose = ({ text }: Snippet) => /^ {4}image: /m.test(text);
const isPlugin = ({ text }: Snippet) => text.includes("definePlugin");

test("every configuration loads without a fault", async () => {
  const yaml = inLanguage("yaml").filter((snippet) => !isCompose(snippet));
  const modules = inLanguage("ts").filter((snippet) => !isPlugin(snippet));
  assert.ok(yaml.length >= 3 && modules.length >= 1);
  const example = { page: "watchdog.config.example.yaml", line: 1, language: "yaml", name: "" };
  const wrong = [
    await load({ ...example, text: read(example.page) }, "yaml"),
    ...(await Promise.all(yaml.map((snippet) => load(snippet, "yaml")))),
    ...(await Promise.all(modules.map((snippet) => load(snippet, "ts")))),
  ];
  assert.deepEqual(
    wrong.filter((fault) => fault !== ""),
    [],
  );
});

test("every configuration in YAML passes the published JSON Schema", () => {
  // `secret` is a keyword of ours.
  const ajv = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true, keywords: ["secret"] });
  const validate = ajv.compile(JSON.parse(read("schema.json")));
  for (const snippet of inLanguage("yaml").filter((one) => !isCompose(one))) {
    assert.ok(validate(parse(snippet.text) ?? {}), `${where(snippet)}: ${JSON.stringify(validate.errors)}`);
  }
});

const TOKEN = "a-token-of-the-docs";

/** Every function of it says yes, so that only a route that does not exist answers 404 or 405. */
const app = createApp({
  tokens: [TOKEN],
  tick: async () => ({ ok: true, report: { status: "skipped", reason: "min_interval" } }),
  accepting: () => true,
  readiness: () => ({ ok: true, reason: "" }),
  status: () => ({}),
  reload: async () => ({ ok: true, text: "" }),
  config: () => ({}),
  service: async () => ({}),
  incidents: async () => ({}),
  incident: async () => ({}),
  operate: async () => ({ code: "done", text: "" }),
  outbox: () => ({}),
  replay: async () => true,
  refused() {},
  now: () => 0,
});

async function routeFault(method: string, url: string): Promise<string | undefined> {
  const path = url.replace(/^https?:\/\/[^/]+/, "").replace(/:\w+/g, "x") || "/";
  const { status } = await app.request(path, { method, headers: { "x-api-key": TOKEN } });
  return status < 400 ? undefined : `${method} ${path} answers ${status}`;
}

function commandFault(words: readonly string[]): string | undefined {
  const [first = "", second = ""] = words;
  if (["help", "--version", "--help", "version"].includes(first)) return undefined;
  const command = COMMANDS.find(({ name }) => name === `${first} ${second}` || name === first);
  if (command === undefined) return `there is no command "${words.join(" ")}"`;
  const rest = words.slice(command.name.split(" ").length);
  const { values = {} } = command;
  for (const name of Object.keys(values)) {
    const at = rest.findIndex((word) => word === `--${name}` || word === `-${name[0]}`);
    if (at >= 0) rest.splice(at, 2);
  }
  const flags = rest.filter((word) => word.startsWith("--"));
  const unknown = flags.find((flag) => !Object.hasOwn(command.options, flag.slice(2)));
  if (unknown !== undefined) return `"${command.name}" has no ${unknown}`;
  return rest.length - flags.length > command.takes.length ? `"${command.name}" takes less` : undefined;
}

const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };

function scriptFault(words: readonly string[]): string | undefined {
  const [verb, name] = words.filter((word) => !word.startsWith("-"));
  if (verb === "ci") return undefined;
  const script = verb === "run" ? name : verb;
  return script !== undefined && Object.hasOwn(scripts, script) ? undefined : `npm has no script ${script}`;
}

/** Programs of the system: of their words, only paths into the project can be checked. */
const SYSTEM = new Set([
  "cp",
  "crontab",
  "install",
  "kubectl",
  "mkdir",
  "openssl",
  "printf",
  "systemctl",
  "tee",
]);

async function lineFault(line: string): Promise<string | undefined> {
  const words = line
    .replaceAll(/['"()]/g, "")
    .split(/\s+/)
    .filter((word) => word !== "" && word !== "sudo");
  while (/^[A-Z_]+=/.test(words[0] ?? "")) words.shift();
  const [program = "", ...rest] = words;
  const paths = words.filter((word) => /^(deploy|src|docs|scripts)\//.test(word) && !word.includes("*"));
  const missing = paths.find((path) => !existsSync(join(ROOT, path)));
  if (missing !== undefined) return `there is no ${missing}`;
  const own = words.findLastIndex((word) => word === "spreadpilot-watchdog" || word === "src/cli.ts");
  switch (program) {
    case "npm":
      return scriptFault(rest);
    case "npx":
      return commandFault(words.slice(own + 1));
    case "docker":
      return rest[0] === "exec" ? commandFault(words.slice(own + 1)) : undefined;
    case "spreadpilot-watchdog":
      return commandFault(rest);
    case "curl": {
      const method = rest[rest.indexOf("-X") + 1] ?? "GET";
      return routeFault(method, rest.find((word) => word.startsWith("http")) ?? "");
    }
    default:
      return SYSTEM.has(program) || /^(umask|\.ci\/run)$/.test(program) ? undefined : `what is ${program}?`;
  }
}

test("every shell snippet has commands, options, scripts, files and routes that exist", async () => {
  const faults: string[] = [];
  for (const snippet of inLanguage("sh")) {
    const whole = snippet.text
      .replaceAll(/(^|\s)#.*$/gm, "")
      .replaceAll(/\\\n\s*/g, " ")
      .replaceAll(/\$\([^)]*\)/g, "x");
    const lines = whole.split(/\n|&&|;|\|(?!\|)/).map((line) => line.trim());
    for (const line of lines.filter(Boolean)) {
      const fault = await lineFault(line);
      if (fault !== undefined) faults.push(`${where(snippet)}: ${fault}`);
    }
  }
  assert.deepEqual(faults, []);
});

test("commands, scripts and routes in running text exist, too", async () => {
  const faults: string[] = [];
  let count = 0;
  for (const page of PAGES.filter((one) => one !== "CHANGELOG.md")) {
    for (const code of inlineCodeOf(page)) {
      const route = /^(GET|POST) (\/\S*)$/.exec(code);
      const command = /^(?:spreadpilot-watchdog|…) ([a-z].*)$/.exec(code);
      const script = /^(?:[A-Z_]+=\S+ )*npm (run .*|test.*|start)$/.exec(code);
      if (!route && !command && !script) continue;
      count++;
      const text = (command ?? script)?.[1] ?? "";
      const words = text.replaceAll(/\[[A-Z]+\]|(?<= )(ID|NAME)$/g, "x").split(/\s+/);
      const fault = route
        ? await routeFault(route[1]!, route[2]!)
        : command
          ? commandFault(words)
          : scriptFault(words);
      if (fault !== undefined) faults.push(`${page}: ${code}: ${fault}`);
    }
  }
  assert.ok(count > 40, `${count} were found`);
  assert.deepEqual(faults, []);
});

test("every plugin in TypeScript compiles", {
  skip: "Deno" in globalThis && "tsc is run by Node",
}, async () => {
  const plugins = inLanguage("ts").filter(isPlugin);
  assert.ok(plugins.length >= 1);
  const own = join(folder, "plugins");
  mkdirSync(own);
  symlinkSync(join(ROOT, "node_modules"), join(own, "node_modules"));
  const files = plugins.map(({ text }, at) => {
    writeFileSync(join(own, `plugin-${at}.ts`), text);
    return `plugin-${at}.ts`;
  });
  const compilerOptions = {
    paths: { "spreadpilot-watchdog/plugin": [join(ROOT, "src/plugin.ts")] },
    types: ["node"],
  };
  const config = { extends: join(ROOT, "tsconfig.json"), compilerOptions, files, include: [] };
  writeFileSync(join(own, "tsconfig.json"), JSON.stringify(config));
  writeFileSync(join(own, "package.json"), '{ "type": "module" }\n');
  const tsc = promisify(execFile)(join(ROOT, "node_modules/.bin/tsc"), ["-p", own]);
  await tsc.catch(({ stdout }) => assert.fail(String(stdout)));
});
